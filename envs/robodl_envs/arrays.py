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


def quat_conjugate(quat: Array) -> Array:
    """The inverse of unit quaternions, (..., 4), w x y z."""
    xp = namespace(quat)
    return xp.concatenate([quat[..., :1], -quat[..., 1:]], axis=-1)


def quat_times(a: Array, b: Array) -> Array:
    """Hamilton product, (..., 4) w x y z: turn by b first, then by a."""
    xp = namespace(a)
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return xp.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """'; did you mean ...?' with the names close to a misspelt one, or ''."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
