"""Policies that need no learning: scripted experts, which prove that tasks can be done, and floors to compare with.

An expert is a function of what the state shows, by name, and of the robot; it says where the tool should go. It keeps
no memory: it can take over in any state, and its row i never depends on other rows.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodl_envs.arrays import did_you_mean
from robodl_envs.registry import place

Policy = Callable[[dict[str, np.ndarray]], np.ndarray]  # observations, (N, ...) -> actions, (N, k) in [-1, 1]
State = dict[str, np.ndarray]  # (N, k) by name: the state's fields, "achieved" and "desired"


@dataclass
class Move:
    """What an expert wants next.

    to: (N, 3) m, where the tool should go, world frame. grip: (N,), 1 open to -1 shut, where the fingers move.
    turn: (N, 3) rad, rotation vector to the orientation wanted, where the tool turns. say: (N, size) in [-1, 1], the
    task's share of the action, where it has one.
    """

    to: np.ndarray
    grip: np.ndarray | None = None
    turn: np.ndarray | None = None
    say: np.ndarray | None = None


Expert = Callable[[State, Any], Move]
EXPERTS: dict[str, str | Expert] = {
    task: f"robodl_envs.experts.{task}:{task}"
    for task in (
        "reach",
        "pose_reach",
        "push",
        "slide",
        "pick_and_place",
        "stack",
        "peg_insert",
        "open_drawer",
        "press_button",
        "read_digit",
        "inspect",
        "track",
    )
}
# Whom a clone imitates, where not the expert: one who knows no more than pictures show.
STUDENT_OBSERVABLE_EXPERTS: dict[str, str | Expert] = {"track": "robodl_envs.experts.track:search_policy"}
POLICIES = ("expert", "random", "zero")


@dataclass(frozen=True)
class Baseline:
    """A policy without learning that looks at pictures: a function of (observation, batch), as "module:function"."""

    function: str
    cameras: tuple[str, ...]  # names of the pictures that it needs


BASELINES: dict[str, dict[str, Baseline]] = {
    "track": {
        "kalman": Baseline("robodl_envs.experts.kalman:kalman", ("wrist", "wrist_depth", "wrist_segmentation")),
    }
}


def register_expert(task: str, expert: str | Expert) -> None:
    """Give a task, by its name, a scripted expert: a function of (state, robot) to a Move, or "module:function"."""
    if task in EXPERTS and place(EXPERTS[task]) != place(expert):
        raise ValueError(f"there is an expert for {task!r} already: {place(EXPERTS[task])}")
    EXPERTS[task] = expert


def make_policy(name: str, env, seed: int = 0) -> Policy:
    """A policy by name for an environment of ours, single or vector.

    Args:
        name: "expert", the task's own; "random", uniform actions; "zero", none; or one of the task's BASELINES.
        env: that it is to act in. Observations are batched, (N, ...), whatever env is.
        seed: of the random policy.

    Raises:
        KeyError: there is no such policy, or no expert for the task.
        ValueError: the expert acts by control="tool" only; so may a baseline, which needs pictures too.
    """
    batch = env.unwrapped.batch
    size = batch.action_shape[1]
    rng = np.random.default_rng(seed)
    if name == "zero":
        return lambda observation: np.zeros((rows(observation), size))
    if name == "random":
        return lambda observation: rng.uniform(-1.0, 1.0, (rows(observation), size))
    if name == "expert":
        return expert_policy(batch)
    baselines = of_task(BASELINES, batch.task) or {}
    if name not in baselines:
        known = (*POLICIES, *baselines)
        raise KeyError(f"no policy named {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
    baseline = imported(baselines[name].function)
    return lambda observation: baseline(observation, batch)


def student_observable_policy(batch) -> Policy:
    """Whom a clone imitates, as a policy of observation="state": the task's teacher, or its expert."""
    return expert_policy(batch, of_task(STUDENT_OBSERVABLE_EXPERTS, batch.task))


def expert_policy(batch, expert: str | Expert | None = None) -> Policy:
    """An expert, or that of a BatchEnv's task, as a policy of observation="state"."""
    expert = imported(expert) if expert else expert_of(batch.task)
    robot, columns = batch.robot, batch.state_columns()
    if robot.control != "tool":
        raise ValueError(f"experts act by control='tool', got control={robot.control!r}")

    def policy(observation: dict[str, np.ndarray]) -> np.ndarray:
        vector = np.asarray(observation["observation"], np.float64)
        state = {name: vector[:, place] for name, place in columns.items()}
        state |= {"achieved": observation["achieved_goal"], "desired": observation["desired_goal"]}
        return as_action(expert(state, robot), state, robot)

    return policy


def expert_of(task) -> Expert:
    """The expert of a task, found by the task's class; KeyError if there is none."""
    expert = of_task(EXPERTS, task)
    if expert is None:
        raise KeyError(f"no expert for {type(task).__name__}; there are experts for {', '.join(EXPERTS)}")
    return imported(expert)


def of_task(table: dict[str, Any], task) -> Any:
    """What a table has by the name that the task's class is registered by; None if it has nothing."""
    from robodl_envs.registry import TASKS

    names = [name for name, value in TASKS.items() if place(value) == place(type(task))]
    return next((table[name] for name in names if name in table), None)


def imported(function: str | Callable) -> Any:
    """A function, given as itself or as "module:function"."""
    if isinstance(function, str):
        module, _, name = function.partition(":")
        return getattr(importlib.import_module(module), name)
    return function


def as_action(move: Move, state: State, robot) -> np.ndarray:
    """Actions, (N, k), that bring the controller's target, not only the tool, to where the expert wants it."""
    controller = robot.controller
    parts = [(move.to - state["tool"] - state["lead"]) / controller.STEP]
    if move.turn is not None:
        parts.append((move.turn - state["turn_lead"]) / controller.TURN)
    if move.grip is not None:
        parts.append(move.grip[:, None])
    if move.say is not None:
        parts.append(move.say)
    return np.clip(np.concatenate(parts, axis=1), -1.0, 1.0)


def rows(observation: dict[str, np.ndarray]) -> int:
    return len(next(iter(observation.values())))
