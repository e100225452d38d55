"""Inspect: defects and how they look, evidence and verdict, views of faces, and the expert's success rate."""

import numpy as np
import pytest

from robodl_envs import make_policy
from robodl_envs.arrays import quat_conjugate, quat_rotate
from robodl_envs.gym_env import make, make_vec
from robodl_envs.perception.defects import (
    BLOCK,
    FACES,
    IS_BAD,
    KIND_SHARES,
    KINDS,
    MARKS,
    MARKS_OF_KIND,
    MAX_DEFECT_OFFSET,
    MIN_PIN_DISTANCE,
    PIN_POSITIONS,
)

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def many():
    """2000 parts at the start of episodes, read-only."""
    envs = make_vec("inspect", num_envs=2000)
    envs.batch.sim.bind("geom_xpos")  # before the reset, which makes it current
    envs.reset(seed=0)
    return envs


def in_block(envs, name):
    """Positions of a geom in the block's frame, (N, 3) m, as MuJoCo computes them."""
    part, sim = envs.task.part, envs.batch.sim
    offset = sim.bind("geom_xpos")[:, int(sim.model.geom(name).id)] - part.pos
    return quat_rotate(quat_conjugate(part.quat), offset)


def is_drawn(envs, name):
    """Rows, (N,) bool, in which a geom is not transparent."""
    sim = envs.batch.sim
    return sim.expanded["geom_rgba"][:, int(sim.model.geom(name).id), 3] > 0.0


def test_shares_of_kinds_and_faces(many):
    defects = many.task.defects
    np.testing.assert_allclose(defects.kind.mean(axis=0), KIND_SHARES, atol=0.03)
    np.testing.assert_allclose(defects.face[defects.kind[:, 0] == 0].mean(axis=0), np.full(3, 1 / 3), atol=0.04)
    assert (defects.face.sum(axis=1) == (defects.kind[:, 0] == 0)).all()
    np.testing.assert_array_equal(defects.is_bad, np.array(IS_BAD)[defects.kind.argmax(axis=1)])


def test_marks_lie_on_the_defects_face_and_no_others_are_drawn(many):
    """Each mark of a kind at the surface of its face, within its edges and beside its pins."""
    defects = many.task.defects
    kind, face = defects.kind.argmax(axis=1), defects.face.argmax(axis=1)
    for k, name in enumerate(MARKS):
        position = in_block(many, name)
        drawn = np.array(MARKS_OF_KIND)[kind, k]
        np.testing.assert_array_equal(is_drawn(many, name), drawn)
        top, side = drawn & (face == 0), drawn & (face > 0)
        np.testing.assert_allclose(position[top, 2], BLOCK[2], atol=1e-9)
        np.testing.assert_allclose(position[side, 1], np.where(face[side] == 1, BLOCK[1], -BLOCK[1]), atol=1e-9)
        assert (abs(position[drawn]) <= np.array(BLOCK) + 1e-9).all()
    scratched = (kind == KINDS.index("scratch")) & (face == 0)
    spot = in_block(many, "scratch")[scratched][:, :2]
    assert (abs(spot) <= MAX_DEFECT_OFFSET).all()
    assert np.sqrt(((spot[:, None] - PIN_POSITIONS) ** 2).sum(axis=2)).min() >= MIN_PIN_DISTANCE


