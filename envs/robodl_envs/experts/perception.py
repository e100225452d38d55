"""Experts of ReadDigit and Inspect: they look at a part from in front and answer while they see it well."""

import math

from robodl_envs.arrays import (
    Array,
    array,
    clip,
    concat,
    cross,
    namespace,
    quat_conjugate,
    quat_mul,
    quat_rotate,
    quat_to_rotvec,
    rotvec_to_quat,
)
from robodl_envs.experts.policy import Move
from robodl_envs.perception.defects import BLOCK, IS_BAD
from robodl_envs.perception.hand_camera import camera_to_tool
from robodl_envs.perception.inspect import CLOCK_STEPS

LEFT, RIGHT = 4.5 / CLOCK_STEPS, 24.5 / CLOCK_STEPS  # of the clock: when it goes on to the left and to the right
LOOK_AT = (0.0, 0.065, 0.065)  # m, from the top, the left, the right to where it looks: to be less aslant
FACE_DISTANCES = (BLOCK[2], BLOCK[1], BLOCK[1])  # m, of the top, the left and the right from the block's middle


def read_digit(state, robot):
    """Turn the camera towards the plate, as far as the arm can, and commit once the digit is seen well."""
    normal, part = state["part_normal"], state["tool"] + state["to_part"]
    to, rotation = look_at_pose(part, normal, state, distance=0.15, max_lean=0.7, robot=robot)
    well = is_seen(part, normal, state, robot, max_incidence=0.65, max_off_center=0.25, max_distance=0.22)
    answer = concat([state["digit"], array(well, part)[:, None]])
    return Move(to=to, rotation=rotation, answer=2.0 * answer - 1.0)


def inspect(state, robot):
    """Look at the top, the left and the right by the clock; call the part bad while its defect is seen well."""
    xp = namespace(state["tool"])
    part, up, clock = state["tool"] + state["to_part"], state["part_normal"], state["clock"]
    left = cross(up, state["part_x_axis"])
    normals = xp.stack([up, left, -left], axis=1)  # (N, 3 faces, 3)
    phases = [clock < LEFT, (clock >= LEFT) & (clock < RIGHT), clock >= RIGHT]
    now = array(xp.concatenate(phases, axis=1), part)  # (N, 3 faces), 1 for the face to look at
    center, normal = face_of(part, normals, now)
    look_at = center + (now * array(LOOK_AT, part)).sum(axis=1)[:, None] * normal
    # Leaning farther from looking down takes too long.
    to, rotation = look_at_pose(look_at, normal, state, distance=0.13, max_lean=0.45, robot=robot)
    defect, outwards = face_of(part, normals, state["face"])  # of a part without one: anything
    well = is_seen(defect, outwards, state, robot, max_incidence=0.9, max_off_center=0.4, max_distance=0.24)
    is_bad = (state["kind"] * array(IS_BAD, part)).sum(axis=1) > 0.5
    return Move(to=to, rotation=rotation, answer=array(is_bad & well, part)[:, None] * 2.0 - 1.0)


def face_of(part, normals, which):
    """The middle and the normal, (N, 3), of the faces that are 1 in which, (N, 3)."""
    normal = (which[:, :, None] * normals).sum(axis=1)
    return part + (which * array(FACE_DISTANCES, part)).sum(axis=1)[:, None] * normal, normal


def look_at_pose(part: Array, normal: Array, state, distance: float, max_lean: float, robot) -> tuple[Array, Array]:
    """Tool positions, and rotations to there, (N, 3) rad, from which the camera looks straight at a part.

    Args:
        part: the middle of the image. normal: unit vectors towards where the camera should be.
        distance: m, of the camera. max_lean: rad, the farthest that it leans from looking down.
    """
    xp = namespace(normal)
    lean = xp.arccos(clip(normal[:, 2], -1.0, 1.0))
    axis = xp.stack([-normal[:, 1], normal[:, 0], 0.0 * normal[:, 0]], axis=1)  # to lean about
    length = xp.sqrt((axis**2).sum(axis=1, keepdims=True))
    quat = rotvec_to_quat(axis / clip(length, 1e-9, math.inf) * clip(lean, -math.inf, max_lean)[:, None])
    up = quat_rotate(quat, array([0.0, 0.0, 1.0], quat))
    to = part + distance * up + camera_to_tool(robot, quat_mul(quat, robot.home_quat))
    return to, quat_to_rotvec(quat_mul(quat, quat_conjugate(rotvec_to_quat(state["hand_rotation"]))))


def is_seen(part: Array, normal: Array, state, robot, max_incidence, max_off_center, max_distance) -> Array:
    """Test whether the camera sees a part, (N, 3) m, with a normal, (N, 3), well: (N,) bool.

    Args:
        max_incidence: rad, between the line of sight and the part's normal.
        max_off_center: rad, between the line of sight and the middle of the image.
        max_distance: m, of the camera.
    """
    xp = namespace(part)
    hand = quat_mul(rotvec_to_quat(state["hand_rotation"]), robot.home_quat)
    line = part - (state["tool"] - camera_to_tool(robot, hand))
    distance = xp.sqrt((line**2).sum(axis=1))
    line = line / distance[:, None]
    forward = quat_rotate(hand, array(robot.hand_camera.line_of_sight, hand))
    incidence, off_center = (
        xp.arccos(clip((line * direction).sum(axis=1), -1.0, 1.0)) for direction in (-normal, forward)
    )
    return (incidence < max_incidence) & (off_center < max_off_center) & (distance < max_distance)
