"""Push: over the cube to the side that is away from the goal, down, and straight on."""

import numpy as np

from robodl_envs.experts import Move
from robodl_envs.experts.ways import flat, from_above

FINGER = 0.018  # m, from the tool to the face of shut fingers, whichever way
CLOSE = 0.005  # m; near enough
SLOW = 0.35  # share of the remaining way that a step may cover


def push(state, robot):
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    way = goal - cube
    left = flat(way)[:, None]  # (N, 1) m
    ahead = way / np.maximum(left, 1e-6)
    ahead[:, 2] = 0.0
    low = 0.5 * robot.cube
    contact = low * 1.25 + FINGER
    rel = tool - cube
    along = (rel * ahead).sum(axis=1)
    aside = flat(rel - along[:, None] * ahead)
    behind = cube - (contact + 0.012) * ahead
    behind[:, 2] = low
    pushing = (along < -0.6 * low) & (aside < 0.02) & (tool[:, 2] < low + 0.015)
    reach = np.minimum(SLOW * left + 0.004, 0.05)
    onward = cube - contact * ahead + reach * ahead  # corrects the side as well
    onward[:, 2] = low
    to = np.where(pushing[:, None], onward, from_above(tool, behind, 2.0 * robot.cube + 0.01))
    return Move(to=np.where(left < CLOSE, tool, to))
