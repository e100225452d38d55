"""OpenDrawer: a finger down behind the handle, and back."""

from robodl_envs.arrays import clip, copy, namespace
from robodl_envs.experts.motions import from_above
from robodl_envs.experts.policy import Move

BEHIND_HANDLE = 0.022  # m, from the handle to where the finger goes down


def open_drawer(state, robot):
    tool = state["tool"]
    xp, handle = namespace(tool), tool + state["to_handle"]
    hook = copy(handle)
    hook[:, 0] += BEHIND_HANDLE
    at = tool - handle
    hooked = (at[:, 0] > 0.005) & (at[:, 0] < 0.04) & (abs(at[:, 1]) < 0.03) & (at[:, 2] < 0.006)
    remaining = state["desired"] - handle  # (N, 3)
    pull = hook + clip(0.6 * remaining, -0.04, 0.04)
    pull[:, 0] = xp.minimum(pull[:, 0], tool[:, 0] + clip(0.6 * remaining[:, 0], -0.04, 0.04))
    pull[:, 1] = handle[:, 1]
    pull[:, 2] = handle[:, 2]
    return Move(to=xp.where(hooked[:, None], pull, from_above(tool, hook, 0.06)))
