"""Parts of an environment (robots, controllers, tasks, cameras, randomisers) and what they let an agent observe."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import mujoco
import numpy as np

from robodl_envs.arrays import Array

if TYPE_CHECKING:
    from robodl_envs.random_streams import RandomStreams
    from robodl_envs.simulator import Simulator


@dataclass(frozen=True)
class Constant:
    """Values of an observable that are the same in all episodes of the task's expert.

    Args:
        values: their indices in the observable.
        why: one phrase for the documentation.
        keys: entries of the observation in which they are constant.
    """

    values: tuple[int, ...]
    why: str
    keys: tuple[str, ...] = ("desired_goal",)


@dataclass(frozen=True, eq=False)
class Observable:
    """One entry of an observation or of a goal.

    Args:
        unit: such as "m" or "rad/s"; "1" for numbers without a unit.
        low, high: (k,) bounds; values are clipped to them.
        meaning: one phrase for the documentation, with the frame.
        read: gives the values of all rows now, (N, k). None in goals, which `achieved_goal` and `desired_goal` read.
        proprioceptive: whether the agent knows it without looking, so that observation="image" has it too.
        constants: of its values; all others vary.
        vectors: indices in its values at which vectors of three numbers along the world's axes begin, such as an offset
            or a velocity: they turn with the scene. A position is none.
    """

    name: str
    unit: str
    low: Any
    high: Any
    meaning: str
    read: Callable[[], Array] | None = None
    proprioceptive: bool = False
    constants: tuple[Constant, ...] = ()
    vectors: tuple[int, ...] = ()

    def __post_init__(self):
        low, high = np.asarray(self.low, float), np.asarray(self.high, float)
        if low.ndim != 1 or low.shape != high.shape or not np.isfinite([low, high]).all() or not (low < high).all():
            rule = "must have finite bounds, low < high, a list of (k,) numbers each"
            raise ValueError(f"observable {self.name!r} {rule}, got {self.low} and {self.high}")
        if self.read is not None and not callable(self.read):
            rule = "read must be a function that gives its values now, (N, k), such as lambda: self.goal"
            raise TypeError(f"observable {self.name!r}: {rule}; got {type(self.read).__name__}")
        if any(not 0 <= first <= self.size - 3 for first in self.vectors):
            rule = f"vectors must begin where three of its {self.size} numbers follow"
            raise ValueError(f"observable {self.name!r}: {rule}, got vectors={self.vectors}")

    @property
    def bounds(self) -> np.ndarray:
        """(2, k) lower and upper bounds."""
        return np.stack([np.asarray(self.low, float), np.asarray(self.high, float)])

    @property
    def size(self) -> int:
        """The number k of its values."""
        return self.bounds.shape[1]


class Component:
    """A part of an environment, called in this order: build, bind; reset, begin for new episodes; update each step.

    A component's settings are fixed at construction. What changes while episodes run lives in the simulator's
    state, or in (N, ...) arrays that the component makes in `bind` and names in `saved`, so that a snapshot of
    the environment finds them.
    """

    saved: ClassVar[tuple[str, ...]] = ()  # names of the component's own (N, ...) arrays that change with time

    @property
    def parts(self) -> Sequence[Component]:
        """Components that this one is made of; its own life cycle calls theirs."""
        return ()

    def build(self, spec: mujoco.MjSpec) -> None:
        """Add to the model before it is compiled. Angles are radians."""
        for part in self.parts:
            part.build(spec)

    def bind(self, sim: Simulator) -> None:
        """Look names up once, keep live arrays, and make own arrays. Called again after a fork."""
        for part in self.parts:
            part.bind(sim)

    def reset(self, ids: Array, rng: RandomStreams) -> None:
        """Write the initial state of new episodes in rows ids, (n,) ascending; random numbers come from rng alone."""
        for part in self.parts:
            part.reset(ids, rng)

    def begin(self, ids: Array) -> None:
        """Initialise what depends on current poses, such as controller targets, after `reset` and `forward`."""
        for part in self.parts:
            part.begin(ids)

    def update(self, ids: Array) -> None:
        """Update what is counted or remembered over an episode, after each control step of rows ids."""
        for part in self.parts:
            part.update(ids)

    def observables(self) -> list[Observable]:
        """Observables that the component adds to the state; read after `bind`."""
        return []


def all_parts(components: Sequence[Component]) -> list[Component]:
    """Components with their parts, at any depth, each after the one that it is a part of."""
    return [each for component in components for each in (component, *all_parts(component.parts))]


class Actuated(Component):
    """A component that takes a share of the action: a controller, a gripper."""

    size: int  # numbers of the action that it takes

    def act(self, action: Array) -> None:
        """Write servo commands for its share of the actions, (N, size) in [-1, 1]."""
        raise NotImplementedError


def __getattr__(name: str) -> Any:
    if name == "Field":  # of version 0.1; goes with 0.3
        warnings.warn("robodl_envs.component.Field is now Observable", DeprecationWarning, stacklevel=2)
        return Observable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
