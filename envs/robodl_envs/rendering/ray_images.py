"""Images while rays are cast into them, and the geoms that rays may hit."""

from collections.abc import Sequence

import mujoco
import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import FORMATS, MAX_DEPTH, PLANE
from robodl_envs.rendering.shading import SceneRows


class DrawnGeoms:
    """Indices of the geoms that are drawn.

    Args:
        groups: (6,) uint8, flags of the geom groups that are drawn.
        classes: (ngeom,) uint8, indices into SEGMENTATION_CLASSES.
    """

    def __init__(self, model: mujoco.MjModel, groups: np.ndarray, classes: np.ndarray):
        self.groups, self.classes = groups, classes
        plane = model.geom_type == PLANE
        static = model.body_weldid[model.geom_bodyid] == 0
        drawn = groups[np.clip(model.geom_group, 0, len(groups) - 1)] != 0
        self.static, self.moving = np.flatnonzero(static & drawn), np.flatnonzero(~static & drawn)
        self.planes, self.solid = np.flatnonzero(plane & drawn), np.flatnonzero(~plane & drawn)
        self.is_solid = np.append(~plane, False)  # (ngeom + 1,), as a ray that hits nothing has geom -1


class RayImages:
    """Images of n rows of one camera, blank at first.

    Attributes:
        images: pixels flat, {modality: (n, P, channels)}.
        nearest: (n, P) float32 m, depth of what has been drawn; inf for nothing.
    """

    def __init__(
        self,
        view: CameraView,
        scene: SceneRows,
        geoms: DrawnGeoms,
        modalities: Sequence[str],
        background: np.ndarray | None = None,
    ):
        self.view, self.scene, self.geoms = view, scene, geoms
        num, size = len(scene.ids), view.grid.size
        self.images: dict[str, np.ndarray] = {}
        for modality in modalities:
            channels, dtype = FORMATS[modality]
            self.images[modality] = np.zeros((num, size, channels), dtype)
        self.nearest = np.full((num, size), np.inf, np.float32)
        if "depth" in self.images:
            self.images["depth"][:] = MAX_DEPTH
        if "rgb" in self.images and background is not None:
            self.images["rgb"][:] = background[:, None]

    def cast(
        self,
        batch: Batch,
        rows: np.ndarray,
        pixels: np.ndarray,
        ids: np.ndarray | None = None,
        static: bool = True,
        planes: bool = True,
    ) -> None:
        """Cast rays through pixels (g, L) of rows (g,), each pixel once, and draw the hits nearer than what is drawn.

        Args:
            batch: the simulations that hold the geoms; ids, (g,), are those of the rows, None for all.
            static: whether rays meet geoms that never move.
            planes: whether planes are drawn where rays hit them.
        """
        images, view = self.images, self.view.rows(rows)
        rays = view.rays(pixels)
        depth, geom, normal = batch.ray(view.pos[:, None], rays, self.geoms.groups, static, ids=ids, normal=True)
        flat = pixels + self.view.grid.size * rows[:, None]  # (g, L) pixels of all rows' images
        hittable = geom >= 0 if planes else self.geoms.is_solid[geom]
        hit = np.flatnonzero(hittable & (depth < self.nearest.ravel()[flat]))
        row, flat, geom, depth = rows[hit // pixels.shape[1]], flat.ravel()[hit], geom.ravel()[hit], depth.ravel()[hit]
        self.nearest.reshape(-1)[flat] = depth
        if "rgb" in images:
            colors = self.scene.colors
            ray, normal = (part.reshape(-1, 3).take(hit, axis=0).astype(np.float32) for part in (rays, normal))
            color = colors[row if len(colors) > 1 else 0, geom]
            shaded = self.scene.lights.shade(color, row, self.view.pos, depth, ray, normal)
            images["rgb"].reshape(-1, 3)[flat] = shaded
        if "depth" in images:
            images["depth"].reshape(-1)[flat] = np.minimum(depth, MAX_DEPTH)
        if "segmentation" in images:
            images["segmentation"].reshape(-1)[flat] = self.geoms.classes[geom]
