"""One stream of random numbers per row, drawn for many rows in one vectorised call.

Row i draws the same numbers whatever the number of rows, the thread count, and whatever its neighbours do,
because a row's stream is a function of its own seed and its own count of draws alone. NumPy's generators can't
do that without a Python loop over rows; SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 16) can: its
k-th number is a hash of seed + k * GAMMA. On torch tensors the bits are the same, as signed integers.
"""

import math
from typing import Any

import numpy as np

from robodl_envs.arrays import Array, arange, array, cast, distance, first_true, integers, namespace

GAMMA = 0x9E3779B97F4A7C15  # SplitMix64: the odd integer nearest to 2^64 / golden ratio
MIX_1 = 0xBF58476D1CE4E5B9  # SplitMix64: Stafford's variant 13 of the 64-bit finaliser
MIX_2 = 0x94D049BB133111EB


class RandomStreams:
    """num independent random streams; `state`, (num,) 64-bit integers, is all that a snapshot needs.

    Args:
        num: number of rows.
        like: array of the library and on the device of what is drawn, which is float64 in any; None for NumPy.
    """

    def __init__(self, num: int, like: Array | None = None):
        self.like = np.zeros(0) if like is None else cast(like[:0], "float64")
        self.state = mix(words(np.random.SeedSequence().generate_state(num, np.uint64), self.like))

    def seed(self, ids: Array, seeds: Any) -> None:
        """Start the streams of rows ids, (n,), anew from integer seeds, (n,) from 0 to 2^64 - 1."""
        self._begin(ids, words(np.asarray(seeds).astype(np.uint64), self.like))

    def seed_from(self, ids: Array, other: "RandomStreams", offset: int) -> None:
        """Start the streams of rows ids anew from where another's streams are, which go on as they were."""
        self._begin(ids, other.state[ids] + constant(offset, self.state))

    def _begin(self, ids: Array, seeds: Array) -> None:
        # Mixed twice so that neighbouring seeds begin far apart on SplitMix64's single cycle.
        self.state[ids] = mix(mix(seeds) + constant(GAMMA, self.state))

    def bits(self, ids: Array, count: int) -> Array:
        """The next count numbers of rows ids: (n, count), 64 random bits each, unsigned in NumPy, signed in torch."""
        steps = words(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GAMMA), self.like)
        numbers = mix(self.state[ids][:, None] + steps)
        self.state[ids] = self.state[ids] + steps[-1:]
        return numbers

    def unit(self, ids: Array, count: int) -> Array:
        """The next count numbers of rows ids, uniform in [0, 1): (n, count) float64."""
        return cast(shifted_right(self.bits(ids, count), 11), "float64") * 2.0**-53

    def uniform(self, ids: Array, low: Any = 0.0, high: Any = 1.0) -> Array:
        """Draw from [low, high): (n, *shape), where shape is that of low and high broadcast together."""
        low = array(low, self.like)
        span = array(high, self.like) - low
        return low + span * self.unit(ids, math.prod(span.shape)).reshape(-1, *span.shape)

    def uniform_apart(self, ids: Array, low: Any, high: Any, other: Array, least: float, tries: int = 16) -> Array:
        """Draw points, (n, 3), from a box, each at least so far from its row's other point, (n, 3).

        Of `tries` points the first far enough is taken, or the farthest where none is.
        """
        xp = namespace(self.like)
        low, high = (xp.tile(array(corner, self.like), (tries, 1)) for corner in (low, high))
        points = self.uniform(ids, low, high)  # (n, tries, 3)
        distances = distance(points, array(other, self.like)[:, None])
        good = distances >= least
        choice = xp.where(good.any(axis=1), first_true(good), distances.argmax(axis=1))
        return points[arange(len(ids), self.like), choice]

    def normal(self, ids: Array, mean: Any = 0.0, std: Any = 1.0) -> Array:
        """Draw from a normal distribution: (n, *shape), where shape is that of mean and std broadcast together."""
        xp, mean, std = namespace(self.like), array(mean, self.like), array(std, self.like)
        shape = xp.broadcast_shapes(mean.shape, std.shape)
        size = math.prod(shape)
        unit = self.unit(ids, 2 * size)
        radius = xp.sqrt(-2.0 * xp.log1p(-unit[:, :size]))  # Box and Muller; 1 - unit is never zero
        angle = 2.0 * math.pi * unit[:, size:]
        return mean + std * (radius * xp.cos(angle)).reshape(-1, *shape)

    def integers(self, ids: Array, high: int) -> Array:
        """Draw from 0 .. high - 1: (n,) int64. The bias, below high / 2^53, is beyond notice."""
        return cast(self.uniform(ids) * high, "int64")


def words(values: np.ndarray, like: Array) -> Array:
    """64-bit integers, (n,) uint64, as words of the library of `like`; torch has no shifts of unsigned ones."""
    return values if isinstance(like, np.ndarray) else integers(values.view(np.int64), like)


def constant(value: int, like: Array) -> Any:
    """A 64-bit constant that multiplies and adds to words like these."""
    return np.uint64(value) if isinstance(like, np.ndarray) else value - (value >> 63 << 64)


def shifted_right(x: Array, count: int) -> Array:
    """Words shifted right by some bits, zeros coming in from the left."""
    return x >> np.uint64(count) if isinstance(x, np.ndarray) else (x >> count) & ((1 << 64 - count) - 1)


def mix(x: Array) -> Array:
    """SplitMix64's hash of 64-bit words."""
    x = (x ^ shifted_right(x, 30)) * constant(MIX_1, x)
    x = (x ^ shifted_right(x, 27)) * constant(MIX_2, x)
    return x ^ shifted_right(x, 31)
