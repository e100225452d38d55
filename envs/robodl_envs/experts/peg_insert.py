"""PegInsert: hold tight, the tip over the hole, and down."""

import math

from robodl_envs.arrays import clip, copy, namespace
from robodl_envs.experts.motions import horizontal_norm
from robodl_envs.experts.policy import Move

HOVER_HEIGHT = 0.040  # m of the tip over its goal: 1 cm over the block
OVER_HOLE = 0.0010  # m; closer than this to the hole's axis, the peg goes down
MAX_DESCENT = 0.008  # m, the most that the target is below the tool on the way in: faster, the arm strays sideways
INSIDE_HEIGHT = 0.026  # m of the tip over its goal: the hole's walls guide it


def peg_insert(state, robot):
    tool, offset = state["tool"], state["desired"] - state["achieved"]
    hover, down = copy(offset), copy(offset)
    hover[:, 2] += HOVER_HEIGHT
    down[:, 2] = clip(down[:, 2], -MAX_DESCENT, math.inf)
    go_down = (horizontal_norm(offset) < OVER_HOLE) | (offset[:, 2] > -INSIDE_HEIGHT)
    to = tool + namespace(tool).where(go_down[:, None], down, hover)
    return Move(to=to, grip=0.0 * tool[:, 0] - 1.0)
