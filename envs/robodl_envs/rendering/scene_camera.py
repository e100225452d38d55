"""Images for people, with shadows and antialiasing by OpenGL, or by ray casting where there is no OpenGL."""

import copy
from typing import Any

import mujoco
import numpy as np

from robodl_envs.rendering.camera_view import CameraView, PixelGrid, focal_length
from robodl_envs.rendering.gl_context import GlContext, RenderingError, notify_ray_casting
from robodl_envs.rendering.modalities import GROUPS_FOR_PEOPLE
from robodl_envs.rendering.ray_images import DrawnGeoms
from robodl_envs.rendering.ray_renderer import FixedCamera
from robodl_envs.rendering.shading import SceneRows
from robodl_envs.simulator import Simulator

SIZE = 480  # pixels, height and width of an image
SKYBOX = int(mujoco.mjtRndFlag.mjRND_SKYBOX)
AZIMUTH, ELEVATION = 135.0, -22.0  # degrees, of the line of sight, as in MuJoCo's free camera
BACKGROUND = np.array([[116, 132, 156]], np.uint8)  # about the middle of the gradient that OpenGL draws


class SceneCamera:
    """A fixed view of the whole scene, for videos and `render()`.

    Args:
        lookat: the point in the middle of the image, m, world frame.
        distance: of the camera from it, m.
    """

    def __init__(self, lookat: tuple[float, float, float], distance: float):
        self.lookat, self.distance = np.array(lookat), distance
        self.context: GlContext | None = None
        self.ray_camera: FixedCamera | None = None

    def render(self, sim: Any, row: int = 0, background: np.ndarray | None = None) -> np.ndarray:
        """An image of one row, (SIZE, SIZE, 3) uint8, over a colour, (3,) uint8. Leaves the simulation untouched.

        Without OpenGL the image is cast by rays, and one notice on stderr says so.
        """
        if self.ray_camera is None and (self.context is None or not self.context.is_usable):
            try:
                self.context = GlContext(copy.copy(sim.model), SIZE, SIZE)
                self.context.option.geomgroup[:] = GROUPS_FOR_PEOPLE
            except RenderingError as error:
                notify_ray_casting(str(error))
                geoms = DrawnGeoms(sim.model, GROUPS_FOR_PEOPLE, np.zeros(sim.model.ngeom, np.uint8))
                self.ray_camera = FixedCamera(sim, ["rgb"], geoms, num_backdrops=1)
        if self.ray_camera is not None:
            return self.cast_rays(self.ray_camera, sim, row, background)
        assert self.context is not None
        return self.draw_with_gl(self.context, sim, row, background)

    def draw_with_gl(self, context: GlContext, sim: Any, row: int, background: np.ndarray | None) -> np.ndarray:
        camera = mujoco.MjvCamera()
        camera.lookat, camera.distance = self.lookat, self.distance
        camera.azimuth, camera.elevation = AZIMUTH, ELEVATION
        context.gl.make_current()
        load_row(sim, row, context.model, context.data)
        context.update_scene(camera)
        context.scene.flags[SKYBOX] = background is None
        rgb, depth = np.empty((SIZE, SIZE, 3), np.uint8), np.empty((SIZE, SIZE), np.float32)
        context.render(rgb, None if background is None else depth)
        if background is not None:
            rgb[depth == 1.0] = background
        return rgb[::-1].copy()

    def cast_rays(self, camera: FixedCamera, sim: Any, row: int, background: np.ndarray | None) -> np.ndarray:
        model = copy.copy(sim.model)
        data = mujoco.MjData(model)
        load_row(sim, row, model, data)
        azimuth, elevation = np.radians([AZIMUTH, ELEVATION])
        ahead = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        mat = np.stack([right, np.cross(right, ahead), -ahead], axis=1)
        focal = focal_length(np.array([sim.model.vis.global_.fovy]), SIZE)
        view = CameraView(PixelGrid(SIZE, SIZE), (self.lookat - self.distance * ahead)[None], mat[None], focal)
        scene = SceneRows(sim, np.array([row]), data.geom_xpos[None], data.geom_xmat[None])
        color = BACKGROUND if background is None else background[None]
        return camera.draw(view, scene, color).images["rgb"].reshape(SIZE, SIZE, 3)

    def close(self) -> None:
        """Free the context. Closing twice, or where nothing was drawn, is fine."""
        if self.context is not None:
            self.context.free()
        self.context = self.ray_camera = None


def load_row(sim: Simulator, row: int, model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Copy a row's model and state into scratch ones, with all poses that an image needs."""
    sim.load_row(row, model, data)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)  # cameras and lights may follow a body's centre of mass
    mujoco.mj_camlight(model, data)
