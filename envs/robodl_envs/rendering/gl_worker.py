"""One thread's part of OpenGL rendering: no shadows, no antialiasing, few vertices.

On a processor (Mesa's llvmpipe) the cost of an image is its vertices and state changes, hardly its pixels. So meshes
are coarse, and geoms outside the image are left out.
"""

import copy
from collections.abc import Mapping

import mujoco
import numpy as np

from robodl_envs.rendering.camera_view import PixelGrid, model_camera_view
from robodl_envs.rendering.gl_context import GlContext
from robodl_envs.rendering.modalities import GROUPS_FOR_LEARNING, MAX_DEPTH, ImageSpec
from robodl_envs.rendering.visibility import visible_groups
from robodl_envs.simulator import CpuSimulator

GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)
FLAGS_OFF = ("SHADOW", "REFLECTION", "HAZE", "SKYBOX")
SEGMENTATION_FLAGS = [int(getattr(mujoco.mjtRndFlag, f"mjRND_{name}")) for name in ("SEGMENT", "IDCOLOR")]
POSES = ("geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir", "xpos", "xquat")
VISUAL_FIELDS = ("geom_", "mat_", "light_", "cam_")  # prefixes of the model's fields that an image depends on


class GlWorker:
    """Draws rows with a context of its own. Made, used and closed in one thread.

    Args:
        poses: POSES of all rows, {field: (N, ...)}, live.
    """

    def __init__(self, sim: CpuSimulator, poses: Mapping[str, np.ndarray], spec: ImageSpec):
        self.sim, self.poses, self.spec, self.grid = sim, poses, spec, PixelGrid(spec.height, spec.width)
        model = copy.copy(sim.model)
        quality = model.vis.quality
        quality.offsamples = quality.shadowsize = 0
        quality.numslices, quality.numstacks, quality.numquads = 6, 4, 1
        self.context = context = GlContext(model, spec.width, spec.height, learning=True)
        context.option.flags[int(mujoco.mjtVisFlag.mjVIS_TEXTURE)] = 0
        context.option.geomgroup[:] = GROUPS_FOR_LEARNING
        context.option.sitegroup[:] = 0  # rays do not hit sites
        for name in FLAGS_OFF:
            context.scene.flags[int(getattr(mujoco.mjtRndFlag, f"mjRND_{name}"))] = 0
        self.cameras: dict[str, mujoco.MjvCamera] = {}
        for name, _ in spec.sources.values():
            self.cameras[name] = mujoco.MjvCamera()
            self.cameras[name].type = mujoco.mjtCamera.mjCAMERA_FIXED
            self.cameras[name].fixedcamid = model.camera(name).id
        self.rgb = np.empty((spec.height, spec.width, 3), np.uint8)  # as OpenGL draws: bottom row first
        self.depth = np.empty((spec.height, spec.width), np.float32)  # from 0 at the near plane to 1 at the far one
        self.near = model.vis.map.znear * model.stat.extent  # m
        self.near_to_far = self.near / (model.vis.map.zfar * model.stat.extent)
        model.vis.headlight.specular = 0.0  # ray casting has no highlights
        model.light_specular[:] = 0.0

    def draw(self, share: np.ndarray, ids: np.ndarray, images: np.ndarray, background: np.ndarray | None) -> None:
        """Draw row ids[k] into images[k], of the spec's layout, for each k in share."""
        geom_group, copies, by_camera = self.context.model.geom_group, self.live_copies(), self.spec.by_camera(images)
        self.context.gl.make_current()
        groups = {name: self.visible_groups(ids[share], camera.fixedcamid) for name, camera in self.cameras.items()}
        for i, k in enumerate(share):
            for target, rows in copies:
                target[...] = rows[ids[k]]
            for name, camera in self.cameras.items():
                geom_group[:] = groups[name][i]
                of_row = {modality: image[k] for modality, image in by_camera[name].items()}
                self.draw_camera(camera, of_row, None if background is None else background[k])

    def live_copies(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of an array of the context's model or data, and that of all rows to copy a row from.

        They are all that images depend on. In ReadDigit this copying takes a third of the time of copying a row's whole
        model and state and computing its poses.
        """
        data, model, sim = self.context.data, self.context.model, self.sim
        fields = [field for field in sim.expanded if field.startswith(VISUAL_FIELDS) and field != "light_specular"]
        return [(getattr(data, field), rows) for field, rows in self.poses.items()] + [
            (getattr(model, field), sim.expanded[field]) for field in fields
        ]

    def visible_groups(self, ids: np.ndarray, camera: int) -> np.ndarray:
        """Geom groups for a camera's images of rows ids, (n, ngeom)."""
        view = model_camera_view(self.sim, camera, ids, self.poses, self.grid)
        return visible_groups(self.sim, ids, view, self.poses["geom_xpos"][ids])

    def draw_camera(self, camera: mujoco.MjvCamera, images: dict[str, np.ndarray], background) -> None:
        """Draw a camera's images of the row in the context's data, {modality: (height, width, channels)}."""
        context = self.context
        context.update_scene(camera)
        depth = self.depth if "depth" in images or background is not None else None
        if "rgb" in images or depth is not None:
            context.render(self.rgb, depth)
        if "rgb" in images:
            images["rgb"][:] = self.rgb[::-1]
            if background is not None:
                images["rgb"][self.depth[::-1] == 1.0] = background
        if "depth" in images:
            metres = self.near / (1.0 - self.depth[::-1] * (1.0 - self.near_to_far))
            images["depth"][..., 0] = np.minimum(metres, MAX_DEPTH)
        if "segmentation" in images:
            images["segmentation"][..., 0] = self.segmentation()[::-1]

    def segmentation(self) -> np.ndarray:
        """Classes of the scene's geoms, (height, width) uint8, bottom row first."""
        scene = self.context.scene
        scene.flags[SEGMENTATION_FLAGS] = 1
        self.context.render(self.rgb)
        scene.flags[SEGMENTATION_FLAGS] = 0
        class_of_color = np.zeros(scene.ngeom + 1, np.uint8)  # a colour is the geom's number in the scene, plus 1
        for i in range(scene.ngeom):
            geom = scene.geoms[i]
            if geom.objtype == GEOM:
                class_of_color[geom.segid + 1] = self.spec.classes[geom.objid]
        red, green, blue = (self.rgb[..., channel].astype(np.int64) for channel in range(3))
        return class_of_color[red + 256 * green + 65536 * blue]

    def close(self) -> None:
        self.context.free()
