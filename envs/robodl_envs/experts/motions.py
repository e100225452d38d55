"""Motions that experts have in common. Offsets and positions are (N, 3), m, world frame."""

import math
from dataclasses import dataclass

from robodl_envs.arrays import (
    Array,
    array,
    clip,
    copy,
    namespace,
    quat_conjugate,
    quat_mul,
    quat_rotate,
    quat_to_rotvec,
    rotvec_to_quat,
)
from robodl_envs.perception.hand_camera import camera_to_tool

CLEARANCE = 0.10  # m above an object: high enough to pass over its neighbours


def horizontal_norm(offset: Array) -> Array:
    """Horizontal lengths, (N,), of offsets."""
    return namespace(offset).sqrt(offset[:, 0] ** 2 + offset[:, 1] ** 2)


def from_above(tool: Array, to: Array, height: float, near: float = 0.012) -> Array:
    """The next waypoint from tool to a position: up, then a height, m, above it, and then down.

    near: m; closer than this to the vertical above the position, the tool goes down.
    """
    xp = namespace(tool)
    above = copy(to)
    above[:, 2] += height
    remaining = horizontal_norm(to - tool)
    up = copy(tool)
    up[:, 2] = above[:, 2]
    low = (tool[:, 2] < above[:, 2] - 0.03) & (remaining > 3.0 * near)
    waypoint = xp.where(low[:, None], up, above)
    return xp.where((remaining < near)[:, None], to, waypoint)


def look_at_pose(part: Array, normal: Array, rotation: Array, distance: float, max_lean: float, robot):
    """Tool positions, and rotations to there, (N, 3) rad, from which its camera looks straight at a part.

    Args:
        part: the middle of the image. normal: unit vectors towards where the camera should be.
        rotation: (N, 3) rad, of the hand now, from pointing down.
        distance: m, of the camera. max_lean: rad, the farthest that it leans from looking down.
    """
    xp = namespace(normal)
    lean = xp.arccos(clip(normal[:, 2], -1.0, 1.0))
    axis = xp.stack([-normal[:, 1], normal[:, 0], 0.0 * normal[:, 0]], axis=1)  # to lean about
    length = xp.sqrt((axis**2).sum(axis=1, keepdims=True))
    quat = rotvec_to_quat(axis / clip(length, 1e-9, math.inf) * clip(lean, -math.inf, max_lean)[:, None])
    up = quat_rotate(quat, array([0.0, 0.0, 1.0], quat))
    hand = quat_mul(quat, robot.home_quat)
    to = part + distance * up + camera_to_tool(robot, hand)
    return to, quat_to_rotvec(quat_mul(quat, quat_conjugate(rotvec_to_quat(rotation))))


@dataclass
class ViewAngles:
    """Angles at which the camera sees a part: (N,) each."""

    incidence: Array  # rad, between the line of sight and the part's normal
    off_center: Array  # rad, between the line of sight and the middle of the image
    distance: Array  # m


def view_angles(part: Array, normal: Array, tool: Array, rotation: Array, robot) -> ViewAngles:
    """View of a part with a normal, from the hand's pose: the tool's position, rotation from down."""
    xp = namespace(part)
    hand = quat_mul(rotvec_to_quat(rotation), robot.home_quat)
    line = part - (tool - camera_to_tool(robot, hand))
    distance = xp.sqrt((line**2).sum(axis=1))
    line = line / distance[:, None]
    forward = quat_rotate(hand, array([0.0, 0.0, 1.0], hand))
    incidence, off_center = (
        xp.arccos(clip((line * direction).sum(axis=1), -1.0, 1.0)) for direction in (-normal, forward)
    )
    return ViewAngles(incidence, off_center, distance)
