"""Tables that add to tasks what training, evaluation and documentation know of them."""

import warnings
from typing import Any, Generic, TypeVar

from robodl_envs.registry import TASKS, place

T = TypeVar("T")


class TaskTable(Generic[T]):
    """Values by task: by the name that a task is registered by, or by its class.

    A subclass of a task has the task's value, unless it has one of its own. Plugins add values with `register`.
    """

    def __init__(self, values: dict[str, T]):
        self.values: dict[Any, T] = dict(values)

    def register(self, task: str | type, value: T) -> None:
        """Set the value of a task, given by its registered name or its class."""
        self.values[task] = value

    def get(self, task: Any) -> T | None:
        """The value of a task, given as an instance or a class; None if there is none."""
        names = {place(entry.task): name for name, entry in TASKS.items()}
        for cls in (task if isinstance(task, type) else type(task)).__mro__:
            for key in (cls, names.get(place(cls))):
                if key in self.values:
                    return self.values[key]
        return None


def old_hook(task: Any, name: str, instead: str) -> Any:
    """A hook of version 0.1 of a task, an instance or a class, with a warning; None if the task has none.

    Args:
        instead: today's way.
    """
    hook = getattr(task, name, None)
    if hook is not None:
        owner = task if isinstance(task, type) else type(task)
        text = f"{owner.__name__}.{name} is of version 0.1 and goes with 0.3; use {instead}"
        warnings.warn(text, DeprecationWarning, stacklevel=3)
    return hook
