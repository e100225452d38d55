"""Push: over the cube to the side that is away from the goal, down, and straight on."""

import math

from robodl_envs.arrays import clip, namespace
from robodl_envs.experts.motions import from_above, horizontal_norm
from robodl_envs.experts.policy import Move

FINGER_RADIUS = 0.018  # m, from the tool to the face of shut fingers, in any direction
DONE_DISTANCE = 0.005  # m; near enough
PUSH_SHARE = 0.35  # of the remaining distance, that a step may cover
MAX_PUSH = 0.03  # m, the most that the target is ahead
TOOL_HEIGHT = 0.6  # of the cube's edge
GAP = 0.02  # m, between the cube and the fingers behind it


def push(state, robot):
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    xp = namespace(tool)
    offset = goal - cube
    remaining = horizontal_norm(offset)[:, None]  # (N, 1) m
    direction = offset / clip(remaining, 1e-6, math.inf)
    direction[:, 2] = 0.0
    half, height = 0.5 * robot.cube, TOOL_HEIGHT * robot.cube
    contact = 1.25 * half + FINGER_RADIUS
    relative = tool - cube
    along = (relative * direction).sum(axis=1)
    sideways = horizontal_norm(relative - along[:, None] * direction)
    behind = cube - (contact + GAP) * direction
    behind[:, 2] = height
    pushing = (along < -0.6 * half) & (sideways < 0.02) & (tool[:, 2] < half + 0.015)
    ahead = clip(PUSH_SHARE * remaining + 0.004, -math.inf, MAX_PUSH)
    onward = cube - contact * direction + ahead * direction  # corrects the side as well
    onward[:, 2] = height
    to = xp.where(pushing[:, None], onward, from_above(tool, behind, 2.0 * robot.cube + 0.01))
    return Move(to=xp.where(remaining < DONE_DISTANCE, tool, to))
