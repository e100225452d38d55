"""Inspect: flaws where they are said to be, evidence and verdict, faces viewed, and what an expert reaches."""

import numpy as np
import pytest

from robodl_envs import make_policy
from robodl_envs.arrays import quat_conjugate, quat_rotate
from robodl_envs.gym_env import make, make_vec
from robodl_envs.perception.defects import BAD, CLEAR, FACES, HALF, KINDS, MARKS, PINS, SHARES, SHOWN, SPOT
from robodl_envs.perception.inspect import auroc, stricter


@pytest.fixture(scope="module")
def many():
    """2000 parts as they lie at the start; nothing moves them."""
    envs = make_vec("inspect", num_envs=2000)
    envs.batch.sim.bind("geom_xpos")  # before the reset, which makes it current
    envs.reset(seed=0)
    return envs


def in_block(envs, name):
    """Where a geom is, (N, 3) m, in the block's frame, by what is drawn."""
    task, sim = envs.task, envs.batch.sim
    way = sim.bind("geom_xpos")[:, int(sim.model.geom(name).id)] - task.part.pos
    return quat_rotate(quat_conjugate(task.part.quat), way)


def opaque(envs, name):
    """Whether a geom is drawn, (N,) bool."""
    sim = envs.batch.sim
    return sim.own["geom_rgba"][:, int(sim.model.geom(name).id), 3] > 0.0


def test_kinds_and_faces_come_as_often_as_they_should(many):
    flaws = many.task.flaws
    np.testing.assert_allclose(flaws.kind.mean(axis=0), SHARES, atol=0.03)
    np.testing.assert_allclose(flaws.face[flaws.kind[:, 0] == 0].mean(axis=0), np.full(3, 1 / 3), atol=0.04)
    assert (flaws.face.sum(axis=1) == (flaws.kind[:, 0] == 0)).all()
    np.testing.assert_array_equal(flaws.is_bad, np.array(BAD)[flaws.kind.argmax(axis=1)])


def test_marks_lie_on_the_flaws_face_and_no_others_are_drawn(many):
    """What is drawn: each mark of a kind at the surface of its face, within its edges and beside its pins."""
    flaws = many.task.flaws
    kind, face = flaws.kind.argmax(axis=1), flaws.face.argmax(axis=1)
    for k, name in enumerate(MARKS):
        place = in_block(many, name)
        shown = SHOWN[kind, k]
        np.testing.assert_array_equal(opaque(many, name), shown)
        top, side = shown & (face == 0), shown & (face > 0)
        np.testing.assert_allclose(place[top, 2], HALF[2], atol=1e-9)
        np.testing.assert_allclose(place[side, 1], np.where(face[side] == 1, HALF[1], -HALF[1]), atol=1e-9)
        assert (abs(place[shown]) <= np.array(HALF) + 1e-9).all()
    own = kind == KINDS.index("scratch")
    spot = in_block(many, "scratch")[own & (face == 0)][:, :2]
    assert (abs(spot) <= SPOT).all()
    assert np.sqrt(((spot[:, None] - PINS) ** 2).sum(axis=2)).min() >= CLEAR


def test_a_missing_pin_leaves_a_hole(many):
    """One pin is not drawn, and the hollow is in its place; all others are."""
    flaws = many.task.flaws
    names = [f"pin{f}{p}" for f in range(len(FACES)) for p in range(len(PINS))]
    pins = np.stack([in_block(many, name) for name in names], axis=1)  # (N, 9, 3)
    gone = ~np.stack([opaque(many, name) for name in names], axis=1)
    np.testing.assert_allclose(pins, np.broadcast_to(pins[:1], pins.shape), atol=1e-9)
    missing = flaws.kind[:, KINDS.index("missing_pin")] > 0
    np.testing.assert_array_equal(gone.sum(axis=1), missing)
    which = gone[missing].argmax(axis=1)
    np.testing.assert_allclose(in_block(many, "hollow")[missing], pins[missing, which], atol=1e-9)
    np.testing.assert_array_equal(which // len(PINS), flaws.face[missing].argmax(axis=1))


def test_what_a_part_has_not_is_in_no_picture(renderer):
    """Pictures are the same wherever it is put, and however large; drawn, it would be seen there."""
    cameras = [camera + kind for camera in ("top", "wrist") for kind in ("", "_depth", "_segmentation")]
    envs = make_vec("inspect", num_envs=12, observation="image", cameras=cameras, image_size=64, renderer=renderer)
    first, _ = envs.reset(seed=0)
    sim, eyes, ids = envs.batch.sim, envs.batch.eyes, np.arange(12)
    color, place = sim.own["geom_rgba"], sim.own["geom_pos"]
    unseen = color[..., 3] == 0.0
    assert unseen.any(axis=1).all()
    place[unseen], sim.own["geom_size"][unseen] = [0.0, 0.0, 0.06], 0.02  # above the block

    def pictures():
        sim.forward(ids)
        eyes.capture(ids, envs.batch.rng)
        return eyes.images()

    moved = pictures()
    for name in cameras:
        np.testing.assert_array_equal(moved[name], first[name], err_msg=name)
    color[unseen, 3] = 1.0
    drawn = pictures()
    nearer = [(drawn[name] < first[name]).any(axis=(1, 2, 3)) for name in ("top_depth", "wrist_depth")]
    assert np.any(nearer, axis=0).all()  # the arm hides some from above


def test_evidence_is_the_most_of_the_mean_of_three(rng):
    """One picture that was mistaken condemns nothing; two in three do, for good; half sure is not sure."""
    envs = make_vec("inspect", num_envs=4, max_episode_steps=50)
    envs.reset(seed=0)
    action = np.zeros((4, envs.single_action_space.shape[0]))
    said = np.full((10, 4), -1.0)
    said[4, 0] = 1.0
    said[[4, 6], 1] = 1.0
    said[:, 2] = 0.0
    for words in said:
        action[:, -1] = words
        *_, info = envs.step(action)
    np.testing.assert_allclose(info["evidence"], [1 / 3, 2 / 3, 0.5, 0.0], atol=1e-3)
    assert (info["evidence"] > envs.task.threshold).tolist() == [False, True, False, False]


def test_a_verdict_counts_only_once_all_faces_were_viewed():
    task = make("inspect").task
    achieved = np.array([[0.9, 1.0], [0.9, 2 / 3], [0.1, 1.0], [0.1, 1.0], [0.9, 1.0]])
    desired = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    assert task.success(achieved, desired).tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(task.reward(achieved, desired), [-0.1, -0.1 - 0.5 / 3, -0.1, -0.9, -0.9])


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.2])
def test_senseless_thresholds_are_refused(threshold):
    with pytest.raises(ValueError, match="threshold must be"):
        make("inspect", threshold=threshold)


