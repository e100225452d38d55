"""Which robots do which tasks, and whole episodes of a policy that needs no learning."""

from dataclasses import dataclass

import gymnasium
import numpy as np

from robodl_envs import make_policy, make_vec, robot_class, robot_names, task_class, task_id, task_names

ALL = [(task, robot) for task in task_names() for robot in robot_names()]
UNFIT = [(task, robot) for task, robot in ALL if task_class(task)().unsupported_reason(robot_class(robot))]
PAIRS = [pair for pair in ALL if pair not in UNFIT]


@dataclass
class Episodes:
    """What became of N episodes of the registered length."""

    success: np.ndarray  # (N,) bool, success_at_end
    first: np.ndarray  # (N,) control steps until the first success; inf where there was none
    limit: int  # control steps of an episode


def episodes(policy: str, task: str, robot: str, num: int) -> Episodes:
    limit = gymnasium.spec(task_id(task)).max_episode_steps
    envs = make_vec(task, num_envs=num, robot=robot, max_episode_steps=limit, autoreset_mode="Disabled")
    act = make_policy(policy, envs)
    observation, info = envs.reset(seed=2**31)
    first = np.where(info["is_success"], 0.0, np.inf)
    for step in range(1, limit + 1):
        observation, _, _, truncated, info = envs.step(act(observation))
        assert not info["diverged"].any()
        first[info["is_success"] & np.isinf(first)] = step
    assert truncated.all()
    return Episodes(info["success_at_end"], first, limit)
