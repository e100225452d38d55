"""Promises of every registered environment: Gymnasium's interface, its spaces, rewards, resets and divergence."""

import copy
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import robodl_envs
from robodl_envs.gym_env import make, make_vec
from tests.envs.rollouts import random_rollout


def test_gymnasiums_checker_passes(task, control):
    """Without a warning."""
    env = gym.make(robodl_envs.task_id(task), control=control).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


def test_gymnasium_makes_environments_with_their_time_limits(task):
    """gym.make and gym.make_vec give the registry's time limit, or another one that they are given."""
    env = gym.make(robodl_envs.task_id(task), max_episode_steps=3)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3] for _ in range(3)]
    assert ends == [False, False, True]
    envs = gym.make_vec(robodl_envs.task_id(task), num_envs=2)
    assert envs.max_episode_steps == gym.spec(robodl_envs.task_id(task)).max_episode_steps
    env.close()
    env.close()
    envs.close()


def test_reward_is_compute_reward_of_the_goals(task):
    """The step's reward is compute_reward of the goals returned, bit for bit, for any leading axes."""
    for reward in ("dense", "sparse"):
        env = make(task, reward=reward)
        env.reset(seed=0)
        achieved, desired, rewards = [], [], []
        for _ in range(12):
            observation, value, _, _, info = env.step(env.action_space.sample())
            assert type(value) is float
            assert env.compute_reward(observation["achieved_goal"], observation["desired_goal"], info) == value
            achieved.append(observation["achieved_goal"])
            desired.append(observation["desired_goal"])
            rewards.append(value)
        achieved, desired = np.array(achieved), np.array(desired)
        np.testing.assert_array_equal(env.compute_reward(achieved, desired, [{}] * 12), rewards)
        grid = env.compute_reward(achieved.reshape(3, 4, -1), desired.reshape(3, 4, -1), {})
        np.testing.assert_array_equal(grid, np.reshape(rewards, (3, 4)))
        at_goal = env.compute_reward(desired, desired, None)
        np.testing.assert_array_equal(at_goal, np.zeros(12))  # no reward is lost there


@pytest.mark.parametrize("fault", ["nan", "inf", "shape", "rank"])
def test_invalid_actions_are_refused_and_change_nothing(task, fault):
    """NaN, infinity and wrong shapes raise ValueError; the episode continues as if they had not been given."""
    env, twin = make(task), make(task)
    for each in (env, twin):
        each.reset(seed=3)
    size = env.action_space.shape[0]
    invalid = {
        "nan": np.full(size, np.nan),
        "inf": np.r_[np.zeros(size - 1), np.inf],
        "shape": np.zeros(size + 1),
        "rank": np.zeros((1, size)),
    }[fault]
    with pytest.raises(ValueError, match=r"actions must (be finite|have shape)"):
        env.step(invalid)
    action = np.full(size, 0.3)
    np.testing.assert_array_equal(env.step(action)[0]["observation"], twin.step(action)[0]["observation"])


def test_large_actions_act_as_if_clipped(task, control):
    env, twin = make(task, control=control), make(task, control=control)
    for each in (env, twin):
        each.reset(seed=3)
    size = env.action_space.shape[0]
    for _ in range(5):
        one, other = env.step(np.full(size, 1e6)), twin.step(np.ones(size))
        np.testing.assert_array_equal(one[0]["observation"], other[0]["observation"])
        assert one[1] == other[1]


@pytest.mark.parametrize(("num", "steps"), [(20, 80), pytest.param(50, 200, marks=pytest.mark.slow)])
def test_random_and_extreme_actions_stay_within_the_space(task, control, num, steps):
    """Every observation is finite and in the space, nothing diverges; `slow` takes 10,000 actions."""
    envs, observations, rewards, diverged = random_rollout(task, control, num, steps)
    for key, space in envs.single_observation_space.items():
        values = observations[key]
        assert np.isfinite(values).all() and (values >= space.low).all() and (values <= space.high).all()
        assert values.dtype == space.dtype and values.shape[2:] == space.shape
    assert np.isfinite(rewards).all() and (rewards <= 0).all()
    assert not diverged.any()


