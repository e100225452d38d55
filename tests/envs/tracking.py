"""Episodes of Track, and their errors."""

import numpy as np

from robodl_envs import make_policy, make_vec


def track_episodes(policy, num, steps, robot="panda", **settings):
    """The environment after an episode of each of num rows, and the last info."""
    envs = make_vec("track", num_envs=num, robot=robot, max_episode_steps=steps, autoreset_mode="Disabled", **settings)
    act = make_policy(policy, envs)
    observation, _ = envs.reset(seed=2**31)
    for _ in range(steps):
        observation, _, _, _, info = envs.step(act(observation))
    return envs, info


def pooled_errors(info):
    """Root mean square errors of position, m, and velocity, m/s, and the share of steps in view, of all episodes."""
    steps = info["steps_in_view"]
    position, velocity = (
        np.sqrt((info[name] ** 2 * steps).sum() / steps.sum()) for name in ("position_rmse", "velocity_rmse")
    )
    return position, velocity, steps.sum() / info["steps_counted"].sum()
