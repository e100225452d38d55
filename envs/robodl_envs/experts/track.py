"""Track: hold the camera over the target, ahead by what the arm trails, and report what is true at the step's end."""

import numpy as np

from robodl_envs.experts import Move
from robodl_envs.tasks.eye import camera_to_tool
from robodl_envs.tasks.movers import bounced
from robodl_envs.tasks.report import KICK, SHIFT
from robodl_envs.tasks.track import arena

TRAIL = 0.1  # s, by which the camera would trail a target that it were sent to: tuned


def track(state, robot):
    tool, velocity, dt = state["tool"], state["target_velocity"], robot.control_dt
    target, area = tool[:, :2] + state["to_target"], arena(robot)
    pos, after = bounced(target + velocity * dt, velocity, area.low, area.high)
    report = tool[:, :2] + state["to_report"] + state["report_velocity"] * dt
    say = np.concatenate([(pos - report) / SHIFT, (after - state["report_velocity"]) / KICK], axis=1)
    return Move(to=over(target + TRAIL * velocity, robot), say=say)


def over(place, robot):
    """Where the tool should be, (N, 3), for the camera to look down at places, (N, 2), from its height at the start."""
    way = camera_to_tool(robot, robot.home_quat[None])[:, :2]
    return np.concatenate([place + way, np.full((len(place), 1), robot.home_tool[2])], axis=1)
