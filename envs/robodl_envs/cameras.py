"""Cameras: their poses and fields of view, and the images that an observation holds of them.

An image is named after its camera, "front", for colours, and "front_depth" or "front_segmentation" for the other
modalities.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from gymnasium import spaces

from robodl_envs.arrays import Array, did_you_mean
from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.noise import ImageNoise
from robodl_envs.randomization.settings import Randomize
from robodl_envs.randomization.variation import Visuals
from robodl_envs.rendering.modalities import (
    MAX_DEPTH,
    MODALITIES,
    SEGMENTATION_CLASSES,
    ImageSpec,
    as_bytes,
    geom_classes,
    image_layout,
    image_modality,
    split_images,
)
from robodl_envs.robots.robot import Robot
from robodl_envs.scene import Corners
from robodl_envs.simulator import Simulator


@dataclass(frozen=True)
class FixedCamera:
    """A camera that looks at the middle of a box."""

    direction: tuple[float, float, float]  # from there to the camera
    shows: str = "workspace"  # the robot's; or the task's scene, or the table
    distance: float = 3.0  # from there to the camera, in half diagonals of the box


FIXED_CAMERAS = {
    "front": FixedCamera((1.0, 0.0, 0.5)),
    "side": FixedCamera((0.0, -1.0, 0.5)),
    "top": FixedCamera((0.0, 0.0, 1.0)),
    "overview": FixedCamera((0.3, -1.0, 0.8), "scene"),
    "table": FixedCamera((1.0, 0.0, 1.0), "table", 2.6),
}
FIXED_FOVY = 45.0  # degrees
WRIST_POS = (0.08, 0.0, 0.04)  # m, hand frame: in front of the hand
WRIST_FOVY = 80.0  # degrees: the fingertips stay in the image
IMAGE_SIDES = (4, 1024)  # pixels, the smallest and the largest


class CameraSensors(Component):
    """Cameras of an observation: draws their images once per control step, for the rows asked for.

    Args:
        robot: its workspace is what fixed cameras look at, and its hand carries the wrist camera.
        names: of images, of the cameras front, side, top, overview, table, wrist and those that the task adds to the
            model.
        size: (height, width) of all images, pixels.
        renderer: "ray" casts rays, which need no driver; "gl" draws with OpenGL, or with rays where there is none.
        threads: that draw with OpenGL; rays use the simulation's.
        randomize: variation of the scene's visuals, and noise and latency of images.
    """

    saved = ("image_bytes",)
    scene_box: Corners

    def __init__(
        self,
        robot: Robot,
        names: Sequence[str],
        size: tuple[int, int],
        make_renderer: Callable[[Simulator, ImageSpec], Any],
        renderer: str,
        randomize: Randomize,
    ):
        low, high = IMAGE_SIDES
        if not names:
            raise ValueError(f"cameras must name at least one image, such as {', '.join(FIXED_CAMERAS)} or wrist")
        if len(set(names)) < len(names):
            raise ValueError(f"cameras must differ, got {', '.join(names)}")
        if not all(low <= side <= high for side in size):
            raise ValueError(f"image_size must be from {low} to {high} pixels, got {size[0]} x {size[1]}")
        self.robot, self.names, self.size = robot, tuple(names), size
        self.make_renderer, self.renderer_name, self.randomize = make_renderer, renderer, randomize
        self.scene_box = robot.workspace  # what the camera overview shows; the task's, set by the engine before `build`
        self.visuals = Visuals(randomize) if randomize.varies("visuals") else None
        self.renderer: Any = None

    def __repr__(self):
        return f"{', '.join(self.names)}, {self.size[0]} x {self.size[1]}, by {self.renderer_name}"

    @property
    def parts(self):
        return [part for part in (self.visuals, self.noise) if part is not None]

    def build(self, spec):
        of_task = {camera.name for camera in spec.cameras}
        for name in of_task:
            if image_modality(name)[1] != MODALITIES[0]:
                raise ValueError(f"a camera's name must not end like a modality, got {name!r}")
        known = of_task | set(FIXED_CAMERAS) | {"wrist"}
        self.sources = {name: checked_image(name, known) for name in self.names}  # {image: (camera, modality)}
        self.cameras = dict.fromkeys(camera for camera, _ in self.sources.values())  # in the order of the names
        for camera in self.cameras:
            if camera not in of_task:
                self.add_camera(spec, camera)
        self.layout = image_layout(self.sources, self.size)
        fields: Any = self.layout.fields
        colors = []
        for name in self.names:
            image, first = fields[name][:2]
            if self.sources[name][1] == "rgb":
                colors.append((slice(first, first + image.itemsize), image.shape))
        s = self.randomize
        self.noise = ImageNoise(s, colors, self.layout.itemsize) if s.varies("image_noise") else None

    def add_camera(self, spec: mujoco.MjSpec, name: str) -> None:
        """Add a fixed camera, or the wrist camera, to the model."""
        if name == "wrist":
            to_tool = np.asarray(self.robot.tool_in_hand) - WRIST_POS
            quat = look_along(to_tool, up=(1.0, 0.0, 0.0))
            spec.body(self.robot.hand).add_camera(name=name, pos=WRIST_POS, quat=quat, fovy=WRIST_FOVY)
            return
        camera, (near, far) = FIXED_CAMERAS[name], self.robot.table
        boxes: dict[str, Corners] = {"workspace": self.robot.workspace, "scene": self.scene_box}
        boxes["table"] = (*near, 0.0), (*far, 0.0)
        low, high = np.asarray(boxes[camera.shows])
        direction = np.asarray(camera.direction) / np.linalg.norm(camera.direction)
        pos = 0.5 * (low + high) + 0.5 * camera.distance * np.linalg.norm(high - low) * direction
        up = (1.0, 0.0, 0.0) if name == "top" else (0.0, 0.0, 1.0)
        spec.worldbody.add_camera(name=name, pos=pos, quat=look_along(-direction, up), fovy=FIXED_FOVY)

    def bind(self, sim):
        self.close()
        super().bind(sim)
        projection = sim.model.cam_projection
        orthographic = [name for name in self.cameras if projection[sim.model.camera(name).id]]
        if orthographic:
            raise ValueError(f"cameras must be perspective, which camera {orthographic[0]!r} of the model is not")
        spec = ImageSpec(self.sources, self.layout, *self.size, geom_classes(sim.model, self.robot.root_body))
        self.renderer = self.make_renderer(sim, spec)
        self.image_bytes = sim.zeros(self.layout.itemsize, dtype="uint8")  # latest images of each row

    def image_spaces(self) -> dict[str, spaces.Box]:
        """The space of each image of a single row."""
        high = {"rgb": 255, "depth": MAX_DEPTH, "segmentation": len(SEGMENTATION_CLASSES) - 1}
        boxes = {}
        for name, (_, modality) in self.sources.items():
            image = self.layout[name]
            boxes[name] = spaces.Box(0, high[modality], image.shape, image.base.type)
        return boxes

    def capture(self, ids: Array, rng: RandomStreams) -> None:
        """Draw rows ids, (n,), anew; noise, latency and dropout decide what arrives."""
        if not len(ids):
            return
        image_bytes = as_bytes(self.renderer.draw(ids, self.background(ids)))
        if self.noise is not None:
            image_bytes = self.noise.transmitted(ids, image_bytes, self.image_bytes[ids], rng)
        self.image_bytes[ids] = image_bytes

    def background(self, ids) -> Array | None:
        """Colours beyond the scene in rows ids, (n, 3) uint8; None where they do not vary."""
        return self.visuals.background[ids] if self.visuals is not None and self.randomize.background else None

    def images(self) -> dict[str, Array]:
        """The latest images of all rows, as new arrays: {name: (N, height, width, channels)}."""
        images = split_images(self.image_bytes, self.layout)
        return {name: images[name] for name in self.names}

    def close(self) -> None:
        """Free what the renderer holds; the next `capture` acquires it anew."""
        if self.renderer is not None:
            self.renderer.close()


def checked_image(name: str, cameras: set[str]) -> tuple[str, str]:
    """Camera and modality of an image's name; ValueError with near names if there is no such camera."""
    camera, modality = image_modality(name)
    if camera not in cameras:
        suffixes = ["", *(f"_{modality}" for modality in MODALITIES[1:])]
        names = [known + suffix for known in sorted(cameras) for suffix in suffixes]
        raise ValueError(f"no image named {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}")
    return camera, modality


def look_along(direction, up) -> np.ndarray:
    """The orientation, w x y z, of a camera that looks along a direction, with `up` upwards in the image."""
    back = -np.asarray(direction) / np.linalg.norm(direction)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(back, right), back], axis=1).ravel())
    return quat
