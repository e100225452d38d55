"""Policies that need no learning: scripted experts, which prove that tasks can be done, and floors to compare with."""

import importlib
from collections.abc import Callable

import numpy as np

from robodl_envs.arrays import did_you_mean

Policy = Callable[[dict[str, np.ndarray]], np.ndarray]  # observations, (N, ...) -> actions, (N, k) in [-1, 1]

EXPERTS = {("reach", "tool"): "robodl_envs.experts.reach:reach"}  # by task and controller


def make_policy(name: str, task: str, control: str, action_size: int, seed: int = 0) -> Policy:
    """A policy by name: "expert", the task's own; "random", uniform actions; "zero", none.

    Raises:
        KeyError: there is no such policy, or no expert for this task and controller.
    """
    rng = np.random.default_rng(seed)
    if name == "zero":
        return lambda observation: np.zeros((rows(observation), action_size))
    if name == "random":
        return lambda observation: rng.uniform(-1.0, 1.0, (rows(observation), action_size))
    if name != "expert":
        raise KeyError(f"no policy named {name!r}{did_you_mean(name, ('expert', 'random', 'zero'))}")
    if (task, control) not in EXPERTS:
        known = ", ".join(f"{t} with control={c}" for t, c in EXPERTS)
        raise KeyError(f"no expert for {task} with control={control}; there are experts for {known}")
    module, _, function = EXPERTS[task, control].partition(":")
    return getattr(importlib.import_module(module), function)


def rows(observation: dict[str, np.ndarray]) -> int:
    return len(next(iter(observation.values())))