def test_no_element_of_the_observation_is_constant(task, control):
    """Over random actions, and those of the expert, who moves objects that random ones hardly touch.

    Experts need control="tool"; what a task adds to an observation is the same with either controller.
    """
    envs, observations, *_ = random_rollout(task, control, 20, 80)
    values = observations["observation"].reshape(80 * 20, -1)
    if control == "joint":
        values = values[:, : sum(each.size for each in envs.robot.observables())]
    else:
        envs = make_vec(task, num_envs=8)
        policy, observation = robodl_envs.make_policy("expert", envs), envs.reset(seed=0)[0]
        for _ in range(60):
            observation, *_ = envs.step(policy(observation))
            values = np.concatenate([values, observation["observation"]])
    assert (np.ptp(values, axis=0) > 0).all()


def test_returned_arrays_belong_to_the_caller(task):
    """Overwriting an observation or info changes neither earlier nor later ones."""
    envs, twin = make_vec(task, num_envs=2), make_vec(task, num_envs=2)
    first, _ = envs.reset(seed=0)
    first_copy = copy.deepcopy(first)
    twin.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(3):
        observation, reward, _, _, info = envs.step(action)
        expected = twin.step(action)
        for key in observation:
            np.testing.assert_array_equal(observation[key], expected[0][key])
            observation[key][:] = np.nan
        np.testing.assert_array_equal(info["is_success"], expected[4]["is_success"])
        info["success_once"][:] = True
        reward[:] = np.nan
    for key in first:
        np.testing.assert_array_equal(first[key], first_copy[key])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_autoreset_modes(task, mode):
    """Rows begin new episodes as Gymnasium's mode says, and every mode draws the same next episode."""
    envs = make_vec(task, num_envs=3, max_episode_steps=4, autoreset_mode=mode)
    assert envs.metadata["autoreset_mode"] is mode
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(3):
        *_, truncated, _ = envs.step(action)
        assert not truncated.any()
    last, _, _, truncated, info = envs.step(action)
    assert truncated.all()
    if mode is AutoresetMode.SAME_STEP:
        observation = last
        assert info["_final_obs"].all() and info["_final_info"].all()
        assert info["final_obs"][1].keys() == observation.keys()
        assert {"success_once", "success_at_end", "_success_at_end"} <= info["final_info"].keys()
    elif mode is AutoresetMode.NEXT_STEP:
        observation, reward, _, truncated, _ = envs.step(action)
        assert not truncated.any() and (reward == 0).all()
    else:
        mask = np.array([True, False, True])
        observation, _ = envs.reset(options={"reset_mask": mask})
        for key in last:
            np.testing.assert_array_equal(observation[key][1], last[key][1])
        observation, _ = envs.reset(options={"reset_mask": ~mask})
    single = make(task)
    for i in range(3):
        single.reset(seed=i)
        for key, value in single.reset()[0].items():
            np.testing.assert_array_equal(observation[key][i], value)


def test_a_diverged_row_truncates_and_leaves_others_alone(task):
    """Its last finite observation is returned; its neighbours continue as if nothing had happened."""
    envs, twin = make_vec(task, num_envs=3), make_vec(task, num_envs=3)
    for each in (envs, twin):
        each.reset(seed=0)
    action = np.full(envs.action_space.shape, 0.2)
    last = envs.step(action)[0]
    twin.step(action)
    for velocity in (np.nan, 1e9):
        envs.batch.sim.qvel[1] = velocity
        observation, reward, _, truncated, info = envs.step(action)
        expected = twin.step(action)[0]
        assert info["diverged"].tolist() == truncated.tolist() == [False, True, False]
        for key in observation:
            assert np.isfinite(observation[key]).all()
            np.testing.assert_array_equal(observation[key][1], last[key][1])
            np.testing.assert_array_equal(observation[key][[0, 2]], expected[key][[0, 2]])
        assert np.isfinite(reward).all()
        for _ in range(3):  # NEXT_STEP: row 1 begins a new episode, and continues
            last, _, _, truncated, info = envs.step(action)
            twin.step(action)
            assert np.isfinite(last["observation"]).all()
            assert not info["diverged"].any() and not truncated.any()


def test_a_diverged_row_never_counts_as_success(task):
    """Even one that was at its goal when it diverged."""
    envs = make_vec(task, num_envs=2)
    envs.task.success = lambda achieved, desired: np.ones(len(achieved), bool)  # every state is at the goal
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(6):
        *_, info = envs.step(action)
    assert info["success_at_end"].all()
    envs.batch.sim.qvel[1] = np.nan
    *_, info = envs.step(action)
    assert info["is_success"].tolist() == info["success_at_end"].tolist() == [True, False]
