"""Slide: behind the puck, and push until it is as fast as it has to be to come to rest at the goal."""

import numpy as np

from robodl_envs.experts import Move
from robodl_envs.experts.ways import flat, from_above

FRICTION, GRAVITY = 0.05, 9.81  # as robodl_envs.tasks.slide says; m/s^2
RADIUS, FINGER = 0.03, 0.012  # m, of the puck; from the tool to the face of shut fingers
CONTROL_DT = 0.04  # s


def slide(state, robot):
    tool, puck, goal = state["tool"], state["achieved"], state["desired"]
    velocity = state["puck_qvel"][:, :3]
    way = goal - puck
    left = flat(way)  # (N,) m
    ahead = way / np.maximum(left, 1e-6)[:, None]
    ahead[:, 2] = 0.0
    low = puck[:, 2] + 0.002
    rel = tool - puck
    along = (rel * ahead).sum(axis=1)
    aside = flat(rel - along[:, None] * ahead)
    needed = np.sqrt(2.0 * FRICTION * GRAVITY * left)  # m/s
    speed = (velocity * ahead).sum(axis=1)
    done = speed > 0.1
    behind = puck - (RADIUS + FINGER + 0.05) * ahead
    behind[:, 2] = low
    ready = (along < -RADIUS) & (aside < 0.01) & (tool[:, 2] < low + 0.01)
    onward = tool + ahead * (needed * CONTROL_DT)[:, None] + state["lead"]
    onward[:, 2] = low
    to = np.where(ready[:, None], onward, from_above(tool, behind, 0.08))
    return Move(to=np.where((ready & (speed >= needed) | (done & ~ready))[:, None], tool, to))
