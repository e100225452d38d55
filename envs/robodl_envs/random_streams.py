"""One stream of random numbers per row, drawn for many rows in one vectorised call.

Row i draws the same numbers whatever the number of rows, the thread count, and whatever its neighbours do,
because a row's stream is a function of its own seed and its own count of draws alone. NumPy's generators can't
do that without a Python loop over rows; SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 16) can: its
k-th number is a hash of seed + k * GAMMA.
"""

import math

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)  # SplitMix64: the odd integer nearest to 2^64 / golden ratio
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # SplitMix64: Stafford's variant 13 of the 64-bit finaliser
MIX_2 = np.uint64(0x94D049BB133111EB)


class RandomStreams:
    """num independent random streams; `state`, (num,) uint64, is all that a snapshot needs."""

    def __init__(self, num: int):
        self.state = mix(np.random.SeedSequence().generate_state(num, np.uint64))

    def seed(self, ids: np.ndarray, seeds: np.ndarray) -> None:
        """Start the streams of rows ids, (n,), anew from integer seeds, (n,)."""
        # Mixed twice so that neighbouring seeds begin far apart on SplitMix64's single cycle.
        self.state[ids] = mix(mix(np.asarray(seeds).astype(np.uint64)) + GAMMA)

    def bits(self, ids: np.ndarray, count: int) -> np.ndarray:
        """The next count numbers of rows ids: (n, count) uint64."""
        steps = np.arange(1, count + 1, dtype=np.uint64) * GAMMA
        numbers = mix(self.state[ids][:, None] + steps)
        self.state[ids] = self.state[ids] + steps[-1:]
        return numbers

    def uniform(self, ids, low=0.0, high=1.0) -> np.ndarray:
        """Draw from [low, high): (n, *shape), where shape is that of low and high broadcast together."""
        low = np.asarray(low, float)
        span = np.asarray(high, float) - low
        unit = (self.bits(ids, span.size) >> np.uint64(11)) * 2.0**-53
        return low + span * unit.reshape(-1, *span.shape)

    def uniform_apart(self, ids, low, high, others, least: float, tries: int = 16) -> np.ndarray:
        """Draw points, (n, 3), from a box, each at least so far from its row's other point, (n, 3).

        Of `tries` points the first far enough is taken, or the farthest where none is.
        """
        low, high = np.asarray(low, float), np.asarray(high, float)
        points = self.uniform(ids, np.tile(low, (tries, 1)), np.tile(high, (tries, 1)))  # (n, tries, 3)
        apart = np.sqrt(((points - others[:, None]) ** 2).sum(axis=2))
        good = apart >= least
        choice = np.where(good.any(axis=1), good.argmax(axis=1), apart.argmax(axis=1))
        return points[np.arange(len(ids)), choice]

    def normal(self, ids, mean=0.0, std=1.0) -> np.ndarray:
        """Draw from a normal distribution: (n, *shape), where shape is that of mean and std broadcast together."""
        mean, std = np.broadcast_arrays(np.asarray(mean, float), np.asarray(std, float))
        unit = (self.bits(ids, 2 * mean.size) >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2.0 * np.log1p(-unit[:, : mean.size]))  # Box and Muller; 1 - unit is never zero
        angle = 2.0 * math.pi * unit[:, mean.size :]
        return mean + std * (radius * np.cos(angle)).reshape(-1, *mean.shape)

    def integers(self, ids, high: int) -> np.ndarray:
        """Draw from 0 .. high - 1: (n,) int64. The bias, below high / 2^53, is beyond notice."""
        return (self.uniform(ids) * high).astype(np.int64)


def mix(x: np.ndarray) -> np.ndarray:
    """SplitMix64's hash of 64-bit integers."""
    x = (x ^ (x >> np.uint64(30))) * MIX_1
    x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))
