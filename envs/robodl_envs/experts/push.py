"""Push: over the cube to the side that is away from the goal, down, and straight on."""

import numpy as np

from robodl_envs.experts.motions import flat, from_above
from robodl_envs.experts.policy import Move

FINGER = 0.018  # m, from the tool to the face of shut fingers, whichever way
CLOSE = 0.005  # m; near enough
SLOW = 0.35  # share of the remaining way that a step may cover
FAST = 0.03  # m, the most that the target is ahead
LOW = 0.6  # of the cube's edge, how high the tool goes
GAP = 0.02  # m


def push(state, robot):
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    way = goal - cube
    left = flat(way)[:, None]  # (N, 1) m
    ahead = way / np.maximum(left, 1e-6)
    ahead[:, 2] = 0.0
    half, low = 0.5 * robot.cube, LOW * robot.cube
    contact = 1.25 * half + FINGER
    rel = tool - cube
    along = (rel * ahead).sum(axis=1)
    aside = flat(rel - along[:, None] * ahead)
    behind = cube - (contact + GAP) * ahead
    behind[:, 2] = low
    pushing = (along < -0.6 * half) & (aside < 0.02) & (tool[:, 2] < half + 0.015)
    reach = np.minimum(SLOW * left + 0.004, FAST)
    onward = cube - contact * ahead + reach * ahead  # corrects the side as well
    onward[:, 2] = low
    to = np.where(pushing[:, None], onward, from_above(tool, behind, 2.0 * robot.cube + 0.01))
    return Move(to=np.where(left < CLOSE, tool, to))
