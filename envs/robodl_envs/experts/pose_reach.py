"""PoseReach: straight to the goal, rotating on the way."""

from robodl_envs.arrays import quat_conjugate, quat_mul, quat_to_rotvec
from robodl_envs.experts.policy import Move


def pose_reach(state, robot):
    achieved, desired = state["achieved"], state["desired"]
    rotation = quat_to_rotvec(quat_mul(desired[:, 3:], quat_conjugate(achieved[:, 3:])))
    return Move(to=desired[:, :3], rotation=rotation)