def test_the_first_view_hides_the_sides(many):
    """Defects of the left and the right, two thirds of all, are seen from the start at more than 70 degrees, or not."""
    task = many.task
    way = task.eye.pos[:, None] - task.flaws.middles()
    facing = (way * task.flaws.normals()).sum(axis=2) / np.sqrt((way**2).sum(axis=2))
    assert (facing[:, 1:] < np.cos(np.radians(70.0))).all()
    assert task.in_view()[:, 0].mean() > 0.95 and not task.in_view()[:, 1:].any()


def test_auroc():
    bad = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.8, 0.1, 0.2]), bad) == 1.0
    assert auroc(np.array([0.1, 0.2, 0.9, 0.8]), bad) == 0.0
    assert auroc(np.full(4, 0.3), bad) == 0.5
    assert auroc(np.array([0.9, 0.2, 0.2, 0.1]), bad) == 0.875  # 3 of 4 pairs, and half of a tie
    assert np.isnan(auroc(np.ones(2), np.array([True, True]))) and np.isnan(auroc(np.ones(2), np.array([False] * 2)))


def test_a_stricter_threshold_lets_few_be_above():
    scores = np.arange(40) / 40
    assert stricter(scores, 0.05) == 37 / 40 and (scores > stricter(scores, 0.05)).sum() == 2
    assert stricter(scores, 0.0) == 39 / 40 and stricter(scores[:0], 0.05) == 1.0


def test_summary_counts_what_escapes_and_what_is_rejected_in_vain():
    task = make("inspect").task
    last = {
        "evidence": np.array([0.9, 0.4, 0.6, 0.1, 0.2]),
        "is_bad": np.array([True, True, False, False, False]),
        "views": np.array([3, 3, 2, 1, 3]),
    }
    summary = task.summary(last)
    rates = {"auroc": 5 / 6, "escape_rate": 1 / 2, "overkill": 1 / 3, "escape_at_5": 1 / 2}
    assert summary == pytest.approx({**rates, "threshold_at_5": 0.6, "views": 12 / 5})
    none = task.summary({name: values[2:] for name, values in last.items()})
    assert np.isnan(none["auroc"]) and np.isnan(none["escape_rate"]) and none["overkill"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("robot", ["panda", "ur5e"])
def test_the_expert_finds_every_flaw(robot):
    envs = make_vec("inspect", num_envs=100, robot=robot, autoreset_mode="Disabled", max_episode_steps=120)
    policy, (observation, info) = make_policy("expert", envs), envs.reset(seed=2**31)
    for _ in range(120):
        observation, *_, info = envs.step(policy(observation))
    assert info["success_at_end"].mean() >= 0.95
    assert envs.task.summary(info)["auroc"] > 0.97 and (info["views"] == len(FACES)).mean() >= 0.95


def test_the_first_picture_shows_flaws_of_the_top_alone():
    """A part's picture against that of the same part without its marks."""
    envs = make_vec("inspect", num_envs=60, observation="image", image_size=64)
    picture = envs.reset(seed=3)[0]["wrist"]
    task, sim = envs.task, envs.batch.sim
    before = picture.astype(int)
    task.flaws.geom_pos[:, task.flaws.marks] = 0.0  # into the block
    sim.forward()
    after = envs.batch.observe(envs.batch.all)["wrist"].astype(int)
    changed = (abs(before - after).max(axis=3) > 20).sum(axis=(1, 2))
    marked, top = task.flaws.kind[:, 0] == 0, task.flaws.face[:, 0] > 0
    assert (changed[~marked] == 0).all()
    assert (changed[marked & top] >= 2).all()
    assert np.median(changed[marked & ~top]) == 0  # sides are hidden from the first view
