"""Pictures for learning by OpenGL: no shadows, no antialiasing, few vertices, one context a thread.

On a processor (Mesa's llvmpipe) a picture costs its vertices and its state changes, hardly its pixels: so geoms that
are not in the picture are left out.
"""

import copy
import os
import queue
import threading
import weakref
from collections.abc import Collection, Mapping
from typing import Any

import mujoco
import numpy as np

from robodl_envs.rendering.gl_context import GlContext
from robodl_envs.rendering.modalities import FAR, FOR_LEARNING, dtype_of, shape_of
from robodl_envs.rendering.shading import values
from robodl_envs.rendering.visibility import shown_groups
from robodl_envs.simulator import CpuSimulator

EVERYTHING = int(mujoco.mjtCatBit.mjCAT_ALL)
GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)
FLAGS_OFF = ("SHADOW", "REFLECTION", "HAZE", "SKYBOX")
POSES = ("geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir", "xpos", "xquat")
LOOKS = ("geom_", "mat_", "light_", "cam_")  # how fields of the model begin that a picture depends on


class GlRenderer:
    """What cameras of the model see in each row, drawn by `threads` threads.

    Args:
        poses: the rows' POSES, live, bound before they were last made current.
        cameras: {name: kinds}, any of "rgb", "depth", "segmentation" for each.
        classes: (ngeom,) uint8, what segmentation calls each geom.
        threads: that draw, of our own, so that any thread may ask.
    """

    def __init__(
        self,
        sim: CpuSimulator,
        poses: Mapping[str, np.ndarray],
        cameras: Mapping[str, Collection[str]],
        height: int,
        width: int,
        classes: np.ndarray,
        threads: int,
    ):
        self.cameras, self.size = cameras, (height, width)
        arguments = (sim, poses, cameras, height, width, classes)
        self.process = os.getpid()
        self.workers: list[GlThread] = []
        # Threads would outlive views that nobody closed: this ends them.
        self.dismiss = weakref.finalize(self, dismissed, self.workers, self.process)
        try:
            for _ in range(threads):
                self.workers.append(GlThread(*arguments))
        except BaseException:
            self.dismiss()
            raise

    @property
    def mine(self) -> bool:
        """Whether this process made the views, and so may draw here: a fork leaves its child none of the threads."""
        return os.getpid() == self.process

    def draw(self, ids: np.ndarray, sky: np.ndarray | None = None) -> dict[str, dict[str, np.ndarray]]:
        """Pictures of rows ids, (n,): {camera: {kind: (n, height, width, channels)}}.

        Args:
            sky: colour of nothing, (N, 3) uint8; None for black.
        """
        pictures: dict[str, dict[str, np.ndarray]] = {
            name: {kind: np.empty((len(ids), *shape_of(kind, *self.size)), dtype_of(kind)) for kind in kinds}
            for name, kinds in self.cameras.items()
        }
        for worker, share in zip(self.workers, np.array_split(np.arange(len(ids)), len(self.workers)), strict=True):
            worker.start(share, ids, pictures, sky)
        for worker in self.workers:
            worker.join()
        return pictures

    def close(self) -> None:
        self.dismiss()


def dismissed(workers: "list[GlThread]", process: int) -> None:
    """End workers and wait until they have freed what they drew on; a forked child has none."""
    if os.getpid() == process:
        for worker in workers:
            worker.close()


