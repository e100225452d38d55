"""Images while rays are cast into them, and the geoms that rays may hit."""

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import MAX_DEPTH, PLANE, channels, dtype_of
from robodl_envs.rendering.pixel_grid import PixelGrid
from robodl_envs.rendering.shading import Shading


class DrawnGeoms:
    """Indices of the geoms that are drawn.

    Args:
        groups: (6,) uint8, flags of the geom groups that are drawn.
        classes: (ngeom,) uint8, indices into SEGMENTATION_CLASSES.
    """

    def __init__(self, model: mujoco.MjModel, groups: np.ndarray, classes: np.ndarray):
        self.groups = groups
        self.classes = np.append(classes, np.uint8(0))  # a ray that hits nothing has geom -1: background
        plane = model.geom_type == PLANE
        static = model.body_weldid[model.geom_bodyid] == 0
        drawn = groups[np.clip(model.geom_group, 0, len(groups) - 1)] != 0
        self.static, self.moving = np.flatnonzero(static & drawn), np.flatnonzero(~static & drawn)
        self.planes, self.solid = np.flatnonzero(plane & drawn), np.flatnonzero(~plane & drawn)
        self.is_any, self.is_solid = np.append(plane | ~plane, False), np.append(~plane, False)  # (ngeom + 1,)


@dataclass(eq=False)
class RayImages:
    """Images of n rows of one camera, pixels flat."""

    grid: PixelGrid
    images: dict[str, np.ndarray]  # {modality: (n, P, channels)}
    nearest: np.ndarray  # (n, P) float32 m, depth of what has been drawn; inf for nothing

    def cast(
        self,
        batch: Batch,
        ids: np.ndarray | None,
        rows: np.ndarray,
        pixels: np.ndarray,
        view: CameraView,
        geoms: DrawnGeoms,
        shading: Shading,
        hittable: np.ndarray,
        static: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cast rays through pixels (g, L) of rows (g,), each pixel once, and draw what they hit.

        Args:
            batch: the simulations that hold the geoms; ids, (g,), are those of the rows, None for all.
            view, shading: of all n rows.
            hittable: (ngeom + 1,) bool, geoms to draw where they are hit.
            static: whether rays meet geoms that never move.

        Returns:
            depth of the hits, m, and the geoms that were hit, -1 for none: (g, L) each.
        """
        view_of_rows = view.rows(rows)
        rays = self.grid.rays(pixels, view_of_rows)
        depth, geom, normal = batch.ray(view_of_rows.pos[:, None], rays, geoms.groups, static, ids=ids, normal=True)
        self.write_hits(rows, pixels, rays, (depth, geom, normal), view.pos, geoms.classes, shading, hittable)
        return depth, geom

    def write_hits(self, rows, pixels, rays, hits, cam_pos, classes, shading: Shading, hittable) -> None:
        """Draw hits of hittable geoms that are nearer than what has been drawn."""
        depth, geom, normal = hits
        flat = pixels + self.grid.size * rows[:, None]  # (g, L) pixels of all rows' images
        hit = np.flatnonzero(hittable[geom] & (depth < self.nearest.ravel()[flat]))
        row, flat, geom, depth = rows[hit // pixels.shape[1]], flat.ravel()[hit], geom.ravel()[hit], depth.ravel()[hit]
        if "rgb" in self.images:
            colors = shading.colors
            ray, normal = (part.reshape(-1, 3).take(hit, axis=0).astype(np.float32) for part in (rays, normal))
            color = colors[row if len(colors) > 1 else 0, geom]
            self.images["rgb"].reshape(-1, 3)[flat] = shading.lights.shade(color, row, cam_pos, depth, ray, normal)
        if "depth" in self.images:
            self.images["depth"].reshape(-1)[flat] = np.minimum(depth, MAX_DEPTH)
        if "segmentation" in self.images:
            self.images["segmentation"].reshape(-1)[flat] = classes[geom]


def blank_images(grid: PixelGrid, modalities, num: int, background: np.ndarray | None = None) -> RayImages:
    """Images of num rows that show nothing but the background, (num, 3) uint8, or black."""
    images: dict[str, np.ndarray] = {
        modality: np.zeros((num, grid.size, channels(modality)), dtype_of(modality)) for modality in modalities
    }
    if "depth" in images:
        images["depth"][:] = MAX_DEPTH
    if "rgb" in images and background is not None:
        images["rgb"][:] = background[:, None]
    return RayImages(grid, images, np.full((num, grid.size), np.inf, np.float32))
