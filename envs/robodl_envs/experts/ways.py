"""Ways that experts have in common."""

import numpy as np

OVER = 0.10  # m above a thing: high enough to pass over its neighbours


def flat(way: np.ndarray) -> np.ndarray:
    """The horizontal length, (N,), of ways, (N, 3)."""
    return np.sqrt(way[:, 0] ** 2 + way[:, 1] ** 2)


def from_above(tool: np.ndarray, to: np.ndarray, height: float, near: float = 0.012) -> np.ndarray:
    """The next stop, (N, 3), on the way from tool to a place: up, over it at a height, m above it, and then down.

    near: m; closer than this to the vertical above the place, the tool goes down.
    """
    above = to.copy()
    above[:, 2] += height
    way = flat(to - tool)
    up = tool.copy()
    up[:, 2] = above[:, 2]
    low = (tool[:, 2] < above[:, 2] - 0.03) & (way > 3.0 * near)
    stop = np.where(low[:, None], up, above)
    return np.where((way < near)[:, None], to, stop)


def towards(tool: np.ndarray, to: np.ndarray, most: float) -> np.ndarray:
    """A point, (N, 3), at most so far, m, ahead of the tool on its way."""
    way = to - tool
    length = np.sqrt((way**2).sum(axis=1, keepdims=True))
    return tool + way * np.minimum(1.0, most / np.maximum(length, 1e-9))