def test_a_missing_pin_leaves_a_hole(many):
    """One pin is not drawn, and the hollow is in its place; all others are."""
    defects = many.task.defects
    names = [f"pin{f}{p}" for f in range(len(FACES)) for p in range(len(PIN_POSITIONS))]
    pins = np.stack([in_block(many, name) for name in names], axis=1)  # (N, 9, 3)
    absent = ~np.stack([is_drawn(many, name) for name in names], axis=1)
    np.testing.assert_allclose(pins, np.broadcast_to(pins[:1], pins.shape), atol=1e-9)
    missing = defects.kind[:, KINDS.index("missing_pin")] > 0
    np.testing.assert_array_equal(absent.sum(axis=1), missing)
    index = absent[missing].argmax(axis=1)
    np.testing.assert_allclose(in_block(many, "hollow")[missing], pins[missing, index], atol=1e-9)
    np.testing.assert_array_equal(index // len(PIN_POSITIONS), defects.face[missing].argmax(axis=1))


def test_marks_that_a_part_does_not_have_are_in_no_image(renderer):
    """Images do not depend on their position and size; if they were drawn, images would show them."""
    cameras = [camera + suffix for camera in ("top", "wrist") for suffix in ("", "_depth", "_segmentation")]
    envs = make_vec("inspect", num_envs=12, observation="image", cameras=cameras, image_size=64, renderer=renderer)
    first, _ = envs.reset(seed=0)
    sim, ids = envs.batch.sim, np.arange(12)
    color, position = sim.expanded["geom_rgba"], sim.expanded["geom_pos"]
    hidden = color[..., 3] == 0.0
    assert hidden.any(axis=1).all()
    position[hidden], sim.expanded["geom_size"][hidden] = [0.0, 0.0, 0.06], 0.02  # above the block

    def images():
        sim.forward()
        return envs.batch.observe(ids)

    moved = images()
    for name in cameras:
        np.testing.assert_array_equal(moved[name], first[name], err_msg=name)
    color[hidden, 3] = 1.0
    drawn = images()
    nearer = [(drawn[name] < first[name]).any(axis=(1, 2, 3)) for name in ("top_depth", "wrist_depth")]
    assert np.any(nearer, axis=0).all()  # the arm hides some from above
    envs.close()


def test_evidence_is_the_highest_mean_of_three_probabilities():
    """One wrong answer condemns no part; two in three steps do, for good; a probability of one half does not."""
    envs = make_vec("inspect", num_envs=4, max_episode_steps=50)
    envs.reset(seed=0)
    action = np.zeros((4, envs.single_action_space.shape[0]))
    answers = np.full((10, 4), -1.0)
    answers[4, 0] = 1.0
    answers[[4, 6], 1] = 1.0
    answers[:, 2] = 0.0
    for answer in answers:
        action[:, -1] = answer
        *_, info = envs.step(action)
    np.testing.assert_allclose(info["evidence"], [1 / 3, 2 / 3, 0.5, 0.0], atol=1e-3)
    assert (info["evidence"] > envs.task.threshold).tolist() == [False, True, False, False]


def test_a_verdict_counts_only_after_views_of_all_faces():
    task = make("inspect").task
    achieved = np.array([[0.9, 1.0], [0.9, 2 / 3], [0.1, 1.0], [0.1, 1.0], [0.9, 1.0]])
    desired = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    assert task.success(achieved, desired).tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(task.reward(achieved, desired), [-0.1, -0.1 - 0.5 / 3, -0.1, -0.9, -0.9])


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.2])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold must be"):
        make("inspect", threshold=threshold)


def test_the_first_view_hides_the_sides(many):
    """Defects of the left and the right, two thirds of all, are at first at more than 70 degrees, or out of view."""
    task = many.task
    offset = task.camera.pos[:, None] - task.defects.centers_of_faces()
    cosine = (offset * task.defects.normals_of_faces()).sum(axis=2) / np.sqrt((offset**2).sum(axis=2))
    assert (cosine[:, 1:] < np.cos(np.radians(70.0))).all()
    assert task.faces_in_view()[:, 0].mean() > 0.95 and not task.faces_in_view()[:, 1:].any()


@pytest.mark.parametrize("robot", ["panda", "ur5e"])
def test_the_expert_finds_every_defect(robot):
    """It views all faces, and bad parts have more evidence than good ones."""
    num = 60
    envs = make_vec("inspect", num_envs=num, robot=robot, autoreset_mode="Disabled", max_episode_steps=120)
    policy, (observation, info) = make_policy("expert", envs), envs.reset(seed=2**31)
    for _ in range(120):
        observation, *_, info = envs.step(policy(observation))
    assert info["success_at_end"].mean() >= 0.95
    evidence, bad = info["evidence"], info["is_bad"].astype(bool)
    ordered = evidence[bad][:, None] > evidence[~bad]  # each pair of a bad and a good part
    assert ordered.mean() > 0.97 and (info["views"] == len(FACES)).mean() >= 0.95


def test_the_first_image_shows_only_defects_of_the_top():
    """It differs from the image of the same part without marks only where a mark is on the top."""
    envs = make_vec("inspect", num_envs=60, observation="image", image_size=64)
    image = envs.reset(seed=3)[0]["wrist"].astype(int)
    defects, sim = envs.task.defects, envs.batch.sim
    defects.marks.pos[:] = 0.0  # into the block
    sim.forward()
    without_marks = envs.batch.observe(envs.batch.all)["wrist"].astype(int)
    changed = (abs(image - without_marks).max(axis=3) > 20).sum(axis=(1, 2))
    marked, top = defects.kind[:, 0] == 0, defects.face[:, 0] > 0
    assert (changed[~marked] == 0).all()
    assert (changed[marked & top] >= 2).all()
    assert np.median(changed[marked & ~top]) == 0  # sides are hidden from the first view
