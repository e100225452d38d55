"""Planes in closed form, for cameras that move with a body and see the floor anew in every image."""

import numpy as np

from robodl_envs.rendering.camera_view import CameraView, GeomPoses
from robodl_envs.rendering.modalities import MAX_DEPTH
from robodl_envs.rendering.ray_images import RayImages
from robodl_envs.rendering.shading import Lights, to_bytes


def draw_planes(
    target: RayImages,
    view: CameraView,
    planes: GeomPoses,
    sizes: np.ndarray,
    lights: Lights,
    colors: np.ndarray,
    classes: np.ndarray,
) -> None:
    """Draw p planes, whose lights are all directional, into blank images of n rows.

    Args:
        planes: their poses, (n, p, ...).
        sizes: half sizes, (n or 1, p, 3) m; 0 is infinite.
        colors: (n or 1, p, 3), from 0 to 1.
        classes: (p,) uint8.
    """
    images, nearest = target.images, target.nearest
    focal = view.focal[:1] if (view.focal == view.focal[0]).all() else view.focal
    # Offsets to the right and upwards of the pixels' rays at depth 1, (n or 1, P).
    right = (target.grid.right / focal[:, None]).astype(np.float32)
    up = (target.grid.up / focal[:, None]).astype(np.float32)
    length = np.sqrt(1.0 + right**2 + up**2)
    for k in range(len(classes)):
        axes = planes.mat[:, k]
        start = np.einsum("ni,nij->nj", view.pos - planes.pos[:, k], axes).astype(np.float32)  # (n, 3), plane's frame
        rotation = np.einsum("nik,nij->nkj", view.mat, axes).astype(np.float32)  # camera axes in the plane's frame

        def ray_component(axis: int, rotation=rotation) -> np.ndarray:
            """The rays' components along an axis of the plane, (n, P)."""
            component = right * rotation[:, :1, axis]
            component += up * rotation[:, 1:2, axis]
            component -= rotation[:, 2:, axis]
            return component

        descent = np.negative(ray_component(2))
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = start[:, 2:] / descent
            hit = (descent > 0.0) & (depth >= 0.0) & (depth < nearest)
            for axis in (0, 1):
                size = sizes[:, k, axis, None]
                if (size > 0.0).any():
                    offset = start[:, axis : axis + 1] + depth * ray_component(axis)
                    hit &= (np.abs(offset) <= size) | (size <= 0.0)
        np.copyto(nearest, depth, where=hit)
        if "rgb" in images:
            facing = np.maximum(descent, 0.0)
            facing /= length
            uniform = lights.uniform_light(axes[:, :, 2].astype(np.float32))
            for channel in range(3):  # one after another: NumPy is slow along an axis of length three
                light = facing * lights.head_diffuse[channel]
                light += uniform[:, channel, None]
                light *= colors[:, k, channel, None]
                np.copyto(images["rgb"][..., channel], to_bytes(light), where=hit)
        if "depth" in images:
            np.copyto(images["depth"][..., 0], np.minimum(depth, MAX_DEPTH), where=hit)
        if "segmentation" in images:
            images["segmentation"][hit] = classes[k]
