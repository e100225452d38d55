"""Cameras: where they are, and what an observation sees through them.

A picture's name in an observation is its camera's, "front", for colours, and "front_depth" or "front_segmentation"
for the other kinds.
"""

import math
from collections.abc import Sequence

import mujoco
import numpy as np
from gymnasium import spaces

from robodl_envs.arrays import did_you_mean
from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.image_noise import ImageNoise
from robodl_envs.randomization.settings import Randomize
from robodl_envs.randomization.visuals import Visuals
from robodl_envs.rendering.gl_context import RenderingError
from robodl_envs.rendering.gl_renderer import POSES, GlRenderer
from robodl_envs.rendering.modalities import CLASSES, FAR, KINDS, dtype_of, geom_classes, image_modality, shape_of
from robodl_envs.rendering.notice import notice
from robodl_envs.rendering.ray_renderer import RayRenderer
from robodl_envs.robots.robot import Robot

FIXED = {"front": (1.0, 0.0, 0.5), "side": (0.0, -1.0, 0.5), "top": (0.0, 0.0, 1.0)}  # from the workspace to the camera
DISTANCE = 3.0  # of a fixed camera from the workspace's middle, in half diagonals of the workspace
FOVY = 45.0  # degrees
WRIST = (0.08, 0.0, 0.04)  # m, hand frame: in front of the hand
WRIST_FOVY = 80.0  # degrees: the fingertips stay in the picture
RENDERERS = ("ray", "gl")
SIZES = (4, 1024)  # pixels


class CameraSensors(Component):
    """What an observation sees: pictures of the model's cameras, drawn once a control step for the rows asked for.

    Args:
        robot: whose workspace the fixed cameras look at and whose hand carries the wrist's.
        pictures: names as above, of front, side, top, wrist and the cameras that the task adds to the model.
        size: (height, width) of all pictures.
        renderer: "ray" casts rays, which need no driver; "gl" draws with OpenGL, or with rays where there is none.
        threads: that draw with OpenGL; rays use the simulation's.
        randomize: how the scene's looks vary, and what the cameras' electronics do.
    """

    saved = ("frames",)

    def __init__(
        self,
        robot: Robot,
        pictures: Sequence[str],
        size: tuple[int, int],
        renderer: str,
        threads: int,
        randomize: Randomize,
    ):
        if renderer not in RENDERERS:
            raise ValueError(f"renderer must be one of {', '.join(RENDERERS)}, got {renderer!r}")
        if not pictures:
            raise ValueError(f"cameras must name at least one picture, such as {', '.join(FIXED)} or wrist")
        if len(set(pictures)) < len(pictures):
            raise ValueError(f"cameras must differ, got {', '.join(pictures)}")
        if not all(SIZES[0] <= side <= SIZES[1] for side in size):
            raise ValueError(f"image_size must be from {SIZES[0]} to {SIZES[1]} pixels, got {size[0]} x {size[1]}")
        self.robot, self.names, self.size, self.threads = robot, tuple(pictures), size, threads
        self.renderer, self.randomize = renderer, randomize
        self.looks = Visuals(randomize) if randomize.visuals else None
        self.gl: GlRenderer | None = None

    def __repr__(self):
        return f"CameraSensors({', '.join(self.names)}, {self.size[0]} x {self.size[1]}, {self.renderer})"

    @property
    def parts(self):
        return [part for part in (self.looks, self.sensor) if part is not None]

    def build(self, spec):
        own = {camera.name for camera in spec.cameras}
        for name in own:
            if image_modality(name)[1] != KINDS[0]:
                raise ValueError(f"a camera's name must not end as a kind of picture does, got {name!r}")
        known = own | set(FIXED) | {"wrist"}
        self.pictures = {name: checked_picture(name, known) for name in self.names}  # {name: (camera, kind)}
        self.kinds: dict[str, list[str]] = {}  # {camera: its kinds}
        for camera, kind in self.pictures.values():
            self.kinds.setdefault(camera, []).append(kind)
        for camera in self.kinds:  # in the order of the names: a set's changes from process to process
            if camera not in own:
                add_camera(spec, self.robot, camera)
        self.arrange()

    def arrange(self) -> None:
        """Give each picture its place in a row's frame: one run of bytes, copied, delayed and saved as one.

        Depths come first, so that their floats are aligned.
        """
        self.places: dict[str, tuple[slice, np.dtype, tuple[int, int, int]]] = {}
        self.bytes = 0
        for name in sorted(self.names, key=lambda name: self.pictures[name][1] != "depth"):
            kind = self.pictures[name][1]
            shape, dtype = shape_of(kind, *self.size), np.dtype(dtype_of(kind))
            begin, self.bytes = self.bytes, self.bytes + math.prod(shape) * dtype.itemsize
            self.places[name] = (slice(begin, self.bytes), dtype, shape)
        s = self.randomize
        colors = [self.places[name][::2] for name in self.names if self.pictures[name][1] == "rgb"]
        self.sensor = ImageNoise(s, colors, self.bytes) if s.image_noise else None

    def bind(self, sim):
        self.close()
        self.sim = sim
        super().bind(sim)
        self.classes = geom_classes(sim.model, self.robot.root_body)
        self.eyes = {name: int(sim.model.camera(name).id) for name in self.kinds}
        height, width = self.size
        flat = [name for name, eye in self.eyes.items() if sim.model.cam_projection[eye]]
        if flat:
            raise ValueError(f"cameras must be perspective, which camera {flat[0]!r} of the model is not")
        carried = sim.model.body_weldid[sim.model.cam_bodyid] != 0
        self.rays = {
            name: RayRenderer(sim, kinds, height, width, self.classes, bool(carried[self.eyes[name]]))
            for name, kinds in self.kinds.items()
        }
        self.poses = {field: sim.bind(field) for field in POSES}
        self.place, self.turn = self.poses["cam_xpos"], self.poses["cam_xmat"]  # (N, ncam, 3), (N, ncam, 9)
        self.geom_place, self.geom_turn = self.poses["geom_xpos"], self.poses["geom_xmat"]
        self.frames = np.zeros((sim.num, self.bytes), np.uint8)  # as they last arrived

    def reset(self, ids, rng):
        super().reset(ids, rng)

    def space(self) -> dict[str, spaces.Box]:
        """The space of each picture of a single row."""
        highest = {"rgb": 255, "depth": FAR, "segmentation": len(CLASSES) - 1}
        return {
            name: spaces.Box(0, highest[kind], shape_of(kind, *self.size), dtype_of(kind))
            for name, (_, kind) in self.pictures.items()
        }

    def look(self, ids: np.ndarray, rng: RandomStreams) -> None:
        """Draw rows ids, (n,), anew, and take what arrives of it."""
        if not len(ids):
            return
        drawn = self.by_gl(ids) if self.renderer == "gl" else self.by_rays(ids)
        frames = np.empty((len(ids), self.bytes), np.uint8)
        for name, (camera, kind) in self.pictures.items():
            frames[:, self.places[name][0]] = drawn[camera][kind].reshape(len(ids), -1).view(np.uint8)
        self.frames[ids] = (
            frames if self.sensor is None else self.sensor.transmitted(ids, frames, self.frames[ids], rng)
        )

    def observe(self) -> dict[str, np.ndarray]:
        """The pictures of all rows as they were last drawn: new arrays, (N, height, width, channels)."""
        return {name: self.read(name) for name in self.names}

    def read(self, name: str) -> np.ndarray:
        columns, dtype, shape = self.places[name]
        return self.frames[:, columns].copy().view(dtype).reshape(-1, *shape)

    def by_rays(self, ids):
        geoms = self.geom_place[ids], self.geom_turn[ids].reshape(len(ids), -1, 3, 3)
        own = self.sim.expanded.get("cam_fovy")
        sky, drawn = self.sky, {}
        for name, camera in self.eyes.items():
            eye = self.place[ids, camera], self.turn[ids, camera].reshape(-1, 3, 3)
            fovy = np.full(len(ids), self.sim.model.cam_fovy[camera]) if own is None else own[ids, camera]
            drawn[name] = self.rays[name].draw(ids, eye, fovy, geoms, None if sky is None else sky[ids])
        return drawn

    def by_gl(self, ids):
        try:
            if self.gl is None or not self.gl.mine:
                self.gl = GlRenderer(self.sim, self.poses, self.kinds, *self.size, self.classes, self.threads)
        except RenderingError as error:
            notice(f"drawing by ray casting: {error}")
            self.renderer = "ray"
            return self.by_rays(ids)
        try:
            return self.gl.draw(ids, self.sky)
        except BaseException:  # Ctrl-C too: painters that nobody waited for would answer the next question
            self.close()
            raise

    @property
    def sky(self) -> np.ndarray | None:
        """The colour beyond the floor, (N, 3) uint8; None for black everywhere."""
        return self.looks.background if self.looks is not None and self.randomize.background else None

    def close(self) -> None:
        """Free what OpenGL holds; the next picture makes it anew."""
        if self.gl is not None:
            self.gl.close()
        self.gl = None


