"""Track: hold the camera over the target, ahead by what the arm trails, and report what is true at the step's end."""

import numpy as np

from robodl_envs.experts import Move
from robodl_envs.tasks.eye import camera_to_tool
from robodl_envs.tasks.movers import coasted, moved
from robodl_envs.tasks.report import KICK, SHIFT
from robodl_envs.tasks.track import arena

TRAIL = 0.07  # s, by which the camera trails where it is sent: 0.066 s measured of the Panda, 0.086 s of the SO-101


def track(state, robot):
    tool, velocity, dt = state["tool"], state["target_velocity"], robot.control_dt
    shape = (len(tool), state["target"].shape[1], 2)
    things = tool[:, None, :2] + state["to_things"].reshape(shape)
    area = arena(robot)
    places, velocities = moved(things, state["things_velocity"].reshape(shape), dt, area)
    which = state["target"][:, :, None]
    pos, after = (places * which).sum(axis=1), (velocities * which).sum(axis=1)
    report, quick = coasted(tool[:, :2] + state["to_report"], state["report_velocity"], dt, area)
    say = np.concatenate([(pos - report) / SHIFT, (after - quick) / KICK], axis=1)
    return Move(to=over(tool[:, :2] + state["to_target"] + TRAIL * velocity, robot), say=say)


def over(place, robot):
    """Where the tool should be, (N, 3), for the camera to look down at places, (N, 2), from its height at the start."""
    way = camera_to_tool(robot, robot.home_quat[None])[:, :2]
    return np.concatenate([place + way, np.full((len(place), 1), robot.home_tool[2])], axis=1)
