"""PegInsert: hold tight, the tip over the hole, and down."""

import numpy as np

from robodl_envs.experts import Move
from robodl_envs.experts.ways import flat

ABOVE = 0.045  # m of the tip over its goal: 1.5 cm over the block
NEAR = 0.0012  # m; over the hole


def peg_insert(state, robot):
    tool, way = state["tool"], state["desired"] - state["achieved"]
    over = way.copy()
    over[:, 2] += ABOVE
    inside = way[:, 2] > -0.028
    to = tool + np.where(((flat(way) < NEAR) | inside)[:, None], way, over)
    return Move(to=to, grip=np.full(len(tool), -1.0))
