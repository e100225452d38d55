"""Arguments of a vector environment's `reset`, checked: rows and seeds."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np


def checked_mask(options: dict | None, num: int) -> np.ndarray:
    """The rows to reset, (num,) bool, of reset's options."""
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return np.ones(num, bool)
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (num,) or not mask.any():
        raise ValueError(f"reset_mask must be {num} booleans, at least one of them True, got {mask!r}")
    return mask


def row_seeds(seed: int | Sequence[int | None] | None, num: int) -> list[int | None]:
    """Each row's seed: None for all, or s + i of an integer s, or the given ones."""
    if seed is None:
        return [None] * num
    if not isinstance(seed, Sequence) or isinstance(seed, str):
        first = checked_seed(seed)
        return [checked_seed(first + i) for i in range(num)]
    if len(seed) != num:
        raise ValueError(f"seeds must be one integer or {num} of them, got {len(seed)}")
    return [None if value is None else checked_seed(value) for value in seed]


def checked_seed(seed: Any) -> int:
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 2**64:
        raise ValueError(f"a seed must be an integer from 0 to 2^64 - 1, got {seed!r}")
    return int(seed)
