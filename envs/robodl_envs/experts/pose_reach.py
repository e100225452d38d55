"""PoseReach: straight to the goal, turning on the way."""

from robodl_envs.arrays import conjugate, quat_product, turn_of_quat
from robodl_envs.experts.policy import Move


def pose_reach(state, robot):
    achieved, desired = state["achieved"], state["desired"]
    turn = turn_of_quat(quat_product(desired[:, 3:], conjugate(achieved[:, 3:])))
    return Move(to=desired[:, :3], turn=turn)
