"""ReadDigit: handwriting, poses of plates, the committed answer, and success rates of an expert and of guessing."""

import numpy as np
import pytest

from robodl_envs import make_policy
from robodl_envs.arrays import quat_conjugate, quat_rotate
from robodl_envs.gym_env import make_vec
from robodl_envs.perception.digit_plate import DIGITS, INK, PAPER
from robodl_envs.perception.handwriting import PIECES, TEMPLATES, write
from robodl_envs.perception.read_digit import FACING, HIGH, LOW
from robodl_envs.random_streams import RandomStreams

pytestmark = pytest.mark.unit


def joined(ends):
    """Test which pieces begin where the one before ends: (..., PIECES - 1) bool."""
    return np.sqrt(((ends[..., 1:, 0, :] - ends[..., :-1, 1, :]) ** 2).sum(axis=-1)) < 1e-9


def test_pieces_that_are_joined_in_a_template_stay_joined():
    """However a digit is stretched and bent, strokes do not break; and no two digits are alike."""
    ids, digits = np.arange(500), np.arange(500) % 10
    rng, rng_of_shapes = RandomStreams(500), RandomStreams(500)
    rng.seed(ids, ids)
    rng_of_shapes.seed(ids, ids)
    ends = write(TEMPLATES, digits, ids, rng)
    shape = rng_of_shapes.integers(ids, TEMPLATES.shape[1])  # the first number that `write` draws
    assert ends.shape == (500, PIECES, 2, 2)
    assert (joined(ends) >= joined(TEMPLATES[digits, shape])).all()
    assert (abs(ends) < 1.7).all()  # a digit of 36 mm x 1.7 may leave its plate of 50 mm by a pen's width or two
    assert len({one.tobytes() for one in ends}) == 500


def test_plates_lie_within_the_bounds_of_poses():
    envs = make_vec("read_digit", num_envs=1000)
    envs.reset(seed=0)
    task = envs.task
    assert (task.part.pos >= LOW).all() and (task.part.pos <= HIGH).all()
    normal = task.part.axis(np.array([0.0, 0.0, 1.0]))
    tilt, heading = np.arccos(normal[:, 2]), np.arctan2(normal[:, 1], -normal[:, 0])  # rad from upwards, and from -x
    assert (tilt > task.least_tilt - 1e-9).all() and (tilt < task.most_tilt + 1e-9).all()
    assert (abs(heading) < FACING + 1e-9).all() and np.ptp(heading) > 1.9 * FACING
    np.testing.assert_allclose(task.plate.digit.mean(axis=0), np.full(10, 0.1), atol=0.04)


def test_a_committed_answer_is_frozen():
    """Later scores change nothing; without a commitment the last ones count."""
    envs = make_vec("read_digit", num_envs=3, max_episode_steps=50)
    envs.reset(seed=0)
    action = np.full((3, envs.single_action_space.shape[0]), -1.0)
    action[:, :6] = 0.0
    two, seven = action.copy(), action.copy()
    two[:, 6 + 2] = seven[:, 6 + 7] = 1.0
    two[0, -1] = seven[1, -1] = 1.0  # commit: in the first step, in the second, never
    for answer in (two, seven, seven, two):
        observation, *_, info = envs.step(answer)
    assert observation["achieved_goal"][:, :-1].argmax(axis=1).tolist() == [2, 7, 2]
    assert info["is_final"].tolist() == [True, True, False]
    assert info["steps_used"].tolist() == [1, 2, 4]


def test_success_is_a_committed_answer_with_more_than_half_of_the_probability():
    task = make_vec("read_digit", num_envs=2).task
    desired = np.tile(np.append(np.eye(10)[3], 1.0), (3, 1))
    achieved = np.zeros((3, 11))
    achieved[:, 3], achieved[:, 8], achieved[:, -1] = (0.6, 0.4, 0.6), (0.4, 0.6, 0.4), (1.0, 1.0, 0.0)
    assert task.success(achieved, desired).tolist() == [True, False, False]
    np.testing.assert_allclose(task.reward(achieved, desired), [-0.4, -0.6, -0.9])


def test_goal_distance_is_that_of_the_answers():
    """Of probabilities and the truth; whether the answer is committed does not count."""
    envs = make_vec("read_digit", num_envs=5)
    observation, _ = envs.reset(seed=0)
    answers = [observation[name][:, :-1] for name in ("achieved_goal", "desired_goal")]
    np.testing.assert_allclose(envs.goal_distance(), np.linalg.norm(answers[0] - answers[1], axis=1), rtol=1e-6)


@pytest.mark.parametrize(("policy", "least", "most"), [("expert", 0.95, 1.0), ("random", 0.0, 0.2), ("zero", 0.0, 0.0)])
def test_success_rates(policy, least, most):
    """Of the Panda in 100 episodes; guesses are right once in ten."""
    envs = make_vec("read_digit", num_envs=100, autoreset_mode="Disabled", max_episode_steps=60)
    act, (observation, info) = make_policy(policy, envs), envs.reset(seed=2**31)
    for _ in range(60):
        observation, *_, info = envs.step(act(observation))
    assert least <= info["success_at_end"].mean() <= most
    assert {"is_right", "is_final", "steps_used"} <= info.keys()


def test_colour_variation_starts_from_each_episodes_own_colours():
    """Colours do not drift from episode to episode."""
    envs = make_vec(
        "read_digit", num_envs=64, observation="image", image_size=8, randomize={"colors": 0.2}, max_episode_steps=1
    )
    envs.reset(seed=0)
    plate = envs.task.plate
    for _ in range(20):
        envs.reset()
        paper, ink = plate.plate.rgba[..., :3], plate.strokes.rgba[..., :3]
        assert len(np.unique(paper, axis=0)) == 64
        assert (paper >= PAPER[0] - 0.2 - 1e-9).all() and (ink <= INK[1] + 0.2 + 1e-9).all()
        assert paper.mean() > 0.7 and ink.mean() < 0.3


def test_strokes_lie_in_the_plates_surface():
    """As MuJoCo computes their poses."""
    envs = make_vec("read_digit", num_envs=20)
    geom_xpos = envs.batch.sim.bind("geom_xpos")
    envs.reset(seed=0)
    part, plate = envs.task.part, envs.task.plate
    strokes = [int(envs.batch.model.geom(f"stroke{k}").id) for k in range(PIECES)]
    offset = geom_xpos[:, strokes] - part.pos[:, None]
    in_part = quat_rotate(quat_conjugate(part.quat)[:, None], offset)
    np.testing.assert_allclose(in_part, plate.strokes.pos, atol=1e-12)
    assert len({row.tobytes() for row in in_part.round(9)}) == len(DIGITS) * 2
