"""What robots, controllers, tasks, cameras and randomisers have in common: one life cycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import mujoco
import numpy as np

from robodl_envs.arrays import Array

if TYPE_CHECKING:
    from robodl_envs.random_streams import RandomStreams
    from robodl_envs.simulator import Simulator


@dataclass(frozen=True, eq=False)
class Field:
    """A part of an observation: its name, by which experts and tables find it, its unit, its bounds, its meaning.

    low, high: (k,) each; values are clipped to them.
    """

    name: str
    unit: str
    low: Any
    high: Any
    meaning: str

    @property
    def bounds(self) -> np.ndarray:
        """(2, k)"""
        return np.stack([np.asarray(self.low, float), np.asarray(self.high, float)])


class Component:
    """A part of an environment, called in this order: build, bind, then reset and begin for every new episode.

    A component's settings are fixed at construction. What changes while episodes run lives in the simulator's
    state, or in (N, ...) arrays that the component makes in `bind` and names in `saved`, so that a snapshot of
    the environment finds them.
    """

    saved: ClassVar[tuple[str, ...]] = ()  # names of the component's own (N, ...) arrays that change with time

    @property
    def parts(self) -> Sequence[Component]:
        """The components that this one is made of, whose life cycle its own calls carry along."""
        return ()

    def build(self, spec: mujoco.MjSpec) -> None:
        """Add to the model before it is compiled. Angles are radians."""
        for part in self.parts:
            part.build(spec)

    def bind(self, sim: Simulator) -> None:
        """Look names up once and keep live arrays; make own arrays. Called again after a fork."""
        for part in self.parts:
            part.bind(sim)

    def reset(self, ids: np.ndarray, rng: RandomStreams) -> None:
        """Write the state that new episodes in rows ids, (n,) sorted integers, start from, drawing only from rng."""
        for part in self.parts:
            part.reset(ids, rng)

    def begin(self, ids: np.ndarray) -> None:
        """Start from the poses in rows ids, which all components' `reset` have led to and which are current now."""
        for part in self.parts:
            part.begin(ids)


class Actuated(Component):
    """A component that takes a share of the action: a controller, a gripper."""

    size: int  # numbers of the action that it takes

    def act(self, action: Array) -> None:
        """Take its share of the actions, (N, size) in [-1, 1], to servo commands."""
        raise NotImplementedError

    def observe(self) -> list[Array]:
        """What it adds to the robot's observation: (N, k) arrays."""
        return []

    def fields(self) -> list[Field]:
        """What each array of `observe` is."""
        return []
