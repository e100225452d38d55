"""Layout of observation vectors: which columns are what, within which bounds."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from robodl_envs.arrays import Array, clip, concat, copy, did_you_mean
from robodl_envs.component import Observable

T = TypeVar("T")
OBSERVATIONS = ("state", "image", "image+state")


def in_order(observables: Sequence[Observable], observation: str) -> list[Observable]:
    """Parts of an observation's vector in order: proprioception first, and with images alone nothing else."""
    known = [each for each in observables if each.proprioceptive]
    others = [each for each in observables if not each.proprioceptive]
    return known if observation == "image" else known + others


class ByObservable(dict[str, T]):
    """Values by an observable's name; the KeyError of a name that is not there has the nearest."""

    def __missing__(self, name: str) -> T:
        raise KeyError(f"no observable named {name!r}{did_you_mean(str(name), self)}; there are {', '.join(self)}")


def columns_of(observables: Sequence[Observable]) -> ByObservable[slice]:
    """Columns of each observable in a vector of them all, by name."""
    columns, first = ByObservable[slice](), 0
    for each in observables:
        columns[each.name] = slice(first, first := first + each.size)
    return columns


def vector_columns(observables: Sequence[Observable]) -> tuple[int, ...]:
    """Columns at which vectors along the world's axes begin in a vector of all observables."""
    columns = columns_of(observables)
    return tuple(columns[each.name].start + first for each in observables for first in each.vectors)


class ObservationLayout:
    """One float32 vector a row: the observables, then achieved and desired goal.

    Args:
        observables, goals: those that are observed, and those of a goal, in their order.
        observation: "state", "image" or "image+state"; "image" shows no goal.
    """

    def __init__(self, observables: Sequence[Observable], goals: Sequence[Observable], observation: str):
        bounds = np.concatenate([each.bounds for each in (*observables, *goals, *goals)], axis=1)
        self.low, self.high = bounds.astype(np.float32)  # (k + 2 g,)
        g = sum(each.size for each in goals)
        k = bounds.shape[1] - 2 * g
        self.size = k + 2 * g
        self.observed = slice(0, k)
        self.achieved, self.desired = slice(k, k + g), slice(k + g, k + 2 * g)
        self.first_goal = slice(0, goals[0].size)  # columns of a goal's first observable
        if observation == "image":
            self.keys = {"proprioception": self.observed}
        else:
            self.keys = {"observation": self.observed, "achieved_goal": self.achieved, "desired_goal": self.desired}

    def vectors(self, parts: Sequence[Array], low: Array, high: Array) -> Array:
        """Values, (N, j) each, as new vectors, (N, k + 2 g) float32, clipped to bounds like low and high."""
        vectors = concat(parts, axis=1, dtype="float32")
        return clip(vectors, low, high, out=vectors)

    def split(self, vectors: Array) -> dict[str, Array]:
        """A new observation of vectors: one copy costs less than three."""
        vectors = copy(vectors)
        return {key: vectors[:, columns] for key, columns in self.keys.items()}
