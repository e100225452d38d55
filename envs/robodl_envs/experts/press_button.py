"""PressButton: over the button, and down."""

from robodl_envs.arrays import copy
from robodl_envs.experts.motions import from_above
from robodl_envs.experts.policy import Move

CONTACT_HEIGHT = 0.02  # m, from the button's middle to the tool when a finger touches the button
PRESS_DEPTH = 0.01  # m, how far below the goal the target goes


def press_button(state, robot):
    to = copy(state["desired"])
    to[:, 2] += CONTACT_HEIGHT - PRESS_DEPTH
    return Move(to=from_above(state["tool"], to, 0.07))
