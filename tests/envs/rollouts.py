"""Rollouts that tests compare: what an environment returned, flattened to arrays."""

import numpy as np

from robodl_envs.gym_env import make, make_vec


def actions_of(seed, steps, size):
    """The actions that row `seed` takes: its own, whatever the other rows do."""
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (steps, size)).astype(np.float32)


def flat(observation, reward, info):
    """(N, k): observation, reward and info side by side."""
    parts = [np.atleast_2d(value) for value in observation.values()]
    flags = [np.atleast_1d(info[key]) for key in ("is_success", "success_once", "success_at_end", "diverged")]
    numbers = [np.atleast_1d(reward), *flags]
    return np.concatenate(parts + [np.asarray(n, np.float64)[:, None] for n in numbers], axis=1)


def single_rollout(task, seed, steps, **settings):
    """(steps, k) of the single environment, reset unseeded when an episode ends, as NEXT_STEP autoreset does."""
    env = make(task, max_episode_steps=50, **settings)
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


def batch_rollout(task, seed, steps, num, **settings):
    """(steps, N, k) of the vector environment."""
    envs = make_vec(task, num_envs=num, max_episode_steps=50, **settings)
    envs.reset(seed=seed)
    actions = np.stack([actions_of(seed + i, steps, envs.single_action_space.shape[0]) for i in range(num)], axis=1)
    rows = []
    for action in actions:
        observation, reward, _, _, info = envs.step(action)
        rows.append(flat(observation, reward, info))
    return np.array(rows)
