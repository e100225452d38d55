"""Images by ray casting on the simulation's threads: no OpenGL, and the same bits with any driver.

Rays are the cost, so few are cast: see fixed_camera.py and moving_camera.py. Both cast rays only through pixels that
the remaining geoms may cover.
"""

import numpy as np

from robodl_envs.rendering.camera_view import PixelGrid, model_camera_view
from robodl_envs.rendering.fixed_camera import FixedCamera
from robodl_envs.rendering.modalities import GROUPS_FOR_LEARNING, ImageSpec
from robodl_envs.rendering.moving_camera import MovingCamera
from robodl_envs.rendering.ray_images import DrawnGeoms
from robodl_envs.rendering.shading import SceneRows
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
