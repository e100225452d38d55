"""Backdrops: what a fixed camera sees of geoms that never move, drawn once and kept while nothing in it changes."""

import copy
from collections.abc import Sequence

import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.camera_view import CameraView, GeomPoses
from robodl_envs.rendering.modalities import HIDDEN_GROUP
from robodl_envs.rendering.pixel_grid import PixelGrid
from robodl_envs.rendering.ray_images import DrawnGeoms, RayImages, blank_images
from robodl_envs.rendering.shading import Shading, row_values
from robodl_envs.simulator import CpuSimulator


class Backdrops:
    """The backdrops of one camera.

    Args:
        num_kept: backdrops in memory; row i has number i modulo num_kept.
    """

    def __init__(self, sim: CpuSimulator, grid: PixelGrid, modalities: Sequence[str], geoms: DrawnGeoms, num_kept: int):
        self.sim, self.grid, self.modalities, self.geoms, self.num_kept = sim, grid, modalities, geoms, num_kept
        self.kept: RayImages | None = None
        self.cache_keys = np.empty((num_kept, 0))  # all numbers that each backdrop was drawn from

    def draw(self, ids, view: CameraView, poses: GeomPoses, shading: Shading, background) -> RayImages:
        """Backdrops of rows ids, (n,), as new arrays."""
        keys = self.keys(len(ids), view, poses, row_values(self.sim, "geom_size", ids), shading, background)
        if self.kept is None:
            self.kept = blank_images(self.grid, self.modalities, self.num_kept)
            self.cache_keys = np.full((self.num_kept, keys.shape[1]), np.nan)
        kept, numbers = self.kept, ids % self.num_kept
        changed = np.flatnonzero((self.cache_keys[numbers] != keys).any(axis=1))
        self.cache_keys[numbers[changed]] = np.nan  # an interrupt must not leave new images with old keys
        drawn: dict[bytes, int] = {}  # the first row of each key
        for k in changed.tolist():
            first = drawn.setdefault(keys[k].tobytes(), k)
            if first == k:
                color = None if background is None else background[[k]]
                self.draw_row(ids[k], numbers[k], view.rows([k]), color)
                continue
            for array in (*kept.images.values(), kept.nearest):
                array[numbers[k]] = array[numbers[first]]
        self.cache_keys[numbers[changed]] = keys[changed]
        images = {modality: image[numbers] for modality, image in kept.images.items()}
        return RayImages(self.grid, images, kept.nearest[numbers])

    def keys(self, num, view: CameraView, poses: GeomPoses, geom_size, shading: Shading, background) -> np.ndarray:
        """All numbers that the backdrops of num rows depend on, (num, k)."""
        static = self.geoms.static
        parts = [view.pos, view.mat, view.focal, poses.pos[:, static], poses.mat[:, static]]
        parts += [*shading.lights.row_arrays(), shading.colors[:, static], geom_size[:, static]]
        parts += [] if background is None else [background]
        rows = [np.broadcast_to(part, (num, *part.shape[1:])).reshape(num, -1) for part in parts]
        return np.concatenate(rows, axis=1)

    def draw_row(self, row: int, number: int, view: CameraView, background: np.ndarray | None) -> None:
        """Draw the backdrop of a row anew and keep it."""
        assert self.kept is not None
        model = copy.copy(self.sim.model)
        if self.sim.expanded:
            self.sim.batch.get_model(int(row), model)
        model.geom_group[self.geoms.moving] = HIDDEN_GROUP
        # A batch, because mj_multiRay trusts bounding volumes, which a row's own geom sizes may exceed.
        static_scene = Batch(model, 1, 1)
        static_scene.state[:] = self.sim.batch.state[[row]]
        images = blank_images(self.grid, self.modalities, 1, background)
        pixels, geoms = np.arange(self.grid.size)[None], self.geoms
        shading = Shading(self.sim, np.array([row]))
        depth, geom = images.cast(static_scene, None, np.array([0]), pixels, view, geoms, shading, geoms.is_any)
        for modality, image in images.images.items():
            self.kept.images[modality][number] = image[0]
        self.kept.nearest[number] = np.where(geom[0] >= 0, depth[0], np.inf)
