"""Pictures for people: shadows and antialiasing by OpenGL, or ray casting where there is no OpenGL."""

import copy

import mujoco
import numpy as np

from robodl_envs.rendering.gl_context import GlContext, RenderingError, pose
from robodl_envs.rendering.modalities import FOR_PEOPLE
from robodl_envs.rendering.notice import notice
from robodl_envs.rendering.ray_renderer import RayRenderer
from robodl_envs.simulator import CpuSimulator

SKY = np.array([[116, 132, 156]], np.uint8)  # about the middle of the gradient that OpenGL draws
EVERYTHING = int(mujoco.mjtCatBit.mjCAT_ALL)


class SceneCamera:
    """A view of the whole scene from a fixed place, for videos and `render()`.

    Args:
        width, height: of the picture, pixels.
        lookat: the point in the middle of the picture, m, world frame.
        distance: of the eye from that point, m.
        azimuth, elevation: of the line of sight, degrees, as in MuJoCo's free camera.
    """

    def __init__(
        self,
        width: int = 480,
        height: int = 480,
        lookat: tuple[float, float, float] = (0.3, 0.0, 0.3),
        distance: float = 1.6,
        azimuth: float = 135.0,
        elevation: float = -22.0,
    ):
        self.width, self.height = width, height
        self.view = mujoco.MjvCamera()
        self.view.lookat, self.view.distance = lookat, distance
        self.view.azimuth, self.view.elevation = azimuth, elevation
        self.canvas: GlContext | None = None
        self.rays: RayRenderer | None = None

    def render(self, sim: CpuSimulator, row: int = 0) -> np.ndarray:
        """A picture of one row, (height, width, 3) uint8. Leaves the simulation untouched.

        Where no OpenGL context can be had, the picture is cast by rays, and a notice on stderr says so once.
        """
        if self.rays is None and (self.canvas is None or not self.canvas.mine):
            try:
                self.canvas = GlContext(copy.copy(sim.model), self.width, self.height)
                self.canvas.option.geomgroup[:] = FOR_PEOPLE
            except RenderingError as error:
                notice(f"drawing by ray casting: {error}")
                nothing = np.zeros(sim.model.ngeom, np.uint8)
                self.rays = RayRenderer(sim, ("rgb",), self.height, self.width, nothing, slots=1, groups=FOR_PEOPLE)
        return self.by_rays(sim, row) if self.rays is not None else self.by_gl(sim, row)

    def by_gl(self, sim: CpuSimulator, row: int) -> np.ndarray:
        canvas = self.canvas
        assert canvas is not None
        canvas.gl.make_current()
        pose(sim, row, canvas.model, canvas.data)
        scene = canvas.scene
        mujoco.mjv_updateScene(canvas.model, canvas.data, canvas.option, None, self.view, EVERYTHING, scene)
        pixels = np.empty((self.height, self.width, 3), np.uint8)
        mujoco.mjr_render(canvas.viewport, scene, canvas.context)
        mujoco.mjr_readPixels(pixels, None, canvas.viewport, canvas.context)
        return pixels[::-1].copy()

    def by_rays(self, sim: CpuSimulator, row: int) -> np.ndarray:
        assert self.rays is not None
        model = copy.copy(sim.model)
        data = mujoco.MjData(model)
        pose(sim, row, model, data)
        geoms = data.geom_xpos[None], data.geom_xmat.reshape(1, -1, 3, 3)
        azimuth, elevation = np.radians([self.view.azimuth, self.view.elevation])
        ahead = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        frame = np.stack([right, np.cross(right, ahead), -ahead], axis=1)
        eye = (self.view.lookat - self.view.distance * ahead)[None], frame[None]
        fovy = np.array([sim.model.vis.global_.fovy])
        return self.rays.draw(np.array([row]), eye, fovy, geoms, SKY)["rgb"][0]

    def close(self) -> None:
        """Free the context. Closing twice, or where nothing was drawn, is fine."""
        if self.canvas is not None:
            self.canvas.free()
        self.canvas = self.rays = None
