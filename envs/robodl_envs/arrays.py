"""Vectors and quaternions for any array library and any leading axes.

Everything here runs on NumPy arrays and torch tensors alike: `namespace(x)` gives the library an array
belongs to. torch is never imported from here; a tensor brings it along.
"""

import difflib
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor; both run the same lines


def namespace(x: Array) -> ModuleType:
    """The library an array belongs to: numpy, or torch for a tensor."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np
    return sys.modules[type(x).__module__.partition(".")[0]]


def distance(a: Array, b: Array) -> Array:
    """Euclidean distance between points, (..., 3) and (..., 3) -> (...,)."""
    way = a - b
    xp = namespace(way)
    return xp.sqrt(xp.linalg.vecdot(way, way))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """'; did you mean ...?' with the names close to a misspelt one, or ''."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
