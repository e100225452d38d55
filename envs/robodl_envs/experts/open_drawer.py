"""OpenDrawer: a finger down behind the handle, and back."""

import numpy as np

from robodl_envs.experts.motions import from_above
from robodl_envs.experts.policy import Move

BEHIND = 0.022  # m, from the handle to where the finger goes down


def open_drawer(state, robot):
    tool = state["tool"]
    handle = tool + state["to_handle"]
    hook = handle.copy()
    hook[:, 0] += BEHIND
    at = tool - handle
    hooked = (at[:, 0] > 0.005) & (at[:, 0] < 0.04) & (np.abs(at[:, 1]) < 0.03) & (at[:, 2] < 0.006)
    left = state["desired"] - handle  # (N, 3)
    pull = hook + np.clip(0.6 * left, -0.04, 0.04)
    pull[:, 0] = np.minimum(pull[:, 0], tool[:, 0] + np.clip(0.6 * left[:, 0], -0.04, 0.04))
    pull[:, 1] = handle[:, 1]
    pull[:, 2] = handle[:, 2]
    return Move(to=np.where(hooked[:, None], pull, from_above(tool, hook, 0.06)))
