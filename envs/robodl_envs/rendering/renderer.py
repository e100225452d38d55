"""Choice of the renderer that draws the images of an observation."""

import functools
import sys
from typing import Protocol

import numpy as np

from robodl_envs.rendering.gl_context import RenderingError
from robodl_envs.rendering.gl_renderer import GlRenderer
from robodl_envs.rendering.modalities import Images, ImageSpec
from robodl_envs.rendering.ray_renderer import RayRenderer
from robodl_envs.simulator import CpuSimulator

RENDERERS = ("ray", "gl")


class Renderer(Protocol):
    """Draws all cameras of an observation.

    A renderer is made in `Component.bind`, so that the poses it binds are current when it draws. What must be freed,
    such as OpenGL contexts, is acquired by the first `draw`, and again by the first one after `close`.
    """

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> Images:
        """Draw rows ids, (n,).

        Args:
            background: colour beyond the scene, (n, 3) uint8; None for black.

        Raises:
            RenderingError: this renderer can't draw on this machine.
        """
        ...

    def close(self) -> None:
        """Free everything that `draw` has acquired."""
        ...


def make_renderer(name: str, sim: CpuSimulator, images: ImageSpec, threads: int) -> Renderer:
    """The renderer of a name in RENDERERS.

    Args:
        threads: that draw with OpenGL; rays are cast by the simulation's threads.
    """
    rays = RayRenderer(sim, images)
    return rays if name == "ray" else FallbackRenderer(GlRenderer(sim, images, threads), rays)


class FallbackRenderer:
    """Draws with one renderer, or with a second one as soon as the first raises RenderingError."""

    def __init__(self, preferred: Renderer, fallback: Renderer):
        self.current, self.fallback = preferred, fallback

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> Images:
        if self.current is not self.fallback:
            try:
                return self.current.draw(ids, background)
            except RenderingError as error:
                notify_ray_casting(str(error))
                self.current = self.fallback
        return self.current.draw(ids, background)

    def close(self) -> None:
        self.current.close()


@functools.cache  # so that each reason is printed once per process
def notify_ray_casting(reason: str) -> None:
    """Print on stderr that images are cast by rays because OpenGL can't draw."""
    print(f"robodl: drawing by ray casting: {reason}", file=sys.stderr)
