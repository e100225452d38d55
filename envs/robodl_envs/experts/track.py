"""Track: hold the camera over the target, ahead by what the arm trails, and correct the estimate to the truth.

Imitation learns from `search_policy`, which does the same with a target in view and searches for one that is not, as if
it did not know where it is: a student that observes images alone can learn all that it does.
"""

import math

import numpy as np

from robodl_envs.arrays import array, concat, copy, namespace, quat_conjugate, quat_mul, quat_rotate, rotvec_to_quat
from robodl_envs.experts.policy import Move
from robodl_envs.perception.hand_camera import camera_to_tool
from robodl_envs.perception.moving_objects import HALF_HEIGHT, Arena, arena, moved, moved_straight
from robodl_envs.perception.target_estimate import correction_steps

TRAIL_TIME = 0.07  # s, by which the camera trails its target: 0.066 s measured of the Panda, 0.086 s of the SO-101
SEARCH_RADIUS = 0.6  # of half the arena
SEARCH_SPEED = 7.5  # rad/s
# Of the distance to the edge of the view: an object so near shows whole, and one so far shows a side of itself.
SURELY_VISIBLE, PARTLY_VISIBLE = 0.7, 1.07


def track(state, robot):
    to, correction = exact_correction(state, robot)
    return Move(to=over(to, robot), answer=correction / array(np.repeat(correction_steps(robot), 2), to))


def search_policy(state, robot):
    """The expert for students that observe images: as `track` with the target in view, else a search for it."""
    tool, (to, correction) = state["tool"][:, :2], exact_correction(state, robot)
    xp, visible = namespace(tool), is_visible(tool + state["to_target"], state, robot)
    to = xp.where(visible, to, tool + state["to_estimate"] + TRAIL_TIME * state["estimate_velocity"])
    correction = xp.where(visible, correction, concat(search_correction(state, robot)))
    return Move(to=over(to, robot), answer=correction / array(np.repeat(correction_steps(robot), 2), to))


def exact_correction(state, robot):
    """Point to look at, (N, 2) m, and the corrections to the truth at the step's end, (N, 4) m and m/s."""
    tool, dt, area = state["tool"][:, :2], robot.control_dt, arena_of(robot, state)
    shape, which = (len(tool), -1, 2), state["target"][:, :, None]
    objects = tool[:, None] + state["to_objects"].reshape(shape)
    motion = moved(objects, state["objects_velocity"].reshape(shape), dt, area)
    truth = [(values * which).sum(axis=1) for values in motion]  # position and velocity, (N, 2) each
    estimate = moved_straight(tool + state["to_estimate"], state["estimate_velocity"], dt, area)
    to = tool + state["to_target"] + TRAIL_TIME * state["target_velocity"]
    return to, concat([truth[0] - estimate[0], truth[1] - estimate[1]])


def arena_of(robot, state) -> Arena:
    """The arena in arrays of the state's library."""
    return arena(robot, lambda values: array(values, state["tool"]))


def over(place, robot):
    """Tool positions, (N, 3), from which the camera looks down at places, (N, 2), from its height at the start."""
    height = 0.0 * place[:, :1] + robot.home_tool[2]
    return concat([place + camera_to_tool(robot, robot.home_quat)[..., :2], height])


def camera_pose(state, robot):
    """The camera's position, (N, 3) m, and the hand's quaternion, (N, 4)."""
    hand = quat_mul(rotvec_to_quat(state["hand_rotation"]), robot.home_quat)
    return state["tool"] - camera_to_tool(robot, hand), hand


def is_visible(place, state, robot):
    """Test whether the image shows anything of an object at places, (N, 2): (N, 1) bool."""
    camera, hand = camera_pose(state, robot)
    offset = concat([place, 0.0 * place[:, :1] + arena(robot).scale * HALF_HEIGHT]) - camera
    frame = quat_mul(hand, array(robot.hand_camera.orientation, hand))
    in_camera = quat_rotate(quat_conjugate(frame), offset)
    right, up, back = (in_camera[:, k, None] for k in range(3))
    sideways = namespace(right).maximum(abs(right) / robot.hand_camera.aspect, abs(up))
    return sideways <= -PARTLY_VISIBLE * robot.hand_camera.tan_half_fovy * back


def search_correction(state, robot):
    """Corrections of an estimate whose target is out of view, m and m/s, (N, 2) each: on to where it may be."""
    camera = camera_pose(state, robot)[0]
    xp, area = namespace(camera), arena_of(robot, state)
    estimate = state["tool"][:, :2] + state["to_estimate"]
    # m: the narrower half of the image on the table, however the hand is rotated about its line of sight
    tangent = robot.hand_camera.tan_half_fovy * min(1.0, robot.hand_camera.aspect)
    edge = SURELY_VISIBLE * tangent * (camera[:, 2:] - area.scale * HALF_HEIGHT)
    in_view = (abs(estimate - camera[:, :2]) < edge).all(axis=1, keepdims=True)
    position = xp.where(in_view, next_search_position(estimate, area, SEARCH_SPEED * robot.control_dt) - estimate, 0.0)
    return position, xp.where(in_view, -state["estimate_velocity"], 0.0)


def next_search_position(estimate, area, step):
    """The next place, (N, 2), to look for the target: round a ring in the arena, at first to the arm's left.

    step: rad, about the ring's middle.
    """
    xp = namespace(estimate)
    offset = (estimate - area.middle) / area.half
    ahead = xp.arctan2(copy(offset[:, 1]), copy(offset[:, 0])) + step
    angle = xp.where((offset**2).sum(axis=1) < 0.01, 0.5 * math.pi, ahead)
    return area.middle + SEARCH_RADIUS * area.half * xp.stack([xp.cos(angle), xp.sin(angle)], axis=1)
