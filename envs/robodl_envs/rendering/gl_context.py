"""OpenGL contexts of MuJoCo, for learning and for people.

A context is made when the first image is drawn, never at import, and through EGL on Linux whatever MUJOCO_GL says,
except "disable", which is honoured. It belongs to one thread. It does not survive a fork: a driver used before a fork
may hang after it, so making a context in a forked child is an error.
"""

import atexit
import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable

import mujoco

FIRST_GL_PROCESS: list[int] = []  # id of the process that first used OpenGL; forked children inherit it
NEVER_FREED: list[object] = []  # contexts that were released by another thread than theirs


class RenderingError(RuntimeError):
    """No image can be drawn here; the message gives the reason and the way out."""


class GlContext:
    """An OpenGL context with MuJoCo's resources in it. Only the thread that made them can use and free them.

    Args:
        model: its `vis` settings are read now, and its offscreen size is set.
        width, height: pixels of the images.
        learning: as for make_gl_context.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int, learning: bool = False):
        self.owner = (threading.get_ident(), os.getpid())
        self.model = model
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        self.gl = make_gl_context(width, height, learning)
        self.gl.make_current()
        self.data, self.option = mujoco.MjData(model), mujoco.MjvOption()
        self.scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
        self.viewport = mujoco.MjrRect(0, 0, width, height)
        try:
            self.mjr_context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except mujoco.FatalError as error:
            self.gl.free()
            raise RenderingError(f"OpenGL is here but can't be drawn with ({error})") from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self.mjr_context)
        # Freed explicitly: the garbage collector would free names of whichever context is current.
        self.free = weakref.finalize(self, free_gl_context, self.gl, self.mjr_context, self.owner)
        # At exit, before EGL's display is closed, which was registered when the context was made. The finalizer's own
        # exit hook runs later if another library has used a finalizer before.
        atexit.register(self.free)

    @property
    def is_usable(self) -> bool:
        """Ownership: this thread of this process made the context."""
        return self.owner == (threading.get_ident(), os.getpid())

    def update_scene(self, camera: mujoco.MjvCamera) -> None:
        """Make the scene show the model and the data from a camera."""
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(self.model, self.data, self.option, None, camera, everything, self.scene)

    def render(self, rgb, depth=None) -> None:
        """Draw the scene into arrays, bottom row first: rgb, (height, width, 3), and depth, (height, width) or None."""
        mujoco.mjr_render(self.viewport, self.scene, self.mjr_context)
        mujoco.mjr_readPixels(rgb, depth, self.viewport, self.mjr_context)


def free_gl_context(gl, mjr_context, owner: tuple[int, int]) -> None:
    """Free a context in the thread that made it; in another one keep it, since freeing would hit another context."""
    if (threading.get_ident(), os.getpid()) != owner:
        NEVER_FREED.append((gl, mjr_context))
        return
    gl.make_current()
    mjr_context.free()
    gl.free()


def make_gl_context(width: int, height: int, learning: bool = False):
    """Make an off-screen OpenGL context of the platform.

    Args:
        learning: whether several threads will draw many small images. Mesa's own threads get in the way of ours:
            without them images of 64x64 are drawn twice as fast, and large images for people half as fast. Mesa reads
            this choice when a process makes its first context, so the first one decides.

    Raises:
        RenderingError: with the reason why there is none.
    """
    if os.environ.get("MUJOCO_GL", "").lower() in ("disable", "disabled", "off", "false", "0"):
        raise RenderingError("OpenGL is turned off by MUJOCO_GL; unset it to use it")
    if not FIRST_GL_PROCESS:
        FIRST_GL_PROCESS.append(os.getpid())
    if os.getpid() != FIRST_GL_PROCESS[0]:
        raise RenderingError("OpenGL was used before this process was forked; start workers with 'spawn' instead")
    if learning:
        os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        return platform_context_class()(width, height)
    except Exception as error:  # EGL, PyOpenGL and drivers raise anything
        raise RenderingError(
            f"no OpenGL context ({error}); on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
        ) from error


@functools.cache  # so that each reason is printed once per process
def notify_ray_casting(reason: str) -> None:
    """Print on stderr that images are cast by rays because OpenGL can't draw."""
    print(f"robodl: drawing by ray casting: {reason}", file=sys.stderr)


def platform_context_class() -> Callable:
    """MuJoCo's context class for this platform: EGL on Linux."""
    if sys.platform == "linux":
        from mujoco.egl import GLContext
    else:
        from mujoco.gl_context import GLContext
    return GLContext
