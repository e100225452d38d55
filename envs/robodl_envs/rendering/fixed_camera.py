"""Ray casting for a camera that does not move: what never moves before it is drawn once and kept."""

import copy
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import HIDDEN_GROUP
from robodl_envs.rendering.ray_images import DrawnGeoms, RayImages
from robodl_envs.rendering.shading import SceneRows
from robodl_envs.rendering.visibility import covered_pixels, group_by_count
from robodl_envs.simulator import CpuSimulator


class FixedCamera:
    """Draws the images of one camera over backdrops: images of the geoms that never move.

    Args:
        geoms: those that it sees.
        num_backdrops: kept at most; row i keeps number i modulo num_backdrops, and rows with equal ones share them.
    """

    def __init__(self, sim: CpuSimulator, modalities: Sequence[str], geoms: DrawnGeoms, num_backdrops: int):
        self.sim, self.modalities, self.geoms, self.num_backdrops = sim, modalities, geoms, num_backdrops
        self.backdrops: dict[int, RayImages] = {}  # by number, of one row each
        self.by_key: WeakValueDictionary[bytes, RayImages] = WeakValueDictionary()

    def draw(self, view: CameraView, scene: SceneRows, background: np.ndarray | None) -> RayImages:
        """Images of n rows; background: (n, 3) uint8, None for black."""
        images = RayImages(view, scene, self.geoms, self.modalities)
        for k, key in enumerate(self.keys(view, scene, background)):
            backdrop = self.by_key.get(key)
            if backdrop is None:
                backdrop = self.draw_backdrop(view, scene, background, k)
                self.by_key[key] = backdrop
            self.backdrops[int(scene.ids[k]) % self.num_backdrops] = backdrop
            for modality, image in images.images.items():
                image[k] = backdrop.images[modality][0]
            images.nearest[k] = backdrop.nearest[0]
        for rows, pixels in group_by_count(covered_pixels(view, scene, self.geoms.moving)):
            images.cast(self.sim.batch, rows, pixels, scene.ids[rows], static=False)
        return images

    def keys(self, view: CameraView, scene: SceneRows, background: np.ndarray | None) -> list[bytes]:
        """All numbers that each row's backdrop depends on."""
        static, num = self.geoms.static, len(scene.ids)
        parts = [view.pos, view.mat, view.focal, scene.pos[:, static], scene.mat[:, static], scene.size[:, static]]
        parts += [scene.colors[:, static], *scene.lights.row_arrays()]
        parts += [] if background is None else [background]
        rows = [np.broadcast_to(part, (num, *part.shape[1:])).reshape(num, -1) for part in parts]
        return [row.tobytes() for row in np.concatenate(rows, axis=1)]

    def draw_backdrop(self, view: CameraView, scene: SceneRows, background, k: int) -> RayImages:
        """The backdrop of the k-th of the rows."""
        row, model = scene.ids[[k]], copy.copy(self.sim.model)
        if self.sim.expanded:
            self.sim.batch.get_model(int(row[0]), model)
        model.geom_group[self.geoms.moving] = HIDDEN_GROUP
        # A batch, because mj_multiRay trusts bounding volumes, which a row's own geom sizes may exceed.
        static_scene = Batch(model, 1, 1)
        static_scene.state[:] = self.sim.batch.state[row]
        of_row = SceneRows(self.sim, row, scene.pos[[k]], scene.mat[[k]])
        color = None if background is None else background[[k]]
        images = RayImages(view.rows([k]), of_row, self.geoms, self.modalities, color)
        images.cast(static_scene, np.array([0]), np.arange(view.grid.size)[None])
        return images
