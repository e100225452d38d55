"""Names of version 0.1 that tasks of other packages may still use: they work, warn, and go with 0.3."""

import warnings
from typing import Any

from robodl_envs.component import Component, Observable
from robodl_envs.tasks.task import Task

HOOKS = {"goal_fields": "goal_observables", "unfit": "unsupported_reason", "count": "update"}
PAIRS = {("observe", "fields"): False, ("feel", "feel_fields"): True}  # readings, descriptions: proprioceptive


def adopt_old_hooks(task: type[Task]) -> None:
    """Give a class of tasks that is written for version 0.1 the methods of today."""
    for old, new in HOOKS.items():
        if hasattr(task, old) and getattr(task, new) in (getattr(Task, new), getattr(Component, new, None)):
            warn(task, old, new)
            setattr(task, new, getattr(task, old))
    pairs = [pair for pair in PAIRS if all(hasattr(task, name) for name in pair)]
    if pairs and task.observables is Task.observables:
        warn(task, " and ".join(name for pair in pairs for name in pair), "observables")
        task.observables = lambda self: [each for pair in pairs for each in paired(self, *pair)]  # type: ignore


def paired(task: Any, readings: str, descriptions: str) -> list[Observable]:
    """Observables of a list of descriptions and a method that gives the list of their readings."""

    def reading(k: int):
        return lambda: getattr(task, readings)()[k]

    known = PAIRS[readings, descriptions]
    return [
        Observable(each.name, each.unit, each.low, each.high, each.meaning, reading(k), known)
        for k, each in enumerate(getattr(task, descriptions)())
    ]


def warn(task: type[Task], old: str, new: str) -> None:
    text = f"{task.__name__}.{old} is of version 0.1; its name is now {new}, see docs/tasks.md"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
