"""PickAndPlace: over the cube, down, grasp, and carry it to the goal."""

import numpy as np

from robodl_envs.experts.motions import OVER, flat, from_above
from robodl_envs.experts.policy import Move

HELD = 0.015  # m; the tool this close to the cube's middle, and the fingers as wide as the cube, is a grasp


def pick_and_place(state, robot):
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    at_cube, held = grasp(state["to_cube"], state["opening"][:, 0], robot)
    carry = tool + goal - cube
    lifted = carry.copy()
    lifted[:, 2] = np.maximum(carry[:, 2], tool[:, 2] + robot.cube - cube[:, 2])  # clear of the table on the way
    carry = np.where((flat(goal - cube) > 0.03)[:, None], lifted, carry)
    to = np.where(held[:, None], carry, from_above(tool, cube, OVER))
    return Move(to=to, grip=np.where(at_cube, -1.0, 1.0))


def grasp(to_cube, opening, robot):
    """Whether the cube lies between the fingers, and whether they hold it: (N,) bool each."""
    at_cube = (flat(to_cube) < HELD) & (np.abs(to_cube[:, 2]) < HELD)
    return at_cube, at_cube & (opening < robot.cube + 0.0005)
