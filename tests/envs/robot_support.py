"""Pairs of a task and a robot that does it, and whole episodes of a policy that needs no learning."""

from dataclasses import dataclass

import gymnasium
import numpy as np

from robodl_envs import make_policy, make_vec, robot_class, robot_names, task_class, task_id, task_names

ALL_PAIRS = [(task, robot) for task in task_names() for robot in robot_names()]
UNSUPPORTED = [(task, robot) for task, robot in ALL_PAIRS if task_class(task)().unsupported_reason(robot_class(robot))]
SUPPORTED = [pair for pair in ALL_PAIRS if pair not in UNSUPPORTED]


@dataclass
class EpisodeResults:
    """Results of N episodes of the registered length."""

    success: np.ndarray  # (N,) bool, success_at_end
    first_success: np.ndarray  # (N,) control steps until the first success; inf if there was none
    max_episode_steps: int


def run_episodes(policy: str, task: str, robot: str, num: int) -> EpisodeResults:
    max_episode_steps = gymnasium.spec(task_id(task)).max_episode_steps
    envs = make_vec(task, num_envs=num, robot=robot, max_episode_steps=max_episode_steps, autoreset_mode="Disabled")
    act = make_policy(policy, envs)
    observation, info = envs.reset(seed=2**31)
    first_success = np.where(info["is_success"], 0.0, np.inf)
    for step in range(1, max_episode_steps + 1):
        observation, _, _, truncated, info = envs.step(act(observation))
        assert not info["diverged"].any()
        first_success[info["is_success"] & np.isinf(first_success)] = step
    assert truncated.all()
    return EpisodeResults(info["success_at_end"], first_success, max_episode_steps)
