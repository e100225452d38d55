"""Rollouts for comparisons: everything that an environment returned, flattened to arrays."""

import functools

import numpy as np

from robodl_envs import make_policy
from robodl_envs.gym_env import make, make_vec

DYNAMICS = {"mass": 0.3, "friction": 0.3, "damping": 0.3, "gain": 0.2, "gravity_tilt": 1.0}
SIGNAL_NOISE = {"state_noise": 0.01, "state_dropped": 0.2, "action_latency": 2}
ALL_STATE_NOISE = DYNAMICS | SIGNAL_NOISE  # all settings of Randomize that matter without images


def actions_of(seed, steps, size):
    """The actions of row `seed`: its own, whatever the other rows do."""
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (steps, size)).astype(np.float32)


def flat(observation, reward, info):
    """(N, k): observation, reward and info side by side."""
    parts = [np.atleast_2d(value) for value in observation.values()]
    flags = [np.atleast_1d(info[key]) for key in ("is_success", "success_once", "success_at_end", "diverged")]
    numbers = [np.atleast_1d(reward), *flags]
    return np.concatenate(parts + [np.asarray(n, np.float64)[:, None] for n in numbers], axis=1)


def single_rollout(task, seed, steps, max_episode_steps=20, **settings):
    """(steps, k) of the single environment, reset unseeded when an episode ends, as NEXT_STEP autoreset does."""
    env = make(task, max_episode_steps=max_episode_steps, **settings)
    env.reset(seed=seed)
    rows, ended = [], False
    for action in actions_of(seed, steps, env.action_space.shape[0]):
        if ended:
            (observation, info), reward, ended = env.reset(), 0.0, False
        else:
            observation, reward, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
        rows.append(flat(observation, reward, info)[0])
    return np.array(rows)


def batch_rollout(task, seed, steps, num, max_episode_steps=20, **settings):
    """(steps, N, k) of the vector environment."""
    envs = make_vec(task, num_envs=num, max_episode_steps=max_episode_steps, **settings)
    envs.reset(seed=seed)
    actions = np.stack([actions_of(seed + i, steps, envs.single_action_space.shape[0]) for i in range(num)], axis=1)
    rows = []
    for action in actions:
        observation, reward, _, _, info = envs.step(action)
        rows.append(flat(observation, reward, info))
    return np.array(rows)


def assert_rows_equal_single_envs(task, seed, num, rows=None, **settings):
    """Compare some rows, by default all, of a batch seeded `seed` with single environments, to the last bit."""
    threads = settings.pop("threads", 2)
    batch = batch_rollout(task, seed=seed, num=num, threads=threads, **settings)
    for i in range(num) if rows is None else rows:
        np.testing.assert_array_equal(batch[:, i], single_rollout(task, seed=seed + i, **settings))


def expert_success(task, num, steps, seed=0, **settings):
    """Success at the end, (N,) bool, of a task's expert in episodes of so many steps."""
    envs = make_vec(task, num_envs=num, max_episode_steps=steps, autoreset_mode="Disabled", **settings)
    policy = make_policy("expert", envs)
    observation, _ = envs.reset(seed=seed)
    for _ in range(steps):
        observation, *_, info = envs.step(policy(observation))
    return info["success_at_end"]


@functools.cache
def random_rollout(task, control, num, steps):
    """Random and extreme actions of num arms, and what came of them; read-only.

    Returns:
        envs, observations, (steps, N, k) by name, rewards and "diverged", (steps, N).
    """
    envs, rng = make_vec(task, num_envs=num, control=control, max_episode_steps=50), np.random.default_rng(0)
    envs.reset(seed=0)
    observations, rewards, diverged = [], [], []
    for step in range(steps):
        action = rng.uniform(-1, 1, envs.action_space.shape)
        action = np.sign(action) if step % 4 < 2 else action
        observation, reward, _, _, info = envs.step(action.astype(np.float32))
        observations.append(observation)
        rewards.append(reward)
        diverged.append(info["diverged"])
    by_name = {key: np.stack([each[key] for each in observations]) for key in observations[0]}
    return envs, by_name, np.array(rewards), np.array(diverged)
