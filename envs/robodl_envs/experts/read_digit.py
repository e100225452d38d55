"""ReadDigit: turn the camera towards the plate, as far as the arm can, and say what it says once it is seen well."""

import numpy as np

from robodl_envs.experts.motions import before, facing
from robodl_envs.experts.policy import Move

AWAY = 0.15  # m, of the camera from the plate
MOST = 0.7  # rad, that the camera turns from looking down
WELL = 0.65  # rad, between the line of sight and the plate's normal
CENTRED = 0.25  # rad, between it and the middle of the picture
NEAR = 0.22  # m, of the camera


def read_digit(state, robot):
    normal, part = state["part_normal"], state["tool"] + state["to_part"]
    to, turn = before(part, normal, state["turn"], AWAY, MOST, robot)
    view = facing(part, normal, state["tool"], state["turn"], robot)
    well = (view.aslant < WELL) & (view.aside < CENTRED) & (view.away < NEAR)
    say = np.concatenate([2.0 * state["digit"] - 1.0, np.where(well, 1.0, -1.0)[:, None]], axis=1)
    return Move(to=to, turn=turn, say=say)
