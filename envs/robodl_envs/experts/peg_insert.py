"""PegInsert: hold tight, the tip over the hole, and down."""

import numpy as np

from robodl_envs.experts.motions import flat
from robodl_envs.experts.policy import Move

ABOVE = 0.040  # m of the tip over its goal: 1 cm over the block
NEAR = 0.0010  # m; over the hole
SLOW = 0.008  # m, the most that the target is below the tool on the way in: faster, the arm strays sideways
INSIDE = 0.026  # m of the tip over its goal: the hole's walls guide it


def peg_insert(state, robot):
    tool, way = state["tool"], state["desired"] - state["achieved"]
    over = way.copy()
    over[:, 2] += ABOVE
    down = way.copy()
    down[:, 2] = np.maximum(down[:, 2], -SLOW)
    inside = way[:, 2] > -INSIDE
    to = tool + np.where(((flat(way) < NEAR) | inside)[:, None], down, over)
    return Move(to=to, grip=np.full(len(tool), -1.0))
