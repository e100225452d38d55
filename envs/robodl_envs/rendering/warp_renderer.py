"""Images by MuJoCo Warp's ray caster, on the simulator's device: all rows at once, as tensors."""

import copy
from typing import Any

import mujoco
import numpy as np
import torch

from robodl_envs.rendering.modalities import GROUPS_FOR_LEARNING, MAX_DEPTH, SEGMENTATION_CLASSES, ImageSpec
from robodl_envs.warp_device import mujoco_warp, warp
from robodl_envs.warp_simulator import WarpSimulator

BACKGROUND = SEGMENTATION_CLASSES.index("background")
POINT = int(mujoco.mjtLightType.mjLIGHT_POINT)
# A light's fields of the model, and what they are for the light at the camera.
HEADLIGHT = {
    "light_type": POINT,
    "light_active": True,
    "light_castshadow": False,
    "light_attenuation": (1.0, 0.0, 0.0),
    "light_cutoff": 180.0,
    "light_exponent": 0.0,
    "light_ambient": 0.0,
    "light_specular": 0.0,
}
BOUNDING_VOLUMES = ("bvh", "bvh_id", "lower", "upper", "group", "group_root")  # of the scene, in a context


class WarpRenderer:
    """Draws all cameras of an observation in all rows; without shadows, highlights and textures, as RayRenderer.

    Warp's headlight shines as if from far behind the camera; here it is a light at the camera, as OpenGL's and ours.
    """

    def __init__(self, sim: WarpSimulator, spec: ImageSpec):
        self.sim, self.spec = sim, spec
        self.by_camera: dict[str, dict[str, str]] = {}  # {camera: {modality: image}}
        for name, (camera, modality) in spec.sources.items():
            self.by_camera.setdefault(camera, {})[modality] = name
        # Classes of geoms, the last of what is no geom, so that -1 finds it.
        self.classes = torch.as_tensor(np.append(spec.classes, np.uint8(BACKGROUND)), device=sim.device)
        self.contexts: dict[str, Any] = {}
        self.num_expanded = -1

    def draw(self, ids: torch.Tensor, background: torch.Tensor | None = None) -> torch.Tensor:
        """Bytes of the images of rows ids, (n, B) uint8, in the spec's layout.

        Args:
            background: colour beyond the scene, (n, 3) uint8; None for black.
        """
        if self.num_expanded != len(self.sim.expanded):
            self.close()  # fields that rows own now have other arrays
        if not self.contexts:
            self.make_contexts(background is not None)
        fields: Any = self.spec.layout.fields
        frames = torch.empty(len(ids), self.spec.layout.itemsize, dtype=torch.uint8, device=self.sim.device)
        self.cast()
        rows = slice(None) if len(ids) == self.sim.num else ids
        for camera, images in self.by_camera.items():
            context, classes = self.contexts[camera], None
            if camera in self.segmented:
                classes = self.classes[warp.to_torch(context.seg_data)[rows, :, 0].long()]  # (n, pixels)
            for modality, name in images.items():
                if modality == "rgb":  # packed as blue, green, red, alpha
                    packed = warp.to_torch(context.rgb_data).view(torch.uint8)
                    image = packed.reshape(self.sim.num, -1, 4)[rows][..., :3].flip(-1)
                    if background is not None:
                        assert classes is not None
                        image = torch.where((classes == BACKGROUND)[:, :, None], background[:, None], image)
                elif modality == "depth":
                    depth = warp.to_torch(context.depth_data)[rows]
                    image = torch.where(depth > 0.0, depth, MAX_DEPTH).clamp(max=MAX_DEPTH).view(torch.uint8)
                else:
                    assert classes is not None
                    image = classes
                part, first = fields[name][:2]
                frames[:, first : first + part.itemsize] = image.reshape(len(ids), -1)
        return frames

    def cast(self) -> None:
        """Draw all rows into the contexts' buffers, each camera under its own headlight."""
        sim, first = self.sim, next(iter(self.contexts.values()))
        for field, values in self.of_lights.items():
            if field in sim.expanded:
                values[:, :-1] = sim.expanded[field]
        with sim.on_device():
            mujoco_warp.refit_bvh(sim.m, sim.d, first)
            positions, directions = (warp.to_torch(values) for values in (self.lit.light_xpos, self.lit.light_xdir))
            positions[:, :-1], directions[:, :-1] = sim.bind("light_xpos"), sim.bind("light_xdir")
            for camera, context in self.contexts.items():
                positions[:, -1] = sim.bind("cam_xpos")[:, sim.model.camera(camera).id]
                mujoco_warp.render(self.model, self.lit, context)

    def make_contexts(self, has_background: bool) -> None:
        """Make a context a camera, and the model and the data with one light more, to draw with."""
        sim, head = self.sim, self.sim.model.vis.headlight
        self.num_expanded = len(sim.expanded)
        self.segmented = {
            camera
            for camera, images in self.by_camera.items()
            if "segmentation" in images or (has_background and "rgb" in images)
        }
        with sim.on_device():
            for camera, images in self.by_camera.items():
                context: Any = mujoco_warp.create_render_context(
                    sim.model,
                    nworld=sim.num,
                    cam_res=(self.spec.width, self.spec.height),
                    render_rgb="rgb" in images,
                    render_depth="depth" in images,
                    render_seg=camera in self.segmented,
                    cam_active=[camera],
                    enabled_geom_groups=np.flatnonzero(GROUPS_FOR_LEARNING).tolist(),
                    use_precomputed_rays="cam_fovy" not in sim.expanded,
                    use_textures=False,
                    use_shadows=False,
                    enable_specular=False,
                    enable_emission=False,
                )
                context.headlight_diffuse = warp.vec3(0.0, 0.0, 0.0)
                for field in BOUNDING_VOLUMES if self.contexts else ():
                    setattr(context, field, getattr(next(iter(self.contexts.values())), field))
                self.contexts[camera] = context
            self.model, self.lit = copy.copy(sim.m), copy.copy(sim.d)
            self.model.nlight += 1
            self.of_lights = {field: self.with_one_more(self.model, field, value) for field, value in HEADLIGHT.items()}
            diffuse = np.asarray(head.diffuse) * (1.0 if head.active else 0.0)
            self.of_lights["light_diffuse"] = self.with_one_more(self.model, "light_diffuse", diffuse)
            for field in ("light_xpos", "light_xdir"):
                self.with_one_more(self.lit, field, 0.0)

    def with_one_more(self, owner: Any, field: str, value: Any) -> torch.Tensor:
        """Put a light's value behind those of a field of all lights, which becomes each row's own if it varies."""
        shared = getattr(owner, field)
        rows = self.sim.num if field in self.sim.expanded else shared.shape[0]
        old = warp.to_torch(shared).expand(rows, *warp.to_torch(shared).shape[1:])
        new = torch.as_tensor(value, dtype=old.dtype, device=old.device).expand(rows, 1, *old.shape[2:])
        values = torch.cat([old, new], dim=1).contiguous()
        setattr(owner, field, warp.from_torch(values, dtype=shared.dtype))
        return values

    def close(self) -> None:
        """Free the buffers; the next `draw` makes them anew."""
        self.contexts = {}
