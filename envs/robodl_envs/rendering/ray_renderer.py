"""Images by ray casting on the simulation's threads: no OpenGL, and the same bits with any driver.

Rays are the cost, so few are cast. A fixed camera keeps its backdrop: all that never moves. A camera that moves draws
planes in closed form and ignores geoms outside its image. Both cast rays only through pixels that the remaining geoms
may cover.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from robodl_envs.rendering.backdrops import Backdrops
from robodl_envs.rendering.camera_view import CameraView, GeomPoses, model_camera_view
from robodl_envs.rendering.modalities import GROUPS_FOR_LEARNING, Images, ImageSpec
from robodl_envs.rendering.pixel_grid import PixelGrid, group_by_count
from robodl_envs.rendering.planes import draw_planes
from robodl_envs.rendering.ray_images import DrawnGeoms, RayImages, blank_images
from robodl_envs.rendering.shading import Shading, row_values
from robodl_envs.rendering.visibility import bounding_capsules, visible_groups
from robodl_envs.simulator import CpuSimulator

PIXELS_AT_ONCE = 32 * 64 * 64  # of one camera, so that arrays stay in the processor's cache


class RayRenderer:
    """Draws all cameras of an observation by ray casting. A `Renderer`."""

    def __init__(self, sim: CpuSimulator, images: ImageSpec):
        self.sim, self.images = sim, images
        self.cam_xpos, self.cam_xmat = sim.bind("cam_xpos"), sim.bind("cam_xmat")  # (N, ncam, 3), (N, ncam, 9)
        self.geom_xpos, self.geom_xmat = sim.bind("geom_xpos"), sim.bind("geom_xmat")
        model, size = sim.model, (images.height, images.width)
        geoms = DrawnGeoms(model, GROUPS_FOR_LEARNING, images.classes)
        self.cameras: dict[str, tuple[int, RayCamera]] = {}  # {name: (index in the model, camera)}
        for name, modalities in images.cameras.items():
            index = int(model.camera(name).id)
            moving = bool(model.body_weldid[model.cam_bodyid[index]] != 0)
            self.cameras[name] = index, RayCamera(sim, modalities, *size, geoms, moving, num_backdrops=sim.num)

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> Images:
        """Draw rows ids, (n,), some at a time; background as `Renderer.draw`."""
        spec, images = self.images, self.images.empty(len(ids))
        rows_at_once = max(1, PIXELS_AT_ONCE // (spec.height * spec.width))
        for first in range(0, len(ids), rows_at_once):
            rows = slice(first, first + rows_at_once)
            some = ids[rows]
            poses = GeomPoses(self.geom_xpos[some], self.geom_xmat[some].reshape(len(some), -1, 3, 3))
            shading, colors = Shading(self.sim, some), None if background is None else background[rows]
            for name, (index, camera) in self.cameras.items():
                view = model_camera_view(self.sim, index, some, self.cam_xpos, self.cam_xmat, spec.height, spec.width)
                for modality, image in camera.draw(some, view, poses, shading, colors).items():
                    images[name][modality][rows] = image
        return images

    def close(self) -> None:
        """Do nothing: rays hold no resources."""


class RayCamera:
    """Draws the images of one camera.

    Args:
        geoms: those that it sees.
        moving: whether the camera's body moves.
        num_backdrops: that a fixed camera keeps: one per row, or 1 if rows are drawn one at a time.
    """

    def __init__(
        self,
        sim: CpuSimulator,
        modalities: Sequence[str],
        height: int,
        width: int,
        geoms: DrawnGeoms,
        moving: bool,
        num_backdrops: int,
    ):
        self.sim, self.modalities, self.geoms, self.moving = sim, modalities, geoms, moving
        self.grid = PixelGrid(height, width)
        self.backdrops = None if moving else Backdrops(sim, self.grid, modalities, geoms, num_backdrops)

    def draw(
        self, ids: np.ndarray, view: CameraView, poses: GeomPoses, shading: Shading, background: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Images of rows ids, (n,): {modality: (n, height, width, channels)}.

        Args:
            background: (n, 3) uint8; None for black.
        """
        geoms, hittable = self.geoms, self.geoms.is_any
        if self.backdrops is not None:
            images = self.backdrops.draw(ids, view, poses, shading, background)
            mask = self.covered(ids, view, poses, geoms.moving)
        else:
            images = blank_images(self.grid, self.modalities, len(ids), background)
            if shading.lights.directional.all():
                self.draw_planes(images, ids, view, poses, shading)
                mask = self.covered(ids, view, poses, geoms.solid)
                hittable = geoms.is_solid
            else:
                mask = np.ones((len(ids), self.grid.size), bool)
        with self.only_visible(ids, view, poses):
            for rows, pixels in group_by_count(mask):
                images.cast(self.sim.batch, ids[rows], rows, pixels, view, geoms, shading, hittable, static=self.moving)
        shape = len(ids), self.grid.height, self.grid.width, -1
        return {modality: image.reshape(shape) for modality, image in images.images.items()}

    def draw_planes(self, images: RayImages, ids, view: CameraView, poses: GeomPoses, shading: Shading) -> None:
        planes = self.geoms.planes
        sizes = row_values(self.sim, "geom_size", ids)[:, planes]
        of_planes = GeomPoses(poses.pos[:, planes], poses.mat[:, planes])
        colors, classes = shading.colors[:, planes], self.geoms.classes[planes]
        draw_planes(images, view, of_planes, sizes, shading.lights, colors, classes)

    def covered(self, ids, view: CameraView, poses: GeomPoses, geoms: np.ndarray) -> np.ndarray:
        """Pixels that geoms, (g,) indices, may cover: (n, P) bool."""
        of_geoms = GeomPoses(poses.pos[:, geoms], poses.mat[:, geoms])
        return self.grid.covered(view, of_geoms, bounding_capsules(self.sim, ids, geoms))

    @contextmanager
    def only_visible(self, ids, view: CameraView, poses: GeomPoses) -> Iterator[None]:
        """Hide geoms outside a moving camera's images from its rays, which test every geom of a drawn group."""
        if not self.moving:
            yield
            return
        groups = self.sim.batch.expand("geom_group")
        saved = groups[ids]
        groups[ids] = visible_groups(self.sim, ids, view, poses.pos)
        try:
            yield
        finally:
            groups[ids] = saved
