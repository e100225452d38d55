"""Reach: straight to the goal."""

from robodl_envs.experts.policy import Move


def reach(state, robot):
    return Move(to=state["desired"])
