"""Rows of a vector environment one by one: what code written for gymnasium.vector.SyncVectorEnv asks for."""

from typing import Any

import numpy as np


class Row:
    """One row of a vector environment as a single environment, which only `step` and `reset` of all rows advance.

    Attributes are those of the vector environment, which all rows share.
    """

    def __init__(self, vector_env: Any, index: int):
        self.vector_env, self.index = vector_env, index
        self.observation_space, self.action_space = vector_env.single_observation_space, vector_env.single_action_space
        self._max_episode_steps = vector_env.max_episode_steps  # the name that gymnasium's TimeLimit has for it

    @property
    def unwrapped(self) -> "Row":
        return self

    def get_wrapper_attr(self, name: str) -> Any:
        return getattr(self, name)

    def has_wrapper_attr(self, name: str) -> bool:
        return hasattr(self, name)

    def render(self) -> np.ndarray | None:
        return self.vector_env.render_row(self.index) if self.vector_env.render_mode else None

    def state_observation(self) -> dict[str, np.ndarray]:
        return self.of_row(self.vector_env.state_observation())

    def metrics(self) -> dict[str, np.ndarray]:
        return self.of_row(self.vector_env.metrics())

    def goal_distance(self) -> np.ndarray:
        return self.vector_env.goal_distance()[self.index : self.index + 1]

    def of_row(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """This row's part, (1, ...) each, of values of all rows, (N, ...) each."""
        return {name: value[self.index : self.index + 1] for name, value in values.items()}

    def reset(self, *args, **kwargs):
        """Refuse: also step, get_state, set_state and close."""
        raise NotImplementedError("rows step together: call reset, step, get_state, set_state or close of all of them")

    step = get_state = set_state = close = reset

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "vector_env" not in vars(self):
            raise AttributeError(name)
        return getattr(self.vector_env, name)


class Rows:
    """`envs`, `call`, `get_attr` and `set_attr`, as SyncVectorEnv has them, for a vector environment."""

    num_envs: int

    @property
    def envs(self) -> tuple[Row, ...]:
        """The rows, to look at: they step together."""
        return tuple(Row(self, index) for index in range(self.num_envs))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Each row's attribute of a name, or what it returns if it is a method."""
        found = [getattr(row, name) for row in self.envs]
        return tuple(each(*args, **kwargs) if callable(each) else each for each in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Each row's attribute of a name."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of all rows, which share it: values is one, or N equal ones in a list or tuple."""
        if isinstance(values, (list, tuple)):
            if len(values) != self.num_envs or not all(np.array_equal(each, values[0]) for each in values):
                raise ValueError(f"rows share {name}: give one value, or {self.num_envs} equal ones, got {values!r}")
            values = values[0]
        setattr(self, name, values)


def masked(info: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Add to an info of a vector environment each value's mask, (N,) bool, of the rows it speaks of."""
    for key in tuple(info):
        info["_" + key] = rows
    return info
