"""Reach: goals fill the workspace and can be reached; success is a distance below the radius."""

import numpy as np
import pytest

from robodl_envs import make_policy, robot_names
from robodl_envs.gym_env import make, make_vec

pytestmark = pytest.mark.unit


def test_goals_fill_the_workspace():
    envs = make_vec("reach", num_envs=2000)
    goals = envs.reset(seed=0)[0]["desired_goal"]
    low, high = np.array(envs.robot.workspace)
    assert (high - low >= [0.25, 0.50, 0.35]).all()
    assert (goals >= low - 1e-6).all() and (goals <= high + 1e-6).all()
    assert (np.ptp(goals, axis=0) > 0.98 * (high - low)).all()


@pytest.mark.parametrize("robot", robot_names())
def test_every_corner_of_the_workspace_can_be_reached(robot):
    """The expert brings the tool within 5 mm in an episode, then closer."""
    envs = make_vec("reach", num_envs=8, robot=robot)
    observation, _ = envs.reset(seed=0)
    low, high = np.array(envs.robot.workspace)
    envs.task.goal[:] = [np.where([i & 1, i & 2, i & 4], high, low) for i in range(8)]
    policy = make_policy("expert", envs)
    for steps, tolerance in ((50, 5e-3), (100, 5e-4 if envs.robot.dof > 5 else 2e-3)):
        for _ in range(steps):
            observation, *_ = envs.step(policy(observation))
        distance = np.linalg.norm(observation["achieved_goal"] - observation["desired_goal"], axis=1)
        assert distance.max() < tolerance
        np.testing.assert_allclose(envs.goal_distance(), distance, rtol=1e-6)


def test_success_is_a_distance_below_the_radius():
    env = make("reach", radius=0.05)
    goal = np.zeros((2, 3))
    near = np.array([[0.0499, 0.0, 0.0], [0.0, 0.0501, 0.0]])
    assert env.task.success(near, goal).tolist() == [True, False]
    np.testing.assert_allclose(env.compute_reward(near, goal), [-0.0499, -0.0501])
    sparse = make("reach", radius=0.05, reward="sparse")
    assert sparse.compute_reward(near, goal).tolist() == [0.0, -1.0]


def test_success_at_end_is_success_in_the_last_five_steps():
    """At the goal from the start: success_once at once, success_at_end only when it has lasted."""
    envs = make_vec("reach", num_envs=2, max_episode_steps=10)
    envs.reset(seed=0)
    envs.task.goal[:] = envs.robot.tool
    zero = np.zeros((2, 3))
    at_end = []
    for _ in range(7):
        *_, info = envs.step(zero)
        assert info["is_success"].all() and info["success_once"].all()
        at_end.append(info["success_at_end"].all())
    assert at_end == [False] * 4 + [True] * 3
    envs.task.goal[1] += 0.1
    *_, info = envs.step(zero)
    assert info["is_success"].tolist() == info["success_at_end"].tolist() == [True, False]
    assert info["success_once"].all()
