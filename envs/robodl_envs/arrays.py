"""Vectors and quaternions for NumPy arrays and torch tensors, with any leading axes.

`namespace(x)` gives the library of an array; where NumPy and torch differ, one function here has both forms. torch is
never imported: a tensor brings it along.
"""

import contextlib
import difflib
import functools
import math
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor; both run the same lines

# Quaternions, w x y z, multiply as matrices: quat[..., QUAT_RIGHT] * QUAT_RIGHT_SIGNS takes q to q * quat, and
# quat[..., QUAT_LEFT] * QUAT_LEFT_SIGNS, (..., 3, 4), takes q to the vector part of quat * conjugate(q).
QUAT_RIGHT = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
QUAT_RIGHT_SIGNS = np.array([[1.0, -1, -1, -1], [1, 1, 1, -1], [1, -1, 1, 1], [1, 1, -1, 1]])
QUAT_LEFT = np.array([[1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
QUAT_LEFT_SIGNS = np.array([[1.0, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1]])
NEXT_AXIS, LAST_AXIS = np.array([1, 2, 0]), np.array([2, 0, 1])


def namespace(x: Array) -> ModuleType:
    """The library an array belongs to: numpy or torch."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return torch
    raise TypeError(f"arrays must be NumPy arrays or torch tensors, got {type(x).__name__}")


def array(values: Any, like: Array) -> Array:
    """Numbers, nested sequences of them, or an array, in the library, dtype and device of `like`."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, like.dtype)
    return values.to(like) if isinstance(values, namespace(like).Tensor) else like.new_tensor(values)


def integers(values: Any, like: Array) -> Array:
    """Integers such as row numbers, int64, in the library and on the device of `like`."""
    if isinstance(like, np.ndarray):
        return np.asarray(values, np.int64)
    return like.new_tensor(values, dtype=namespace(like).int64)


def on_host(x: Array) -> bool:
    """Test whether an array's numbers can be read without waiting for another device."""
    return isinstance(x, np.ndarray) or x.device.type == "cpu"


def to_numpy(values: Any) -> Any:
    """Tensors as NumPy arrays on the host, in dicts, tuples and alone; all else as it is."""
    if isinstance(values, dict):
        return {key: to_numpy(value) for key, value in values.items()}
    if isinstance(values, tuple):
        return tuple(map(to_numpy, values))
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values


def zeros(like: Array, *shape: int, dtype: str = "") -> Array:
    """Zeros of a shape in the library and on the device of `like`; its dtype unless one is named, such as "bool"."""
    kind = getattr(namespace(like), dtype) if dtype else like.dtype
    if isinstance(like, np.ndarray):
        return np.zeros(shape, kind)
    return like.new_zeros(shape, dtype=kind)


def arange(count: int, like: Array) -> Array:
    """0 .. count - 1, (count,) int64, in the library and on the device of `like`."""
    return np.arange(count) if isinstance(like, np.ndarray) else namespace(like).arange(count, device=like.device)


def one_hot(indices: Array, count: int, like: Array) -> Array:
    """1 in the column of each index and 0 elsewhere: (n,) int64 -> (n, count) of the dtype of `like`."""
    return array(indices[:, None] == arange(count, like), like)


def first_true(claims: Array) -> Array:
    """Index of the first True of each row, (n, k) bool -> (n,) int64; 0 where there is none."""
    return cast(claims, "uint8").argmax(axis=1)


def copy(x: Array) -> Array:
    """A new array of the same values."""
    return x.copy() if isinstance(x, np.ndarray) else x.clone()


def cast(x: Array, dtype: str) -> Array:
    """The values in another dtype, by its name: "float64", "int64", "bool" ...; the array itself if it has it."""
    kind = getattr(namespace(x), dtype)
    return x.astype(kind, copy=False) if isinstance(x, (np.ndarray, np.generic)) else x.to(kind)


def row_ids(mask: Array) -> Array:
    """Numbers of the True rows of a mask, (N,) bool -> (n,) int64, ascending."""
    return mask.nonzero()[0] if isinstance(mask, np.ndarray) else mask.nonzero()[:, 0]


def clip(x: Array, low: Any, high: Any, out: Array | None = None) -> Array:
    """Values within bounds, numbers or arrays that broadcast to x; written to `out` where that is given."""
    if isinstance(x, np.ndarray):
        return np.minimum(np.maximum(x, low, out=out), high, out=out)
    if not hasattr(low, "shape") and not hasattr(high, "shape"):
        clipped = x.clamp(low, high)  # numbers as tensors would wait for the device
    else:
        clipped = namespace(x).minimum(namespace(x).maximum(x, array(low, x)), array(high, x))
    if out is None:
        return clipped
    out[...] = clipped
    return out


def rounding_assignments(like: Array) -> contextlib.AbstractContextManager:
    """Have `a[ids] = values` take values of any dtype, as NumPy does; torch by itself refuses those of another.

    It costs time in each of torch's functions, and so is for resets.
    """
    return contextlib.nullcontext() if isinstance(like, np.ndarray) else _rounding_mode(namespace(like))()


@functools.cache
def _rounding_mode(torch: Any) -> Any:
    class RoundingAssignments(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is torch.Tensor.__setitem__ and isinstance(args[2], torch.Tensor):
                args = (*args[:2], args[2].to(args[0].dtype))
            return function(*args, **(kwargs or {}))

    return RoundingAssignments


def inverse(matrices: Array) -> Array:
    """Inverses of square matrices, (..., k, k); on another device without waiting to see whether they have one."""
    if isinstance(matrices, np.ndarray):
        return np.linalg.inv(matrices)
    return namespace(matrices).linalg.inv_ex(matrices).inverse


def matmul(a: Array, b: Array, out: Array) -> None:
    """Matrix products of (..., i, j) and (..., j, k), written to `out`."""
    if isinstance(out, np.ndarray):
        np.matmul(a, b, out=out)
    else:
        out[...] = a @ b


def largest(x: Array, axis: int, at_least: float) -> Array:
    """The largest values along an axis, which is kept, or `at_least` where they are less."""
    if isinstance(x, np.ndarray):
        return np.maximum.reduce(x, axis=axis, keepdims=True, initial=at_least)
    return namespace(x).amax(x, axis, keepdim=True).clamp(min=at_least)


def concat(parts: Sequence[Array], axis: int = -1, dtype: str = "") -> Array:
    """Arrays joined along an axis, in the dtype of the first or in a named one."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis, dtype=dtype or parts[0].dtype, casting="same_kind")
    torch = namespace(parts[0])
    kind = getattr(torch, dtype) if dtype else parts[0].dtype
    return torch.cat([part.to(kind) for part in parts], axis)


def sum_of_squares(x: Array) -> float:
    """Sum of the squares of all numbers."""
    return float(np.vdot(x, x)) if isinstance(x, np.ndarray) else float((x * x).sum())


def norm(x: Array) -> Array:
    """Euclidean lengths of vectors, (..., k) -> (...,)."""
    if isinstance(x, (np.ndarray, np.generic)):
        return np.sqrt(np.vecdot(x, x))  # in half the time of numpy.linalg's, to the same bits
    xp = namespace(x)
    return xp.sqrt(xp.linalg.vecdot(x, x))


def distance(a: Array, b: Array) -> Array:
    """Euclidean distances between points, (..., k) and (..., k) -> (...,)."""
    return norm(a - b)


def cross(a: Array, b: Array) -> Array:
    """Cross products of vectors, (..., 3) each; of NumPy's in a fifth of numpy.cross's time, to the same bits."""
    xp = namespace(a)
    if xp is not np:
        return xp.linalg.cross(*xp.broadcast_tensors(*(x.to(xp.result_type(a, b)) for x in (a, b))))
    return a.take(NEXT_AXIS, -1) * b.take(LAST_AXIS, -1) - a.take(LAST_AXIS, -1) * b.take(NEXT_AXIS, -1)


def quat_mul(a: Array, b: Array) -> Array:
    """Hamilton products a * b, the rotation b followed by a, of quaternions, (..., 4) w x y z."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    parts = [  # in pairs that cancel to the bit if b is the conjugate of a
        aw * bw - ax * bx - ay * by - az * bz,
        (aw * bx + ax * bw) + (ay * bz - az * by),
        (aw * by + ay * bw) + (az * bx - ax * bz),
        (aw * bz + az * bw) + (ax * by - ay * bx),
    ]
    return namespace(parts[0]).stack(parts, -1)


def quat_rotate(quat: Array, vector: Array) -> Array:
    """Vectors, (..., 3), rotated by unit quaternions, (..., 4)."""
    w, axis = quat[..., :1], quat[..., 1:]
    twice = 2.0 * cross(axis, vector)
    return vector + w * twice + cross(axis, twice)


def quat_conjugate(quat: Array) -> Array:
    """Inverse rotations of unit quaternions, (..., 4)."""
    return namespace(quat).concatenate([quat[..., :1], -quat[..., 1:]], -1)


def quat_right_matrix(quat: Array) -> Array:
    """Matrices, (..., 4, 4), that take a quaternion q to q * quat, of quaternions (..., 4)."""
    return quat[..., QUAT_RIGHT] * array(QUAT_RIGHT_SIGNS, quat)


def quat_error_matrix(quat: Array) -> Array:
    """Matrices, (..., 3, 4), that take a quaternion q to the vector part of the rotation from q to quat, (..., 4)."""
    return quat[..., QUAT_LEFT] * array(QUAT_LEFT_SIGNS, quat)


def rotvec_to_quat(rotvec: Array) -> Array:
    """Unit quaternions, (..., 4), of rotation vectors, (..., 3) rad."""
    xp = namespace(rotvec)
    angle = norm(rotvec)
    scale = 0.5 * xp.sinc(angle / (2.0 * math.pi))  # sin(angle / 2) / angle, also at zero
    return xp.concatenate([xp.cos(0.5 * angle)[..., None], scale[..., None] * rotvec], -1)


def quat_to_rotvec(quat: Array) -> Array:
    """Rotation vectors, (..., 3) rad, at most pi long, of unit quaternions, (..., 4)."""
    xp = namespace(quat)
    vector = xp.where(quat[..., :1] < 0.0, -quat[..., 1:], quat[..., 1:])
    sine = norm(vector)  # of half the angle
    angle = 2.0 * xp.arctan2(sine, abs(quat[..., 0]))
    return vector * (angle / xp.where(sine > 0.0, sine, xp.ones_like(sine)))[..., None]


def rotation_angle(a: Array, b: Array) -> Array:
    """Angles, (...,) rad, between orientations, unit quaternions (..., 4) and (..., 4)."""
    xp = namespace(a)
    chord, other = a - b, a + b  # to b and to -b, which is the same orientation
    square = xp.minimum(xp.linalg.vecdot(chord, chord), xp.linalg.vecdot(other, other))
    return 4.0 * xp.arcsin(0.5 * xp.sqrt(square))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """'; did you mean ...?' with the names close to a misspelt one, or ''."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse a setting's value that is none of its choices: ValueError with near ones."""
    if value not in choices:
        near = did_you_mean(str(value), choices)
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}{near}")
