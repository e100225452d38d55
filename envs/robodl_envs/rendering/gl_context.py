"""OpenGL contexts: what is drawn on, for learning and for people.

A context is made at the first picture, never at import, and through EGL on Linux whatever MUJOCO_GL says, except
"disable", which is honoured. A context belongs to one thread. It does not survive a fork, and a driver that was used
before a fork may hang after it, so that a forked child is told.
"""

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable

import mujoco

from robodl_envs.simulator import CpuSimulator

GL_PROCESS: list[int] = []  # the process that first used OpenGL, which its forked children inherit
KEPT: list[object] = []  # contexts that no thread may free: they live as long as the process


class RenderingError(RuntimeError):
    """No picture can be drawn here; the message says why and what would help."""


class GlContext:
    """An OpenGL context with what MuJoCo keeps in it, freed together and only by the thread that made them.

    Args:
        model: its `vis` settings are those that count when a context is made.
        learning: as gl_context's.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, learning: bool = False):
        self.maker = (threading.get_ident(), os.getpid())
        self.model = model
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        self.gl = gl_context(width, height, learning)
        self.gl.make_current()
        self.data, self.option = mujoco.MjData(model), mujoco.MjvOption()
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
        self.viewport = mujoco.MjrRect(0, 0, width, height)
        try:
            self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except mujoco.FatalError as error:
            self.gl.free()
            raise RenderingError(f"OpenGL is here but can't be drawn with ({error})") from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.context)
        # Freed here and not by the garbage collector, which would free names of whichever context is current.
        self.free = weakref.finalize(self, free_context, self.gl, self.context, self.maker)
        # At exit, before EGL's display goes, which was registered when the context was made: a finalizer's own turn
        # comes later where another library has used one before.
        atexit.register(self.free)

    @property
    def mine(self) -> bool:
        """Whether this thread of this process made the canvas, and so may draw on it."""
        return self.maker == (threading.get_ident(), os.getpid())


def free_context(gl, context, maker: tuple[int, int]) -> None:
    """Free a context in the thread that made it; elsewhere keep it, since freeing it there frees another's names."""
    if (threading.get_ident(), os.getpid()) != maker:
        KEPT.append((gl, context))
        return
    gl.make_current()
    context.free()
    gl.free()


def gl_context(width: int, height: int, learning: bool = False):
    """An off-screen OpenGL context; RenderingError with the reason where there is none.

    Args:
        learning: whether many small pictures will be drawn by several threads. Mesa's own threads get into the way
            of ours: at 64x64 it draws twice as fast without them, and large pretty pictures half as fast. It reads
            the variable when a process makes its first context, so that the first one decides.
    """
    if os.environ.get("MUJOCO_GL", "").lower() in ("disable", "disabled", "off", "false", "0"):
        raise RenderingError("OpenGL is turned off by MUJOCO_GL; unset it to use it")
    if not GL_PROCESS:
        GL_PROCESS.append(os.getpid())
    if os.getpid() != GL_PROCESS[0]:
        raise RenderingError("OpenGL was used before this process was forked; start workers with 'spawn' instead")
    if learning:
        os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        return context_class()(width, height)
    except Exception as error:  # EGL, PyOpenGL and drivers raise what they like
        raise RenderingError(
            f"no OpenGL context ({error}); on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
        ) from error


def context_class() -> Callable:
    if sys.platform == "linux":
        from mujoco.egl import GLContext
    else:
        from mujoco.gl_context import GLContext
    return GLContext


def pose(sim: CpuSimulator, row: int, model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Put a row's own model and state into scratch ones, with all that a picture needs."""
    if sim.expanded:
        sim.batch.get_model(row, model)
    sim.batch.get_data(row, data)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)  # cameras and lights may follow a body's centre of mass
    mujoco.mj_camlight(model, data)
