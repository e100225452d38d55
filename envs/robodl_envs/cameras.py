"""Pictures for people: shadows and antialiasing, drawn off screen, on machines with and without a display.

The OpenGL context is made at the first picture, never at import, and through EGL on Linux whatever MUJOCO_GL
says, except "disable", which is honoured. A context belongs to one thread: another thread gets its own. It does
not survive a fork, and a driver that was used before a fork may hang after it, so that a forked child is told.
"""

import os
import sys
import threading
import weakref

import mujoco
import numpy as np

from robodl_envs.sim import CpuSim

GL_PROCESS: list[int] = []  # the process that first used OpenGL, which its forked children inherit


class RenderingError(RuntimeError):
    """No picture can be drawn here; the message says why and what would help."""


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
        self.drawing: Drawing | None = None

    def render(self, sim: CpuSim, row: int = 0) -> np.ndarray:
        """A picture of one row, (height, width, 3) uint8. Leaves the simulation untouched.

        Raises:
            RenderingError: no OpenGL context can be had here.
        """
        if self.drawing is None or self.drawing.thread != threading.get_ident():
            self.drawing = Drawing(sim.model, self.width, self.height)
        return self.drawing.picture(sim, row, self.view)

    def close(self) -> None:
        """Free the context. Closing twice, or where nothing was drawn, is fine."""
        if self.drawing is not None:
            self.drawing.free()
        self.drawing = None


class Drawing:
    """An OpenGL context with what MuJoCo keeps in it, freed together and only by the thread that made them."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int):
        self.thread = threading.get_ident()
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        self.gl = gl_context(width, height)
        self.gl.make_current()
        self.data, self.option = mujoco.MjData(model), mujoco.MjvOption()
        self.scene = mujoco.MjvScene(model, maxgeom=200)
        self.viewport = mujoco.MjrRect(0, 0, width, height)
        self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.context)
        # Freed here and not by the garbage collector, which would free names of whichever context is current.
        self.free = weakref.finalize(self, free_context, self.gl, self.context, self.thread, os.getpid())

    def picture(self, sim: CpuSim, row: int, view: mujoco.MjvCamera) -> np.ndarray:
        self.gl.make_current()
        sim.batch.get_data(row, self.data)
        mujoco.mj_kinematics(sim.model, self.data)
        mujoco.mj_comPos(sim.model, self.data)
        mujoco.mj_camlight(sim.model, self.data)
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(sim.model, self.data, self.option, None, view, everything, self.scene)
        pixels = np.empty((self.viewport.height, self.viewport.width, 3), np.uint8)
        mujoco.mjr_render(self.viewport, self.scene, self.context)
        mujoco.mjr_readPixels(pixels, None, self.viewport, self.context)
        return pixels[::-1].copy()


KEPT: list[object] = []  # contexts that no thread may free: they live as long as the process


def free_context(gl, context, thread: int, process: int) -> None:
    """Free a context in the thread that made it; elsewhere keep it, since freeing it there frees another's names."""
    if (threading.get_ident(), os.getpid()) != (thread, process):
        KEPT.append((gl, context))
        return
    gl.make_current()
    context.free()
    gl.free()


def gl_context(width: int, height: int):
    """An off-screen OpenGL context; RenderingError with the reason where there is none."""
    if os.environ.get("MUJOCO_GL", "").lower() in ("disable", "disabled", "off", "false", "0"):
        raise RenderingError("rendering is turned off by MUJOCO_GL; unset it to draw pictures")
    if not GL_PROCESS:
        GL_PROCESS.append(os.getpid())
    if os.getpid() != GL_PROCESS[0]:
        raise RenderingError("pictures were drawn before this process was forked; start workers with 'spawn' instead")
    try:
        if sys.platform == "linux":
            from mujoco.egl import GLContext
        else:
            from mujoco.gl_context import GLContext
        return GLContext(width, height)
    except Exception as error:  # EGL, PyOpenGL and drivers raise what they like
        raise RenderingError(
            f"no OpenGL context for pictures ({error}); on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
        ) from error
