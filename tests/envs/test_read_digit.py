"""ReadDigit: how digits are written, where plates are, what is final, and what an expert and a floor reach."""

import numpy as np
import pytest

from robodl_envs import make_policy
from robodl_envs.arrays import quat_conjugate, quat_rotate
from robodl_envs.gym_env import make_vec
from robodl_envs.perception.handwriting import PIECES, TEMPLATES, write
from robodl_envs.perception.read_digit import DIGITS, FACING, HIGH, INK, LOW, PAPER
from robodl_envs.random_streams import RandomStreams


def joints(ends):
    """Which pieces begin where the one before ends: (..., PIECES - 1) bool."""
    return np.sqrt(((ends[..., 1:, 0, :] - ends[..., :-1, 1, :]) ** 2).sum(axis=-1)) < 1e-9


def test_pieces_that_were_joined_stay_so():
    """However a writer bends a digit, strokes do not break; and no two writers write the same."""
    ids, digits = np.arange(500), np.arange(500) % 10
    rng, ways = RandomStreams(500), RandomStreams(500)
    rng.seed(ids, ids)
    ways.seed(ids, ids)
    ends = write(digits, ids, rng)
    way = ways.integers(ids, TEMPLATES.shape[1])  # the first that a writer draws
    assert ends.shape == (500, PIECES, 2, 2)
    assert (joints(ends) >= joints(TEMPLATES[digits, way])).all()
    assert (abs(ends) < 1.7).all()  # a digit of 36 mm x 1.7 may leave its plate of 50 mm by a pen's width or two
    assert len({one.tobytes() for one in ends}) == 500


def test_plates_are_where_they_may_be():
    envs = make_vec("read_digit", num_envs=1000)
    envs.reset(seed=0)
    task = envs.task
    assert (task.part.pos >= LOW).all() and (task.part.pos <= HIGH).all()
    normal = task.part.axis((0.0, 0.0, 1.0))
    lean, side = np.arccos(normal[:, 2]), np.arctan2(normal[:, 1], -normal[:, 0])  # rad from upwards, and from -x
    assert (lean > task.least_tilt - 1e-9).all() and (lean < task.most_tilt + 1e-9).all()
    assert (abs(side) < FACING + 1e-9).all() and np.ptp(side) > 1.9 * FACING
    np.testing.assert_allclose(task.digit.mean(axis=0), np.full(10, 0.1), atol=0.04)


def test_a_final_answer_is_frozen():
    """What is said after it changes nothing; before it, what was said last counts."""
    envs = make_vec("read_digit", num_envs=3, max_episode_steps=50)
    envs.reset(seed=0)
    action = np.full((3, envs.single_action_space.shape[0]), -1.0)
    action[:, :6] = 0.0
    first, second = action.copy(), action.copy()
    first[:, 6 + 2] = second[:, 6 + 7] = 1.0  # two, then seven
    first[0, -1] = second[1, -1] = 1.0  # final: at once, later, never
    for words in (first, second, second, first):
        observation, *_, info = envs.step(words)
    assert observation["achieved_goal"][:, :-1].argmax(axis=1).tolist() == [2, 7, 2]
    assert info["is_final"].tolist() == [True, True, False]
    assert info["steps_used"].tolist() == [1, 2, 4]


def test_success_is_a_final_answer_with_more_than_half_of_the_probability():
    task = make_vec("read_digit", num_envs=1).task
    desired = np.tile(np.append(np.eye(10)[3], 1.0), (3, 1))
    achieved = np.zeros((3, 11))
    achieved[:, 3], achieved[:, 8], achieved[:, -1] = (0.6, 0.4, 0.6), (0.4, 0.6, 0.4), (1.0, 1.0, 0.0)
    assert task.success(achieved, desired).tolist() == [True, False, False]
    np.testing.assert_allclose(task.reward(achieved, desired), [-0.4, -0.6, -0.9])
    np.testing.assert_allclose(task.distance(achieved, desired), [0.4, 0.6, 0.4])


@pytest.mark.parametrize(("policy", "least", "most"), [("expert", 0.95, 1.0), ("random", 0.0, 0.2), ("zero", 0.0, 0.0)])
def test_accuracy(policy, least, most):
    """Of the Panda in 100 episodes; guesses are right once in ten."""
    envs = make_vec("read_digit", num_envs=100, autoreset_mode="Disabled", max_episode_steps=60)
    act, (observation, info) = make_policy(policy, envs), envs.reset(seed=2**31)
    for _ in range(60):
        observation, *_, info = envs.step(act(observation))
    assert least <= info["success_at_end"].mean() <= most
    assert set(envs.task.summary(info)) == {"accuracy", "final", "steps_used"}


def test_plates_keep_their_looks_under_other_colours():
    """Colours vary from what an episode chose, and start from there again in the next: they do not drift."""
    envs = make_vec(
        "read_digit", num_envs=64, observation="image", image_size=8, randomize={"colors": 0.2}, max_episode_steps=1
    )
    envs.reset(seed=0)
    task = envs.task
    for _ in range(20):
        envs.reset()
        paper, ink = task.color[:, task.plate, :3], task.color[:, task.strokes, :3]
        assert len(np.unique(paper, axis=0)) == 64
        assert (paper >= PAPER[0] - 0.2 - 1e-9).all() and (ink <= INK[1] + 0.2 + 1e-9).all()
        assert paper.mean() > 0.7 and ink.mean() < 0.3


def test_strokes_lie_on_the_plate():
    """In its frame the middles of all strokes are at its surface, as drawn by MuJoCo."""
    envs = make_vec("read_digit", num_envs=20)
    place = envs.batch.sim.bind("geom_xpos")
    envs.reset(seed=0)
    task = envs.task
    way = place[:, task.strokes] - task.part.pos[:, None]
    own = quat_rotate(quat_conjugate(task.part.quat)[:, None], way)
    np.testing.assert_allclose(own, task.geom_pos[:, task.strokes], atol=1e-12)
    assert len({row.tobytes() for row in own.round(9)}) == len(DIGITS) * 2
