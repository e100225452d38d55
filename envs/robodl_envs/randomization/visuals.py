"""Visuals: colours, lights, cameras and the background that vary from episode to episode."""

import math

import mujoco
import numpy as np

from robodl_envs.arrays import array, cast, clip, namespace, quat_mul, rotvec_to_quat
from robodl_envs.component import Component
from robodl_envs.randomization.settings import Randomize
from robodl_envs.rendering.shading import DEFAULT_RGBA

MAX_FOVY = 150.0  # degrees


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


def material_colors(model: mujoco.MjModel) -> np.ndarray:
    """Offsets that bring a geom without a colour of its own to its material's, (ngeom, 3); zero for others."""
    plain = (model.geom_matid >= 0) & (model.geom_rgba == DEFAULT_RGBA).all(axis=1)
    colors = np.where(plain[:, None], model.mat_rgba[model.geom_matid], model.geom_rgba)
    return (colors - model.geom_rgba)[:, :3]


def symmetric(most: float, shape: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """Bounds of numbers of a shape, from -most to most."""
    return np.full(shape, -most), most
