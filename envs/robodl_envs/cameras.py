"""Pictures for people: shadows and antialiasing, drawn off screen, on machines with and without a display.

The OpenGL context is made at the first picture, never at import, and through EGL on Linux whatever MUJOCO_GL
says, except "disable", which is honoured. Contexts survive neither a fork nor a change of thread: a new one is
made then.
"""

import os
import sys
import threading

import mujoco
import numpy as np

from robodl_envs.sim import CpuSim


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
        self.owner: tuple[int, int] | None = None  # process and thread that the context belongs to

    def render(self, sim: CpuSim, row: int = 0) -> np.ndarray:
        """A picture of one row, (height, width, 3) uint8. Leaves the simulation untouched.

        Raises:
            RuntimeError: no OpenGL context can be had here; the message says why.
        """
        if self.owner != (os.getpid(), threading.get_ident()):
            self.open(sim.model)
        self.gl.make_current()
        sim.batch.get_data(row, self.data)
        mujoco.mj_kinematics(sim.model, self.data)
        mujoco.mj_comPos(sim.model, self.data)
        mujoco.mj_camlight(sim.model, self.data)
        mujoco.mjv_updateScene(
            sim.model, self.data, self.option, None, self.view, int(mujoco.mjtCatBit.mjCAT_ALL), self.scene
        )
        picture = np.empty((self.height, self.width, 3), np.uint8)
        mujoco.mjr_render(self.viewport, self.scene, self.context)
        mujoco.mjr_readPixels(picture, None, self.viewport, self.context)
        return picture[::-1].copy()

    def open(self, model: mujoco.MjModel) -> None:
        self.gl = gl_context(self.width, self.height)
        self.gl.make_current()
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, self.width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, self.height)
        self.data = mujoco.MjData(model)
        self.option = mujoco.MjvOption()
        self.scene = mujoco.MjvScene(model, maxgeom=200)
        self.viewport = mujoco.MjrRect(0, 0, self.width, self.height)
        self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.context)
        self.owner = (os.getpid(), threading.get_ident())

    def close(self) -> None:
        """Free the context. Closing twice, or where nothing was opened, is fine."""
        if self.owner == (os.getpid(), threading.get_ident()):
            self.gl.make_current()
            self.context.free()
            self.gl.free()
        self.owner = None


def gl_context(width: int, height: int):
    """An off-screen OpenGL context; RuntimeError with the reason where there is none."""
    if os.environ.get("MUJOCO_GL", "").lower() in ("disable", "disabled", "off", "false", "0"):
        raise RuntimeError("rendering is turned off by MUJOCO_GL; unset it to draw pictures")
    try:
        if sys.platform == "linux":
            from mujoco.egl import GLContext
        else:
            from mujoco.gl_context import GLContext
        return GLContext(width, height)
    except Exception as error:  # EGL, PyOpenGL and drivers raise what they like
        raise RuntimeError(
            f"no OpenGL context for pictures ({error}); on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
        ) from error