class GlWorker:
    """One thread's canvas. Made, used and closed in that thread."""

    def __init__(self, sim: CpuSimulator, poses, cameras, height: int, width: int, classes: np.ndarray):
        self.sim, self.poses, self.cameras, self.classes = sim, poses, cameras, np.append(np.uint8(0), classes)
        model = copy.copy(sim.model)
        quality = model.vis.quality
        quality.offsamples = quality.shadowsize = 0
        quality.numslices, quality.numstacks, quality.numquads = 6, 4, 1
        self.canvas = GlContext(model, width, height, learning=True)
        self.canvas.option.flags[int(mujoco.mjtVisFlag.mjVIS_TEXTURE)] = 0
        self.canvas.option.geomgroup[:] = FOR_LEARNING
        self.canvas.option.sitegroup[:] = 0  # rays do not meet sites
        for name in FLAGS_OFF:
            self.canvas.scene.flags[int(getattr(mujoco.mjtRndFlag, f"mjRND_{name}"))] = 0
        self.views = {name: camera_view(model, name) for name in cameras}
        self.rgb = np.empty((height, width, 3), np.uint8)
        self.depth = np.empty((height, width), np.float32)
        near, far = (clip * model.stat.extent for clip in (model.vis.map.znear, model.vis.map.zfar))
        self.clip = (near, near / far)
        no_highlights(model)

    def draw(self, share, ids, pictures, sky) -> None:
        """Draw the rows ids[k] for k in share into the k-th of the pictures."""
        geom_group, shown = self.canvas.model.geom_group, self.shown()
        self.canvas.gl.make_current()
        groups = {name: self.groups(ids[share], view.fixedcamid) for name, view in self.views.items()}
        for i, k in enumerate(share):
            for there, rows in shown:
                there[...] = rows[ids[k]]
            for name, view in self.views.items():
                geom_group[:] = groups[name][i]
                self.paint(view, {kind: picture[k] for kind, picture in pictures[name].items()}, sky, ids[k])

    def shown(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """What a picture depends on and rows differ in: the canvas's array and the rows', live.

        In ReadDigit copying these takes a third of the time of copying a row's whole model and state and posing them.
        """
        data, model, sim = self.canvas.data, self.canvas.model, self.sim
        looks = [field for field in sim.expanded if field.startswith(LOOKS) and field != "light_specular"]
        return [(getattr(data, field), rows) for field, rows in self.poses.items()] + [
            (getattr(model, field), sim.expanded[field]) for field in looks
        ]

    def groups(self, ids: np.ndarray, camera: int) -> np.ndarray:
        """The geoms' groups in a camera's pictures of rows ids, (n, ngeom)."""
        sim, aspect = self.sim, self.rgb.shape[1] / self.rgb.shape[0]
        eye = self.poses["cam_xpos"][ids, camera], self.poses["cam_xmat"][ids, camera].reshape(-1, 3, 3)
        fovy = values(sim, "cam_fovy", ids)[:, camera]
        return shown_groups(sim, ids, eye, fovy, self.poses["geom_xpos"][ids], aspect)

    def paint(self, view, pictures, sky, row) -> None:
        canvas = self.canvas
        model, scene = canvas.model, canvas.scene
        mujoco.mjv_updateScene(model, canvas.data, canvas.option, None, view, EVERYTHING, scene)
        depth = self.depth if "depth" in pictures or sky is not None else None
        if "rgb" in pictures or depth is not None:
            mujoco.mjr_render(canvas.viewport, scene, canvas.context)
            mujoco.mjr_readPixels(self.rgb, depth, canvas.viewport, canvas.context)
        if "rgb" in pictures:
            pictures["rgb"][:] = self.rgb[::-1]
            if sky is not None:
                pictures["rgb"][self.depth[::-1] == 1.0] = sky[row]
        if "depth" in pictures:
            near, ratio = self.clip
            pictures["depth"][..., 0] = np.minimum(near / (1.0 - self.depth[::-1] * (1.0 - ratio)), FAR)
        if "segmentation" in pictures:
            pictures["segmentation"][..., 0] = self.segments()[::-1]

    def segments(self) -> np.ndarray:
        """Classes of the scene's geoms, (height, width) uint8, bottom row first."""
        canvas = self.canvas
        scene = canvas.scene
        segment, by_id = (int(getattr(mujoco.mjtRndFlag, f"mjRND_{name}")) for name in ("SEGMENT", "IDCOLOR"))
        scene.flags[segment] = scene.flags[by_id] = 1
        mujoco.mjr_render(canvas.viewport, scene, canvas.context)
        mujoco.mjr_readPixels(self.rgb, None, canvas.viewport, canvas.context)
        scene.flags[segment] = scene.flags[by_id] = 0
        table = np.zeros(scene.ngeom + 1, np.uint8)  # by what the picture calls a geom: its number in the scene, plus 1
        for i in range(scene.ngeom):
            geom = scene.geoms[i]
            if geom.objtype == GEOM:
                table[geom.segid + 1] = self.classes[geom.objid + 1]
        red, green, blue = (self.rgb[..., channel].astype(np.int64) for channel in range(3))
        return table[red + 256 * green + 65536 * blue]

    def close(self) -> None:
        self.canvas.free()


class GlThread:
    """A GlWorker in a thread of its own."""

    def __init__(self, *arguments: Any):
        self.orders: queue.SimpleQueue = queue.SimpleQueue()
        self.done: queue.SimpleQueue = queue.SimpleQueue()
        words = (self.orders, self.done, arguments)  # and not self, which could then never be collected
        self.working = threading.Thread(target=work, args=words, daemon=True, name="robodl painter")
        self.working.start()
        self.join()

    def start(self, *order: Any) -> None:
        self.orders.put(order)

    def join(self) -> None:
        """Wait until the order is carried out; raise what went wrong in it."""
        error = self.done.get()
        if error is not None:
            raise error

    def close(self) -> None:
        self.orders.put(None)
        self.working.join()


def work(orders: queue.SimpleQueue, done: queue.SimpleQueue, arguments: tuple) -> None:
    """A painter's thread: make it, carry out orders until there is none, close it; errors go to who waits."""
    try:
        painter = GlWorker(*arguments)
    except Exception as error:
        done.put(error)
        return
    done.put(None)
    while (order := orders.get()) is not None:
        try:
            painter.draw(*order)
            done.put(None)
        except Exception as error:
            done.put(error)
        del order  # an order holds pictures
    painter.close()


def camera_view(model: mujoco.MjModel, name: str) -> mujoco.MjvCamera:
    view = mujoco.MjvCamera()
    view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, model.camera(name).id
    return view


def no_highlights(model: mujoco.MjModel) -> None:
    """Light as ray casting has it: no part of it depends on where a surface mirrors."""
    model.vis.headlight.specular = 0.0
    model.light_specular[:] = 0.0
