"""Planes in closed form, for cameras that are carried about, which see the floor everywhere and always anew."""

import numpy as np

from robodl_envs.rendering.modalities import FAR
from robodl_envs.rendering.shading import Lights, as_bytes


def paint_planes(
    pictures: dict[str, np.ndarray],
    grid: tuple[np.ndarray, np.ndarray],
    eye: tuple[np.ndarray, np.ndarray],
    planes: tuple[np.ndarray, np.ndarray],
    sizes: np.ndarray,
    lights: Lights,
    colors: np.ndarray,
    classes: np.ndarray,
) -> np.ndarray:
    """Paint planes into pictures of rows, (n, P, channels); lights must be directional.

    Args:
        grid: what a pixel's ray has to the right and upwards at depth 1: (n or 1, P) each.
        eye, planes: places and frames: (n, 3), (n, 3, 3); (n, p, 3), (n, p, 3, 3).
        sizes: half sizes, (n or 1, p, 3) m; 0 is endless.
        colors: (n or 1, p, 3). classes: (p,) uint8.

    Returns:
        The depths of the nearest planes, (n, P) float32; infinite where there are none.
    """
    place, frame = eye
    right, up = (part.astype(np.float32) for part in grid)
    length = np.sqrt(1.0 + right**2 + up**2)
    far = np.full((len(place), right.shape[1]), np.inf, np.float32)
    for k in range(len(classes)):
        axes = planes[1][:, k]
        start = np.einsum("ni,nij->nj", place - planes[0][:, k], axes).astype(np.float32)  # (n, 3), plane's frame
        turn = np.einsum("nik,nij->nkj", frame, axes).astype(np.float32)  # the camera's axes in the plane's frame

        def along(axis: int, turn=turn) -> np.ndarray:
            """What pixels' rays, of depth 1, have along an axis of the plane: (n, P)."""
            way = right * turn[:, :1, axis]
            way += up * turn[:, 1:2, axis]
            way -= turn[:, 2:, axis]
            return way

        fall = np.negative(along(2))
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = start[:, 2:] / fall
            hit = (fall > 0.0) & (depth >= 0.0) & (depth < far)
            for axis in (0, 1):
                size = sizes[:, k, axis, None]
                if (size > 0.0).any():
                    hit &= (np.abs(start[:, axis : axis + 1] + depth * along(axis)) <= size) | (size <= 0.0)
        np.copyto(far, depth, where=hit)
        if "rgb" in pictures:
            outwards = np.maximum(fall, 0.0)
            outwards /= length
            even = lights.even(axes[:, :, 2].astype(np.float32))
            for channel in range(3):  # one after another, as numpy is slow along an axis of three
                light = outwards * lights.head_diffuse[channel]
                light += even[:, channel, None]
                light *= colors[:, k, channel, None]
                np.copyto(pictures["rgb"][..., channel], as_bytes(light), where=hit)
        if "depth" in pictures:
            np.copyto(pictures["depth"][..., 0], np.minimum(depth, FAR), where=hit)
        if "segmentation" in pictures:
            pictures["segmentation"][hit] = classes[k]
    return far
