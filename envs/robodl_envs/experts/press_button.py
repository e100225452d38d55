"""PressButton: over the button, and down."""

from robodl_envs.experts.motions import from_above
from robodl_envs.experts.policy import Move

TIP = 0.02  # m, from the tool's place when a finger touches the button to the button's middle
PRESS = 0.01  # m, how far below the goal the target goes


def press_button(state, robot):
    tool = state["tool"]
    to = state["desired"].copy()
    to[:, 2] += TIP - PRESS
    return Move(to=from_above(tool, to, 0.07))
