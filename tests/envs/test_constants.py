"""Each element of an observation varies, or its observable says why it doesn't; both are checked."""

import numpy as np
import pytest

from robodl_envs import make_policy, make_vec
from robodl_envs.registry import task_entry
from tests.envs.robot_support import SUPPORTED

SEED = 7  # of 20 episodes in which each digit is drawn
PAIRS = [pytest.param(*pair, marks=() if pair[1] == "panda" else pytest.mark.slow) for pair in SUPPORTED]


@pytest.mark.parametrize(("task", "robot"), PAIRS)
def test_elements_vary_unless_declared_constant(task, robot):
    """Over 20 episodes of the task's expert."""
    steps = task_entry(task).max_episode_steps
    envs = make_vec(task, num_envs=20, robot=robot, max_episode_steps=steps, autoreset_mode="Disabled")
    policy = make_policy("expert", envs)
    observation, _ = envs.reset(seed=SEED)
    low, high = dict(observation), dict(observation)
    for _ in range(steps):
        observation, *_, info = envs.step(policy(observation))
        for key, value in observation.items():
            low[key], high[key] = np.minimum(low[key], value), np.maximum(high[key], value)
    constant = {
        f"{key}[{i}]" for key in low for i in np.flatnonzero(high[key].max(axis=0) == low[key].min(axis=0)).tolist()
    }
    assert info["success_at_end"].mean() >= 0.8  # else the expert did not go where values vary
    assert constant == declared("observation", envs.batch.state_observables) | {
        element for key in ("achieved_goal", "desired_goal") for element in declared(key, envs.task.goal_observables())
    }


def declared(key, observables):
    """The elements of an entry of the observation that are declared to be constant."""
    firsts = np.cumsum([0, *(each.size for each in observables)])
    return {
        f"{key}[{first + value}]"
        for each, first in zip(observables, firsts, strict=False)
        for constant in each.constants
        if key in constant.keys
        for value in constant.values
    }
