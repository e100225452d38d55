"""Seconds mean the same at any control rate: speeds, success, time limits; and time limits survive a restored state."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs import make_vec, task_id
from robodl_envs.registry import task_entry
from robodl_envs.time_limits import scaled_limit
from tests.envs.robot_support import SUPPORTED
from tests.envs.rollouts import expert_success

RATES = (0.02, 0.04, 0.08)  # s
OTHER_RATES = [(*pair, dt) for pair in SUPPORTED for dt in (0.02, 0.08)]


@pytest.mark.unit
@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_the_tools_top_speed_is_the_same(robot):
    """Once the arm is up to speed, on average over directions: within 5 % of that at 25 Hz."""
    directions = np.array([way for way in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(way)])
    speeds = []
    for control_dt in RATES:
        envs = make_vec("reach", num_envs=len(directions), robot=robot, control_dt=control_dt)
        envs.reset(seed=0)
        places = []
        for k in range(round(0.4 / control_dt)):
            envs.step(directions)
            if (k + 1) * control_dt > 0.1599 and round((k + 1) * control_dt / 0.08, 6).is_integer():
                places.append(envs.robot.tool.copy())
        speeds.append(np.linalg.norm(np.diff(places, axis=0), axis=2).max(axis=0) / 0.08)
    ratios = np.mean(speeds / speeds[1], axis=1)
    np.testing.assert_allclose(ratios, 1.0, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot", "control_dt"), OTHER_RATES)
def test_experts_do_their_tasks_at_other_rates(task, robot, control_dt):
    steps = scaled_limit(task_entry(task).max_episode_steps, control_dt)
    assert expert_success(task, 60, steps, robot=robot, control_dt=control_dt).mean() >= 0.9


def steps_to_the_end(env):
    action = np.zeros(env.action_space.shape)
    for count in itertools.count(1):
        _, _, terminated, truncated, _ = env.step(action)
        if np.all(terminated | truncated):
            return count


@pytest.mark.unit
@pytest.mark.parametrize(("control_dt", "steps"), [(0.02, 100), (0.04, 50), (0.08, 25)])
def test_time_limits_of_ids_are_in_seconds(control_dt, steps):
    env = gym.make(task_id("reach"), control_dt=control_dt)
    for _ in range(2):
        env.reset(seed=0)
        assert steps_to_the_end(env) == steps
    envs = gym.make_vec(task_id("reach"), num_envs=2, control_dt=control_dt)
    envs.reset(seed=0)
    assert steps_to_the_end(envs) == steps


@pytest.mark.unit
@pytest.mark.parametrize(("settings", "limit"), [({}, 50), ({"max_episode_steps": 30}, 30)])
def test_a_restored_state_ends_when_its_episode_does(settings, limit):
    """However often it is restored, also in a copy, and whatever wraps the environment."""
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(task_id("reach"), **settings))
    env.reset(seed=0)
    action = np.zeros(3)
    for _ in range(10):
        env.step(action)
    state = env.unwrapped.get_state()
    for _ in range(3):
        for _ in range(10):
            env.step(action)
        env.unwrapped.set_state(state)
    assert steps_to_the_end(env) == limit - 10
    env.reset(seed=1)
    assert steps_to_the_end(env) == limit


@pytest.mark.unit
@pytest.mark.parametrize(("control_dt", "steps"), [(0.02, 10), (0.04, 5), (0.08, 3)])
def test_success_at_the_end_lasts_a_fifth_of_a_second(control_dt, steps):
    envs = make_vec("reach", num_envs=2, control_dt=control_dt, radius=5.0)
    _, info = envs.reset(seed=0)
    for _ in range(steps - 2):  # the start, where it succeeds already, is the first
        *_, info = envs.step(np.zeros((2, 3)))
        assert not info["success_at_end"].any()
    assert envs.step(np.zeros((2, 3)))[-1]["success_at_end"].all()
