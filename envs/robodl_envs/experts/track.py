"""Track: hold the camera over the target, ahead by what the arm trails, and report what is true at the step's end.

A clone is taught by one who does the same with what shows and searches for what does not, as if it did not know where
it is: so that who sees pictures alone can learn all that this teacher does.
"""

import math

import numpy as np

from robodl_envs.arrays import quat_conjugate, quat_mul, quat_rotate, rotvec_to_quat
from robodl_envs.experts.policy import Move
from robodl_envs.perception.hand_camera import AHEAD, FOVY, camera_to_tool
from robodl_envs.perception.moving_objects import TALL, coasted, moved
from robodl_envs.perception.target_estimate import KICK, SHIFT
from robodl_envs.perception.track import arena

TRAIL = 0.07  # s, by which the camera trails where it is sent: 0.066 s measured of the Panda, 0.086 s of the SO-101
UNITS = np.array([SHIFT, SHIFT, KICK, KICK])  # m, m, m/s, m/s, of an action of 1
RING = 0.6  # of half the arena, where the search goes round
ROUND = 0.3  # rad a step
SIGHT = math.tan(0.5 * math.radians(FOVY))  # of a way ahead of the camera, what is in view beside it
SURE, SHOWS = 0.7, 1.07  # of the way to the view's edge: a thing so near shows, and one so far shows a side of itself


def track(state, robot):
    to, say = exact(state, robot)
    return Move(to=over(to, robot), say=say / UNITS)


def search_policy(state, robot):
    """What can be learnt from pictures: as `track` what shows, and a search for what does not."""
    tool, (to, say) = state["tool"][:, :2], exact(state, robot)
    seen = shows(tool + state["to_target"], state, robot)
    to = np.where(seen, to, tool + state["to_report"] + TRAIL * state["report_velocity"])
    say = np.where(seen, say, np.concatenate(searching(state, robot), axis=1))
    return Move(to=over(to, robot), say=say / UNITS)


def exact(state, robot):
    """Where to look, (N, 2) m, and the report's corrections to what is true at the step's end, (N, 4) m and m/s."""
    tool, dt, area = state["tool"][:, :2], robot.control_dt, arena(robot)
    shape = (len(tool), state["target"].shape[1], 2)
    things = tool[:, None] + state["to_things"].reshape(shape)
    places, velocities = moved(things, state["things_velocity"].reshape(shape), dt, area)
    which = state["target"][:, :, None]
    pos, after = (places * which).sum(axis=1), (velocities * which).sum(axis=1)
    report, quick = coasted(tool + state["to_report"], state["report_velocity"], dt, area)
    return tool + state["to_target"] + TRAIL * state["target_velocity"], np.concatenate(
        [pos - report, after - quick], axis=1
    )


def over(place, robot):
    """Where the tool should be, (N, 3), for the camera to look down at places, (N, 2), from its height at the start."""
    way = camera_to_tool(robot, robot.home_quat[None])[:, :2]
    return np.concatenate([place + way, np.full((len(place), 1), robot.home_tool[2])], axis=1)


def camera(state, robot):
    """Where the camera is, (N, 3) m, and the hand's quaternion, (N, 4)."""
    turn = rotvec_to_quat(state["turn"])
    hand = quat_mul(turn, np.broadcast_to(robot.home_quat, (len(turn), 4)))
    return state["tool"] - camera_to_tool(robot, hand), hand


def shows(place, state, robot):
    """Whether the picture shows anything of a thing at places, (N, 2): (N, 1) bool."""
    eye, hand = camera(state, robot)
    way = np.concatenate([place, np.full((len(place), 1), arena(robot).scale * TALL)], axis=1) - eye
    frame = quat_mul(hand, np.broadcast_to(AHEAD, hand.shape))
    right, up, back = quat_rotate(quat_conjugate(frame), way).T
    return (np.maximum(abs(right), abs(up)) <= -SHOWS * SIGHT * back)[:, None]


def searching(state, robot):
    """Corrections of a report, m and m/s, (N, 2) each, whose target is out of view: on, where it should be in view."""
    area, eye = arena(robot), camera(state, robot)[0]
    report = state["tool"][:, :2] + state["to_report"]
    edge = SURE * SIGHT * (eye[:, 2] - area.scale * TALL)  # m
    empty = (abs(report - eye[:, :2]) < edge[:, None]).all(axis=1, keepdims=True)
    return np.where(empty, onwards(report, area) - report, 0.0), np.where(empty, -state["report_velocity"], 0.0)


def onwards(report, area):
    """The next place, (N, 2), to look for the target: round a ring in the arena, at first to the arm's left."""
    way = (report - area.middle) / area.half
    angle = np.where((way**2).sum(axis=1) < 0.01, 0.5 * np.pi, np.arctan2(way[:, 1].copy(), way[:, 0].copy()) + ROUND)
    return area.middle + RING * area.half * np.stack([np.cos(angle), np.sin(angle)], axis=1)
