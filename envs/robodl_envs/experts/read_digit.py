"""ReadDigit: turn the camera towards the plate, as far as the arm can, and commit once the digit is seen well."""

from robodl_envs.arrays import array, concat
from robodl_envs.experts.motions import look_at_pose, view_angles
from robodl_envs.experts.policy import Move

CAMERA_DISTANCE = 0.15  # m, from the plate
MAX_LEAN = 0.7  # rad, of the camera from looking down
MAX_INCIDENCE = 0.65  # rad, between the line of sight and the plate's normal
MAX_OFF_CENTER = 0.25  # rad, between it and the middle of the image
MAX_DISTANCE = 0.22  # m, of the camera


def read_digit(state, robot):
    normal, part = state["part_normal"], state["tool"] + state["to_part"]
    to, rotation = look_at_pose(part, normal, state["hand_rotation"], CAMERA_DISTANCE, MAX_LEAN, robot)
    view = view_angles(part, normal, state["tool"], state["hand_rotation"], robot)
    well = (view.incidence < MAX_INCIDENCE) & (view.off_center < MAX_OFF_CENTER) & (view.distance < MAX_DISTANCE)
    answer = concat([state["digit"], array(well, part)[:, None]])
    return Move(to=to, rotation=rotation, answer=2.0 * answer - 1.0)