def checked_picture(name: str, cameras: set[str]) -> tuple[str, str]:
    """The camera and the kind of a picture's name; ValueError with near names if there is no such camera."""
    camera, kind = image_modality(name)
    if camera not in cameras:
        names = [known + end for known in sorted(cameras) for end in ("", *(f"_{kind}" for kind in KINDS[1:]))]
        raise ValueError(f"no picture named {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}")
    return camera, kind


def add_camera(spec: mujoco.MjSpec, robot: Robot, name: str) -> None:
    """Add one of our cameras to the model."""
    if name == "wrist":
        tool = np.asarray(robot.tool_in_hand)
        quat = looking(tool - WRIST, up=(1.0, 0.0, 0.0))
        spec.body(robot.hand).add_camera(name=name, pos=WRIST, quat=quat, fovy=WRIST_FOVY)
        return
    low, high = np.asarray(robot.workspace)
    away = np.asarray(FIXED[name]) / np.linalg.norm(FIXED[name])
    place = 0.5 * (low + high) + 0.5 * DISTANCE * np.linalg.norm(high - low) * away
    up = (1.0, 0.0, 0.0) if name == "top" else (0.0, 0.0, 1.0)
    spec.worldbody.add_camera(name=name, pos=place, quat=looking(-away, up), fovy=FOVY)


def looking(way, up) -> np.ndarray:
    """The orientation, w x y z, of a camera that looks along `way` with `up` upwards in the picture."""
    back = -np.asarray(way) / np.linalg.norm(way)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(back, right), back], axis=1).ravel())
    return quat
