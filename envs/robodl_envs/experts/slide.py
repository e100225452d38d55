"""Slide: press a finger on the puck, bring it to the speed that takes it to the goal, and let go."""

import numpy as np

from robodl_envs.experts.motions import flat, from_above
from robodl_envs.experts.policy import Move
from robodl_envs.tasks.slide import BRAKING

TOP, TIP = 0.0125, 0.01  # m, from the puck's middle to its top; from a fingertip to the tool
PRESS = 0.0035  # m, how far into the puck the target goes: what presses on it
LIFT = 0.03  # m, of the finger in the step that lets go
# Tuned for both arms: the share of the commanded speed that stays with the puck. The servos' pull falls off within a
# control step, so that things are slower at its end than on average.
STAYS = 0.71
GAIN = 0.4  # of the commanded speed, a m/s that the puck is too slow
RUN_UP = 0.95  # share of the table's depth over which the puck is brought to speed


def slide(state, robot):
    tool, puck, goal = state["tool"], state["achieved"], state["desired"]
    velocity = state["puck_qvel"][:, :3]
    way = goal - puck
    way[:, 2] = 0.0
    left = flat(way)  # (N,) m
    ahead = way / np.maximum(left, 1e-6)[:, None]
    speed = (velocity * ahead).sum(axis=1)
    needed = np.sqrt(2.0 * BRAKING * left)  # m/s
    top = puck[:, 2] + TOP + TIP
    on_top = (flat(tool - puck) < 0.015) & (tool[:, 2] < top + 0.005)
    (x0, _), (x1, _) = robot.table
    go = puck[:, 0] > x0 + RUN_UP * (x1 - x0)

    on = puck.copy()
    on[:, 2] = top - PRESS
    wanted = needed / STAYS + GAIN * (needed - speed)  # m/s
    onward = tool + ahead * (wanted * robot.control_dt)[:, None] + state["lead"]
    onward[:, 2] = np.where(go, tool[:, 2] + LIFT, top - PRESS)
    away = tool.copy()
    away[:, 2] = 0.15
    to = np.where(on_top[:, None], onward, from_above(tool, on, 0.05))
    return Move(to=np.where((~on_top & (speed > 0.1) | (left < 0.03))[:, None], away, to))
