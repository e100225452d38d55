"""Vectors and quaternions for any array library and any leading axes.

Everything here runs on NumPy arrays and torch tensors alike: `namespace(x)` gives the library an array
belongs to. torch is never imported from here; a tensor brings it along.
"""

import difflib
import math
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


NEXT, LAST = np.array([1, 2, 0]), np.array([2, 0, 1])


def cross(a: Array, b: Array) -> Array:
    """Cross products of vectors, (..., 3) each; of NumPy's in a fifth of numpy.cross's time, to the same bits."""
    xp = namespace(a)
    if xp is not np:
        return xp.linalg.cross(a, b)
    return a.take(NEXT, -1) * b.take(LAST, -1) - a.take(LAST, -1) * b.take(NEXT, -1)


def quat_mul(a: Array, b: Array) -> Array:
    """The turn b followed by the turn a, as quaternions, (..., 4) w x y z."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    parts = [  # in pairs that cancel to the bit where b is the way back
        aw * bw - ax * bx - ay * by - az * bz,
        (aw * bx + ax * bw) + (ay * bz - az * by),
        (aw * by + ay * bw) + (az * bx - ax * bz),
        (aw * bz + az * bw) + (ax * by - ay * bx),
    ]
    return namespace(parts[0]).stack(parts, -1)


def quat_rotate(quat: Array, vector: Array) -> Array:
    """Vectors, (..., 3), turned by unit quaternions, (..., 4)."""
    w, axis = quat[..., :1], quat[..., 1:]
    twice = 2.0 * cross(axis, vector)
    return vector + w * twice + cross(axis, twice)


def rotvec_to_quat(turn: Array) -> Array:
    """Unit quaternions, (..., 4), of rotation vectors, (..., 3) rad."""
    xp = namespace(turn)
    angle = xp.sqrt(xp.linalg.vecdot(turn, turn))
    scale = 0.5 * xp.sinc(angle / (2.0 * math.pi))  # sin(angle / 2) / angle, also at zero
    return xp.concatenate([xp.cos(0.5 * angle)[..., None], scale[..., None] * turn], -1)


def quat_to_rotvec(quat: Array) -> Array:
    """Rotation vectors, (..., 3) rad, at most pi long, of unit quaternions, (..., 4)."""
    xp = namespace(quat)
    vector = xp.where(quat[..., :1] < 0.0, -quat[..., 1:], quat[..., 1:])
    sine = xp.sqrt(xp.linalg.vecdot(vector, vector))  # of half the angle
    angle = 2.0 * xp.arctan2(sine, abs(quat[..., 0]))
    return vector * (angle / xp.where(sine > 0.0, sine, xp.ones_like(sine)))[..., None]


def rotation_angle(a: Array, b: Array) -> Array:
    """The angles, (...,) rad, of the turns between orientations, (..., 4) and (..., 4)."""
    xp = namespace(a)
    apart, other = a - b, a + b  # chords to b and to -b, which is the same orientation
    chord = xp.minimum(xp.linalg.vecdot(apart, apart), xp.linalg.vecdot(other, other))  # squared
    return 4.0 * xp.arcsin(0.5 * xp.sqrt(chord))


def quat_conjugate(quat: Array) -> Array:
    """The turns back, (..., 4)."""
    return namespace(quat).concatenate([quat[..., :1], -quat[..., 1:]], -1)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """'; did you mean ...?' with the names close to a misspelt one, or ''."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
