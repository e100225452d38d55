"""Inspect: look at the top, the left and the right by the clock; call the part bad while its defect is seen well."""

from robodl_envs.arrays import array, cross, namespace
from robodl_envs.experts.motions import look_at_pose, view_angles
from robodl_envs.experts.policy import Move
from robodl_envs.perception.defects import BLOCK, IS_BAD
from robodl_envs.perception.inspect import CLOCK_STEPS

LEFT, RIGHT = 4.5 / CLOCK_STEPS, 24.5 / CLOCK_STEPS  # of the clock: when it goes on to the left and to the right
CAMERA_DISTANCE = 0.13  # m, from where it looks
MAX_LEAN = 0.45  # rad, of the camera from looking down: turning is slow
LOOK_AT = (0.0, 0.065, 0.065)  # m, from the top, the left, the right to where it looks: to be less aslant
MAX_INCIDENCE = 0.9  # rad, between the line of sight and a face's normal
MAX_OFF_CENTER = 0.4  # rad, between it and the middle of the image
MAX_DISTANCE = 0.24  # m, of the camera
FACE_DISTANCES = (BLOCK[2], BLOCK[1], BLOCK[1])  # m, of the top, the left and the right from the block's middle


def inspect(state, robot):
    xp = namespace(state["tool"])
    part, up, clock = state["tool"] + state["to_part"], state["part_normal"], state["clock"]
    left = cross(up, state["part_x_axis"])
    normals = xp.stack([up, left, -left], axis=1)  # (N, 3 faces, 3)
    phases = [clock < LEFT, (clock >= LEFT) & (clock < RIGHT), clock >= RIGHT]
    now = array(xp.concatenate(phases, axis=1), part)  # (N, 3 faces), 1 for the face to look at
    center, normal = face_of(part, normals, now)
    look_at = center + (now * array(LOOK_AT, part)).sum(axis=1)[:, None] * normal
    to, rotation = look_at_pose(look_at, normal, state["hand_rotation"], CAMERA_DISTANCE, MAX_LEAN, robot)
    defect, outwards = face_of(part, normals, state["face"])  # of a part without one: anything
    view = view_angles(defect, outwards, state["tool"], state["hand_rotation"], robot)
    well = (view.incidence < MAX_INCIDENCE) & (view.off_center < MAX_OFF_CENTER) & (view.distance < MAX_DISTANCE)
    is_bad = (state["kind"] * array(IS_BAD, part)).sum(axis=1) > 0.5
    return Move(to=to, rotation=rotation, answer=array(is_bad & well, part)[:, None] * 2.0 - 1.0)


def face_of(part, normals, which):
    """The middle and the normal, (N, 3), of the faces that are 1 in which, (N, 3)."""
    normal = (which[:, :, None] * normals).sum(axis=1)
    return part + (which * array(FACE_DISTANCES, part)).sum(axis=1)[:, None] * normal, normal
