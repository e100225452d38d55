"""Poses of the tool as goals, (..., 7): a position, m, and a rotation from pointing down, a quaternion with w >= 0."""

import mujoco
import numpy as np

from robodl_envs.arrays import Array, distance, namespace, rotation_angle, rotvec_to_quat
from robodl_envs.component import Observable
from robodl_envs.scene import NO_CONTACT, POSITION_BOUNDS

AXIS_LENGTH = 0.06  # m
AXIS_COLORS = ((0.9, 0.2, 0.2, 1.0), (0.2, 0.8, 0.3, 1.0), (0.2, 0.4, 0.95, 1.0))  # x, y and z


def add_axes(spec: mujoco.MjSpec, name: str) -> None:
    """Add a mocap body that shows the axes of its frame and touches nothing."""
    body, capsule = spec.worldbody.add_body(name=name, mocap=True), mujoco.mjtGeom.mjGEOM_CAPSULE
    for axis, rgba in zip(np.eye(3), AXIS_COLORS, strict=True):
        end = AXIS_LENGTH * axis
        body.add_geom(type=capsule, fromto=[0, 0, 0, *end], size=[0.006, 0, 0], rgba=rgba, **NO_CONTACT)


def random_rotation(ids: Array, rng, max_angle: float) -> Array:
    """Quaternions, (n, 4), of rotations by an angle up to max_angle, rad, about axes that point anywhere."""
    axis = rng.normal(ids, [0.0] * 3, 1.0)
    axis /= namespace(axis).sqrt((axis**2).sum(axis=1, keepdims=True))
    return rotvec_to_quat(axis * rng.uniform(ids, 0.0, max_angle)[:, None])


def pose_errors(achieved: Array, desired: Array) -> tuple[Array, Array]:
    """Distances between positions, m, and angles between orientations, rad: (...,) each."""
    return distance(achieved[..., :3], desired[..., :3]), rotation_angle(achieved[..., 3:], desired[..., 3:])


def pose_observables() -> list[Observable]:
    low, meaning = [0.0, -1.0, -1.0, -1.0], "its rotation from pointing straight down, world frame"
    return [
        Observable("position", "m", *POSITION_BOUNDS, "the tool's position, world frame"),
        Observable("rotation", "1", low, [1.0] * 4, meaning),
    ]
