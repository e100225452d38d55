"""Images by ray casting on the simulation's threads: no OpenGL, and the same bits with any driver.

Rays are the cost, so few are cast. Before a fixed camera, what never moves is drawn once and kept. A camera that moves
draws planes in closed form and ignores geoms outside its image. Both cast rays only through pixels that the remaining
geoms may cover.
"""

import copy
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.camera_view import CameraView, PixelGrid, model_camera_view
from robodl_envs.rendering.modalities import GROUPS_FOR_LEARNING, HIDDEN_GROUP, MAX_DEPTH, ImageSpec
from robodl_envs.rendering.ray_images import DrawnGeoms, RayImages
from robodl_envs.rendering.shading import SceneRows, to_bytes
from robodl_envs.rendering.visibility import covered_pixels, group_by_count, visible_groups
from robodl_envs.simulator import CpuSimulator

PIXELS_AT_ONCE = 32 * 64 * 64  # of one camera, so that arrays stay in the processor's cache
POSES = ("geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat")


class RayRenderer:
    """Draws all cameras of an observation by ray casting."""

    def __init__(self, sim: CpuSimulator, spec: ImageSpec):
        self.sim, self.spec, self.grid = sim, spec, PixelGrid(spec.height, spec.width)
        self.poses = {field: sim.bind(field) for field in POSES}
        model, geoms = sim.model, DrawnGeoms(sim.model, GROUPS_FOR_LEARNING, spec.classes)
        self.cameras: dict[str, tuple[int, FixedCamera | MovingCamera]] = {}  # {name: (index in the model, camera)}
        for name, modalities in spec.by_camera(np.empty(0, spec.layout)).items():
            index = int(model.camera(name).id)
            if model.body_weldid[model.cam_bodyid[index]] != 0:
                self.cameras[name] = index, MovingCamera(sim, list(modalities), geoms)
            else:
                self.cameras[name] = index, FixedCamera(sim, list(modalities), geoms, num_backdrops=sim.num)

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
        """Images of rows ids, (n,) of the spec's layout.

        Args:
            background: colour beyond the scene, (n, 3) uint8; None for black.
        """
        spec, images = self.spec, np.empty(len(ids), self.spec.layout)
        rows_at_once = max(1, PIXELS_AT_ONCE // self.grid.size)
        for first in range(0, len(ids), rows_at_once):
            rows = slice(first, first + rows_at_once)
            some, by_camera = ids[rows], spec.by_camera(images[rows])
            scene = SceneRows(self.sim, some, self.poses["geom_xpos"][some], self.poses["geom_xmat"][some])
            colors = None if background is None else background[rows]
            for name, (index, camera) in self.cameras.items():
                view = model_camera_view(self.sim, index, some, self.poses, self.grid)
                drawn = camera.draw(view, scene, colors).images
                for modality, image in by_camera[name].items():
                    image[:] = drawn[modality].reshape(image.shape)
        return images

    def close(self) -> None:
        """Do nothing: rays hold no resources."""


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
