"""Stack: grasp the red cube, set it on the blue one, let go and rise."""

import numpy as np

from robodl_envs.experts.motions import OVER, flat, from_above
from robodl_envs.experts.pick_and_place import grasp
from robodl_envs.experts.policy import Move

NEAR = 0.004  # m, from its place above the other cube: lower it
PLACED = 0.008  # m; let go


def stack(state, robot):
    tool, opening = state["tool"], state["opening"][:, 0]
    cube, base = tool + state["to_cube"], tool + state["to_base"]
    at_cube, held = grasp(state["to_cube"], opening, robot)
    place = base.copy()
    place[:, 2] += robot.cube
    off = place - cube  # (N, 3)
    placed = (flat(off) < PLACED) & (np.abs(off[:, 2]) < 0.004)

    above = off.copy()
    above[:, 2] += 0.03
    low = off[:, 2] > -0.01  # not yet higher than the other cube
    straight_up = above * (0.0, 0.0, 1.0)
    carry = np.where((low & (flat(off) > 0.03))[:, None], straight_up, above)
    near = np.where(off[:, 2] < -0.025, NEAR, PLACED)  # the way down strays a little
    carry = tool + np.where((flat(off) < near)[:, None], off, carry)
    rise = tool.copy()
    rise[:, 2] += np.where((opening > robot.cube + 0.015) & (tool[:, 2] < cube[:, 2] + OVER), 0.04, 0.0)
    to = np.where(held[:, None], carry, from_above(tool, cube, OVER))
    to = np.where(placed[:, None], rise, to)
    return Move(to=to, grip=np.where(placed | ~at_cube, 1.0, -1.0))
