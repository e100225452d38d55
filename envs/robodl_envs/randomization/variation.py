"""Variation of a row's own model from episode to episode: visuals in images, and dynamics."""

import math

import mujoco
import numpy as np

from robodl_envs.arrays import array, cast, clip, namespace, quat_mul, rotvec_to_quat
from robodl_envs.component import Component
from robodl_envs.randomization.settings import Randomize
from robodl_envs.rendering.shading import DEFAULT_RGBA

MAX_FOVY = 150.0  # degrees
# By setting: fields of the model whose elements are scaled, each by a factor of its own, which a group's fields share.
SCALED_FIELDS: dict[str, list[tuple[str, ...]]] = {
    "mass": [("body_mass", "body_inertia")],
    "friction": [("geom_friction",), ("pair_friction",), ("dof_frictionloss",)],
    "damping": [("dof_damping", "dof_dampingpoly")],
    "gain": [("actuator_gainprm", "actuator_biasprm")],
}


class Visuals(Component):
    """Varies what images show at the start of each episode; physics stays as it is.

    What a task has chosen for an episode varies from there.
    """

    saved = ("background",)

    def __init__(self, settings: Randomize):
        self.settings = settings

    def bind(self, sim):
        s = self.settings
        amounts = {
            "geom_rgba": s.colors,
            "light_diffuse": s.lights,
            "light_dir": s.lights,
            "cam_pos": s.camera_position,
            "cam_quat": s.camera_angle,
            "cam_fovy": s.camera_fovy,
        }
        self.expanded = {field: sim.expand(field) for field, amount in amounts.items() if amount}  # (N, ...), live
        self.material_colors = sim.array(material_colors(sim.model))  # (ngeom, 3)
        self.background = cast(sim.zeros(3), "uint8")  # the colour beyond the floor

    def reset(self, ids, rng):
        s = self.settings
        if s.colors:
            rgba = self.expanded["geom_rgba"]
            shift = rng.uniform(ids, *symmetric(s.colors, self.material_colors.shape))
            rgba[ids, :, :3] = array(clip(rgba[ids][..., :3] + self.material_colors + shift, 0.0, 1.0), rgba)
        if s.lights:
            diffuse, direction = self.expanded["light_diffuse"], self.expanded["light_dir"]
            count = direction.shape[1]
            brightness = rng.uniform(ids, [[1.0 - s.lights]] * count, 1.0 + s.lights)
            diffuse[ids] = array(clip(diffuse[ids] * brightness, 0.0, 1.0), diffuse)
            varied = direction[ids] + rng.normal(ids, [[0.0] * 3] * count, s.lights)
            length = namespace(varied).sqrt((varied**2).sum(axis=2, keepdims=True))
            direction[ids] = array(varied / length, direction)
        if s.background:
            self.background[ids] = cast(rng.uniform(ids, [0.0] * 3, 255.0 * s.background), "uint8")
        if s.camera_position:
            pos = self.expanded["cam_pos"]
            pos[ids] = pos[ids] + rng.uniform(ids, *symmetric(s.camera_position, pos.shape[1:]))
        if s.camera_angle:
            quat = self.expanded["cam_quat"]
            rotvec = rng.uniform(ids, *symmetric(math.radians(s.camera_angle), (quat.shape[1], 3)))
            quat[ids] = quat_mul(quat[ids], rotvec_to_quat(rotvec))  # about its own axes
        if s.camera_fovy:
            fovy = self.expanded["cam_fovy"]
            share = rng.uniform(ids, np.full(fovy.shape[1:], 1.0 - s.camera_fovy), 1.0 + s.camera_fovy)
            fovy[ids] = array(clip(fovy[ids] * share, 0.0, MAX_FOVY), fovy)


class Dynamics(Component):
    """Varies the rows' own physics at the start of each episode; sizes and positions stay as they are.

    A servo's gain scales all of its force, what brakes it too: it gets weaker or stronger, hardly slower or faster, and
    its force limit stays. A robot compensates the gravity that really pulls at its links; it does not know its loads.
    """

    def __init__(self, settings: Randomize):
        self.settings = settings

    def bind(self, sim):
        self.sim, model = sim, sim.model
        self.groups = [  # [(share, [(the model's values, the rows' values, live), ...]), ...]
            (share, [(sim.array(getattr(model, field)), sim.expand(field)) for field in group])
            for name, groups in SCALED_FIELDS.items()
            if (share := getattr(self.settings, name))
            for group in groups
            if len(getattr(model, group[0]))
        ]
        self.gravity = sim.expand("opt.gravity") if self.settings.gravity_tilt else None  # (N, 3) m/s^2
        self.down = sim.array(model.opt.gravity)  # (3,) m/s^2

    def reset(self, ids, rng):
        for share, fields in self.groups:
            count = len(fields[0][0])
            factor = rng.uniform(ids, np.full(count, 1.0 - share), 1.0 + share)  # (n, elements)
            for default, expanded in fields:
                scaled = default * factor.reshape(*factor.shape, *[1] * (default.ndim - 1))
                expanded[ids] = array(scaled, expanded)
        if self.gravity is not None:
            tilt = rng.uniform(ids, 0.0, math.radians(self.settings.gravity_tilt))
            heading = rng.uniform(ids, 0.0, 2.0 * math.pi)
            xp = namespace(tilt)
            sideways = xp.stack([xp.cos(heading), xp.sin(heading), 0.0 * heading], axis=1)  # (n, 3)
            strength = xp.linalg.norm(self.down)
            self.gravity[ids] = xp.cos(tilt)[:, None] * self.down + strength * xp.sin(tilt)[:, None] * sideways
        self.sim.set_const(ids)


def material_colors(model: mujoco.MjModel) -> np.ndarray:
    """Offsets that bring a geom without a colour of its own to its material's, (ngeom, 3); zero for others."""
    plain = (model.geom_matid >= 0) & (model.geom_rgba == DEFAULT_RGBA).all(axis=1)
    colors = np.where(plain[:, None], model.mat_rgba[model.geom_matid], model.geom_rgba)
    return (colors - model.geom_rgba)[:, :3]


def symmetric(most: float, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """Bounds of numbers of a shape, from -most to most."""
    return np.full(shape, -most), most
