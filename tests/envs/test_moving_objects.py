"""Moving objects: they keep their speeds, stay between the rails, and are reflected by rails and by each other."""

import numpy as np
import pytest

from robodl_envs import make, make_vec
from robodl_envs.perception.moving_objects import BOUNCE_RADIUS, OBJECTS, SPEED, arena, moved

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("robot", ["panda", "so101"])
def test_objects_stay_between_the_rails_and_keep_their_speeds(robot):
    """However they turn and bounce."""
    envs = make_vec("track", num_envs=8, robot=robot)
    envs.reset(seed=0)
    objects, area = envs.task.objects, arena(envs.robot)
    speed, largest_turn, bounces = np.linalg.norm(objects.velocity, axis=2), 0.0, 0
    assert (speed >= area.scale * SPEED[0]).all() and (speed <= area.scale * SPEED[1]).all()
    assert np.ptp(speed) > 0.15 * area.scale
    for _ in range(300):
        last = objects.velocity.copy()
        objects.advance(0.04)
        assert (objects.pos >= area.low).all() and (objects.pos <= area.high).all()
        cosine = (last * objects.velocity).sum(axis=2) / speed**2
        bounces += (cosine < 0.9).sum()
        largest_turn = max(largest_turn, np.arccos(np.clip(cosine[cosine >= 0.9], -1, 1)).max())
    np.testing.assert_allclose(np.linalg.norm(objects.velocity, axis=2), speed, rtol=1e-9)
    assert bounces > 30 and largest_turn > 0.01


def test_objects_start_apart_anywhere_in_the_arena():
    """Each is the target as often, and about a third of the targets are in view."""
    envs = make_vec("track", num_envs=300)
    envs.reset(seed=0)
    pos, area = envs.task.objects.pos, envs.task.objects.arena
    for i in range(len(OBJECTS)):
        for j in range(i):
            assert (np.linalg.norm(pos[:, i] - pos[:, j], axis=1) > 2 * area.scale * BOUNCE_RADIUS).all()
    assert (np.ptp(pos, axis=(0, 1)) > 0.95 * (area.high - area.low)).all()
    share = envs.reset(seed=1)[1]["in_view"].mean()
    assert 0.2 < share < 0.6
    np.testing.assert_array_less(0.15, envs.task.objects.target.mean(axis=0))


def test_rails_and_other_objects_reflect():
    """A rail reflects as a mirror does; of two objects that meet, those that move towards the other turn back."""
    area = arena(make("track").robot)
    far = np.array([[area.low + 0.2, area.high - 0.1]])
    at_rail = np.array([[[area.low[0] + 0.001, area.middle[1]], area.high - 0.1]])
    pos, velocity = moved(at_rail, np.array([[[-0.2, 0.1], [0.0, 0.1]]]), 0.04, area)
    np.testing.assert_allclose(pos[0, 0], [area.low[0] + 0.007, area.middle[1] + 0.004])
    np.testing.assert_allclose(velocity, [[[0.2, 0.1], [0.0, 0.1]]])
    near = np.array([[area.middle, area.middle + np.array([0.05, 0.0])]])
    for before, after in (([0.2, -0.1], [-0.2, 0.1]), ([0.2, 0.1], [-0.2, 0.1]), ([0.1, 0.2], [0.1, 0.2])):
        velocities = np.array([[[before[0], 0.05], [before[1], 0.0]]])
        pos, velocity = moved(near, velocities, 0.04, area)
        np.testing.assert_allclose(velocity, [[[after[0], 0.05], [after[1], 0.0]]])
        np.testing.assert_allclose(pos, near + 0.04 * velocity)
        np.testing.assert_array_equal(moved(far, velocities, 0.04, area)[1], velocities)
