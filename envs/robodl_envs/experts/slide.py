"""Slide: press a finger on the puck, bring it to the speed that takes it to the goal, and let go."""

import math

from robodl_envs.arrays import clip, copy, namespace
from robodl_envs.experts.motions import from_above, horizontal_norm
from robodl_envs.experts.policy import Move
from robodl_envs.tasks.slide import DECELERATION

PUCK_TOP, FINGERTIP = 0.0125, 0.01  # m, from the puck's middle to its top; from a fingertip to the tool
PRESS_DEPTH = 0.0035  # m, how far into the puck the target goes
LIFT = 0.03  # m, of the finger in the step that lets go
# Tuned for both arms: the share of the commanded speed that stays with the puck. The servos' pull falls off within a
# control step, so that objects are slower at its end than on average.
SPEED_SHARE = 0.71
SPEED_GAIN = 0.4  # of the commanded speed, a m/s that the puck is too slow
RUN_UP = 0.95  # share of the table's depth over which the puck is brought to speed


def slide(state, robot):
    tool, puck, goal = state["tool"], state["achieved"], state["desired"]
    xp, velocity = namespace(tool), state["puck_qvel"][:, :3]
    offset = goal - puck
    offset[:, 2] = 0.0
    remaining = horizontal_norm(offset)  # (N,) m
    direction = offset / clip(remaining, 1e-6, math.inf)[:, None]
    speed = (velocity * direction).sum(axis=1)
    needed = xp.sqrt(2.0 * DECELERATION * remaining)  # m/s
    top = puck[:, 2] + PUCK_TOP + FINGERTIP
    on_top = (horizontal_norm(tool - puck) < 0.015) & (tool[:, 2] < top + 0.005)
    (x0, _), (x1, _) = robot.table
    let_go = puck[:, 0] > x0 + RUN_UP * (x1 - x0)

    over_puck = copy(puck)
    over_puck[:, 2] = top - PRESS_DEPTH
    commanded = needed / SPEED_SHARE + SPEED_GAIN * (needed - speed)  # m/s
    onward = tool + direction * (commanded * robot.control_dt)[:, None] + state["target_offset"]
    onward[:, 2] = xp.where(let_go, tool[:, 2] + LIFT, top - PRESS_DEPTH)
    away = copy(tool)
    away[:, 2] = 0.15
    to = xp.where(on_top[:, None], onward, from_above(tool, over_puck, 0.05))
    return Move(to=xp.where((~on_top & (speed > 0.1) | (remaining < 0.03))[:, None], away, to))
