"""Cubes that are turned at the start, and experts whose fingers turn with them."""

import math

import numpy as np
import pytest

from robodl_envs import make_policy, make_vec
from robodl_envs.registry import task_entry
from tests.envs.rollouts import expert_success

TURNED = [
    *(("push", robot) for robot in ("panda", "ur5e", "so101")),
    *((task, robot) for task in ("pick_and_place", "stack") for robot in ("panda", "ur5e")),
]


def yaws(body):
    return 2.0 * np.arctan2(body.quat[:, 3], body.quat[:, 0])


@pytest.mark.unit
@pytest.mark.parametrize("task", ["push", "pick_and_place", "stack"])
def test_cubes_are_turned_by_up_to_the_setting(task):
    """Not by default; else uniformly, either way, upright and at rest."""
    envs = make_vec(task, num_envs=200, yaw=0.5)
    envs.reset(seed=0)
    for body in envs.task.free_bodies:
        angles = yaws(body)
        assert -0.5 <= angles.min() < -0.4 and 0.4 < angles.max() <= 0.5
        np.testing.assert_allclose(np.linalg.norm(body.quat, axis=1), 1.0)
    plain = make_vec(task, num_envs=2)
    plain.reset(seed=0)
    assert (yaws(plain.task.free_bodies[0]) == 0.0).all() and plain.single_action_space.shape[0] <= 4


@pytest.mark.unit
@pytest.mark.parametrize("robot", ["panda", "ur5e"])
def test_the_observed_rotation_aligns_fingers_and_faces(robot):
    """Zero after the expert has grasped, and at the start the cube's angle to the nearest right angle."""
    envs = make_vec("pick_and_place", num_envs=20, robot=robot, yaw=math.pi)
    policy, column = make_policy("expert", envs), envs.state_columns["cube_yaw"]
    observation, _ = envs.reset(seed=0)
    angle = observation["observation"][:, column][:, 0]
    quarter = 0.5 * math.pi
    expected = yaws(envs.task.cube)
    difference = (expected - angle) / quarter
    np.testing.assert_allclose(difference, difference.round(), atol=1e-3)
    assert (abs(angle) <= 0.5 * quarter + 1e-6).all() and abs(angle).max() > 0.5
    for _ in range(60):
        observation, *_ = envs.step(policy(observation))
    assert np.median(abs(observation["observation"][:, column])) < 0.02


@pytest.mark.parametrize("num", [20, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("task", "robot"), TURNED)
def test_experts_grasp_at_any_angle(task, robot, num):
    steps = task_entry(task).max_episode_steps
    assert expert_success(task, num, steps, robot=robot, yaw=math.pi).mean() >= 0.95


@pytest.mark.unit
def test_an_arm_that_cannot_turn_its_fingers_is_refused():
    with pytest.raises(ValueError, match="an arm needs 6 joints"):
        make_vec("pick_and_place", num_envs=1, robot="so101", yaw=1.0)
