"""Ray casting for a camera that moves with a body: planes in closed form, and no geom outside the image."""

from collections.abc import Sequence

import numpy as np

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import MAX_DEPTH
from robodl_envs.rendering.ray_images import DrawnGeoms, RayImages
from robodl_envs.rendering.shading import SceneRows, to_bytes
from robodl_envs.rendering.visibility import covered_pixels, group_by_count, visible_groups
from robodl_envs.simulator import CpuSimulator


class MovingCamera:
    """Draws the images of one camera, which sees geoms."""

    def __init__(self, sim: CpuSimulator, modalities: Sequence[str], geoms: DrawnGeoms):
        self.sim, self.modalities, self.geoms = sim, modalities, geoms

    def draw(self, view: CameraView, scene: SceneRows, background: np.ndarray | None) -> RayImages:
        """Images of n rows; background: (n, 3) uint8, None for black."""
        images, ids = RayImages(view, scene, self.geoms, self.modalities, background), scene.ids
        in_closed_form = bool(scene.lights.directional.all())
        if in_closed_form:
            draw_planes(images)
            mask = covered_pixels(view, scene, self.geoms.solid)
        else:
            mask = np.ones((len(ids), view.grid.size), bool)
        groups = self.sim.batch.expand("geom_group")  # rays test every geom of a drawn group
        saved = groups[ids]
        groups[ids] = visible_groups(self.sim, ids, view, scene.pos)
        try:
            for rows, pixels in group_by_count(mask):
                images.cast(self.sim.batch, rows, pixels, ids[rows], planes=not in_closed_form)
        finally:
            groups[ids] = saved
        return images


def draw_planes(target: RayImages) -> None:
    """Draw the planes of a scene, whose lights are all directional, into blank images."""
    view, scene, images, nearest = target.view, target.scene, target.images, target.nearest
    focal = view.focal[:1] if (view.focal == view.focal[0]).all() else view.focal
    # Offsets to the right and upwards of the pixels' rays at depth 1, (n or 1, P).
    right = (view.grid.right / focal[:, None]).astype(np.float32)
    up = (view.grid.up / focal[:, None]).astype(np.float32)
    length = np.sqrt(1.0 + right**2 + up**2)
    for k in target.geoms.planes:
        axes = scene.mat[:, k]
        start = np.einsum("ni,nij->nj", view.pos - scene.pos[:, k], axes).astype(np.float32)  # (n, 3), plane's frame
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
                size = scene.size[:, k, axis, None]  # half the plane's; 0 is infinite
                if (size > 0.0).any():
                    offset = start[:, axis : axis + 1] + depth * ray_component(axis)
                    hit &= (np.abs(offset) <= size) | (size <= 0.0)
        np.copyto(nearest, depth, where=hit)
        if "rgb" in images:
            facing = np.maximum(descent, 0.0)
            facing /= length
            uniform = scene.lights.uniform_light(axes[:, :, 2].astype(np.float32))
            for channel in range(3):  # one after another: NumPy is slow along an axis of length three
                light = facing * scene.lights.head_diffuse[channel]
                light += uniform[:, channel, None]
                light *= scene.colors[:, k, channel, None]
                np.copyto(images["rgb"][..., channel], to_bytes(light), where=hit)
        if "depth" in images:
            np.copyto(images["depth"][..., 0], np.minimum(depth, MAX_DEPTH), where=hit)
        if "segmentation" in images:
            images["segmentation"][hit] = target.geoms.classes[k]
