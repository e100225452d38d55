"""Checks of tasks: what a task's class must have, told in one line when its environment is first made."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NoReturn

import numpy as np

from robodl_envs.arrays import Array
from robodl_envs.component import Observable, all_parts
from robodl_envs.engine import BatchEnv
from robodl_envs.perception.perception_task import PerceptionTask
from robodl_envs.tasks.task import Task

CHECKED: set[tuple[type, type]] = set()  # classes of tasks and robots that this process has checked
NUM = 2  # rows of the environment that is checked: a wrong axis hides at 1
ACHIEVED = {"achieved_goal": "the present state of what the goal is about, (N, g)"}
DEFAULTS = {  # methods whose defaults read an attribute
    "desired_goal": ("goal", "the state that it should be in, (N, g); or `build` must add a mocap body 'goal'"),
    "success": ("radius", "whether goals are met, (...,) bool, of (..., g) goals; or the task must have a `radius`, m"),
}


def check_once(task: Task, robot: type, make: Callable[[int], BatchEnv]) -> None:
    """Check a task's class with a robot's, unless this process has done so.

    Args:
        make: makes an environment of them with a number of rows.

    Raises:
        TypeError: what the class lacks, or returns, in one line that names class, method and expectation.
    """
    if (type(task), robot) in CHECKED:
        return
    check_methods(task)
    batch = make(NUM)
    batch.begin_episodes(batch.all)
    check_observables(batch)
    check_goals(batch)
    check_arrays(batch)
    CHECKED.add((type(task), robot))


def check_methods(task: Task) -> None:
    """Methods that every task defines."""
    required = dict(ACHIEVED)
    if isinstance(task, PerceptionTask) and not hasattr(task, "head"):
        required |= {"outputs": "the parts of the answer, a list of Output", "act": "None; it takes answers, (N, size)"}
    for name, meaning in required.items():
        if getattr(type(task), name) in (getattr(Task, name, None), getattr(PerceptionTask, name, None)):
            fail(task, name, f"is missing; it must return {meaning}")


def check_observables(batch: BatchEnv) -> None:
    """Names, bounds and shapes of the state."""
    task = batch.task
    found = task.observables()
    if not isinstance(found, list) or not all(isinstance(each, Observable) for each in found):
        fail(task, "observables", f"must return a list of Observable, got {type(found).__name__}")
    names = [each.name for each in batch.state_observables]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        fail(task, "observables", f"must have names of its own, got {', '.join(twice)} twice")
    for each in found:
        if each.read is None:
            fail(task, "observables", f"must give {each.name!r} a reading, such as lambda: self.{each.name}")
        check_shape(task, f"observables, {each.name!r}", each.read(), (NUM, each.size))


def check_goals(batch: BatchEnv) -> None:
    """Shapes of goals, and of what functions make of them with any leading axes."""
    task = batch.task
    size = sum(each.size for each in task.goal_observables())
    for name, (attribute, meaning) in DEFAULTS.items():
        if getattr(type(task), name) is getattr(Task, name) and not hasattr(task, attribute):
            fail(task, name, f"is missing; it must return {meaning}")
    goals = task.achieved_goal(), task.desired_goal()
    for name, goal in zip(("achieved_goal", "desired_goal"), goals, strict=True):
        check_shape(task, name, goal, (NUM, size))
    stacked = [np.stack([goal] * 3) for goal in goals]
    for name, function in (("reward", task.reward), ("success", task.success)):
        check_shape(task, name, function(*goals), (NUM,))
        check_shape(task, f"{name} of goals with leading axes (3, {NUM})", function(*stacked), (3, NUM))
    if (dtype := task.success(*goals).dtype).kind != "b":
        fail(task, "success", f"must return booleans, got {dtype}")
    check_shape(task, "potential", task.potential(*goals), (NUM,))


def check_arrays(batch: BatchEnv) -> None:
    """Arrays that `saved` and `metrics` name."""
    for part in all_parts([batch.task]):
        for listed in ("saved", "metrics"):
            if isinstance(getattr(part, listed, ()), str):
                fail(part, listed, f"must be a tuple of names, got {getattr(part, listed)!r}")
        for name in part.saved:
            value = getattr(part, name, None)
            if value is None or len(getattr(value, "shape", ())) < 1 or value.shape[0] != NUM:
                fail(part, "saved", f"names {name!r}, which must be an (N, ...) array that bind makes, got {value!r}")
    for name in batch.task.metrics:
        try:
            value = attrgetter(name)(batch.task)
        except AttributeError:
            fail(batch.task, "metrics", f"names {name!r}, which must be an attribute or a property, (N,)")
        check_shape(batch.task, f"metrics, {name!r}", value, (NUM,))


def check_shape(task: Task, method: str, value: Array, shape: tuple[int, ...]) -> None:
    got = tuple(getattr(value, "shape", ())) if value is not None else None
    if got != shape:
        expected = str(shape).replace(str(NUM), "N")
        fail(task, method, f"must have shape {expected}, N being {NUM} here, got {type(value).__name__} of shape {got}")


def fail(owner: Any, method: str, text: str) -> NoReturn:
    raise TypeError(f"{type(owner).__name__}.{method} {text}")
