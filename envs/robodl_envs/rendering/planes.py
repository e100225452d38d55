"""Planes in closed form, for cameras that are carried about, which see the floor everywhere and always anew."""

import numpy as np

from robodl_envs.rendering.shading import Lights, as_bytes
from robodl_envs.rendering.views import FAR


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
        grid: what a pixel's ray has to the right and upwards at depth 1: (n, P) each.
        eye, planes: places and frames: (n, 3), (n, 3, 3); (n, p, 3), (n, p, 3, 3).
        sizes: half sizes, (n or 1, p, 3) m; 0 is endless.
        colors: (n or 1, p, 3). classes: (p,) uint8.

    Returns:
        The depths of the nearest planes, (n, P) float32; infinite where there are none.
    """
    place, frame = eye
    right, up = (part.astype(np.float32) for part in grid)
    far = np.full(right.shape, np.inf, np.float32)
    for k in range(len(classes)):
        axes = planes[1][:, k]
        start = np.einsum("ni,nij->nj", place - planes[0][:, k], axes).astype(np.float32)  # (n, 3), plane's frame
        turn = np.einsum("nik,nij->nkj", frame, axes).astype(np.float32)  # the camera's axes in the plane's frame

        def along(axis: int, turn=turn) -> np.ndarray:
            """What pixels' rays, of depth 1, have along an axis of the plane: (n, P)."""
            return right * turn[:, :1, axis] + up * turn[:, 1:2, axis] - turn[:, 2:, axis]

        down = along(2)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = np.where(down < 0.0, start[:, 2:] / -down, np.inf)
            hit = (depth >= 0.0) & (depth < far)
            for axis in (0, 1):
                size = sizes[:, k, axis, None]
                hit &= (np.abs(start[:, axis : axis + 1] + depth * along(axis)) <= size) | (size <= 0.0)
        np.copyto(far, depth, where=hit)
        if "rgb" in pictures:
            outwards = np.maximum(-down, 0.0) / np.sqrt(1.0 + right**2 + up**2)
            light = lights.even(axes[:, :, 2].astype(np.float32))[:, None] + lights.head_diffuse * outwards[..., None]
            light *= colors[:, None, k]
            np.copyto(pictures["rgb"], as_bytes(light), where=hit[..., None])
        if "depth" in pictures:
            np.copyto(pictures["depth"], np.minimum(depth, FAR)[..., None], where=hit[..., None])
        if "segmentation" in pictures:
            pictures["segmentation"][hit] = classes[k]
    return far
