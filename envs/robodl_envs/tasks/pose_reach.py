"""PoseReach: bring the tool to a place and turn it to a given orientation."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import distance, quat_conjugate, quat_mul, rotation_angle, rotvec_to_quat
from robodl_envs.component import Field
from robodl_envs.scene import NO_CONTACT
from robodl_envs.tasks.task import NEAR, Task, checked_length

LENGTH = 0.06  # m, of the marker's arms
COLORS = ((0.9, 0.2, 0.2, 1.0), (0.2, 0.8, 0.3, 1.0), (0.2, 0.4, 0.95, 1.0))  # of the goal's x, y and z axis


@dataclass(eq=False)
class PoseReach(Task):
    """Bring the tool to a position and an orientation.

    A goal is the tool's position, metres, and its turn from pointing straight down, a unit quaternion with w > 0:
    (N, 7), world frame. An episode starts with the position drawn uniformly from the robot's workspace and a turn
    of up to `tilt` about a random axis.
    """

    rotation = True

    radius: float = 0.02  # m; closer than this
    angle: float = 0.1  # rad; and turned less than this is success
    tilt: float = 0.6  # rad, the most that a goal is turned

    METRES_A_RADIAN = 0.1  # what an angle counts as in the dense reward

    def __post_init__(self):
        checked_length("radius", self.radius)
        for name in ("angle", "tilt"):
            if not 0.0 < getattr(self, name) < 1.5:
                raise ValueError(f"{name} must be more than 0 and less than 1.5 rad, got {getattr(self, name)} rad")

    def build(self, spec):
        body = spec.worldbody.add_body(name="goal", mocap=True)
        for axis, rgba in zip(np.eye(3), COLORS, strict=True):
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[0, 0, 0, *(LENGTH * axis)],
                size=[0.006, 0, 0],
                rgba=rgba,
                **NO_CONTACT,
            )

    def bind(self, sim):
        self.goal, self.goal_quat = sim.mocap_pos("goal"), sim.mocap_quat("goal")
        back = np.broadcast_to(quat_conjugate(self.robot.home_quat), (4, 4))
        self.from_home = quat_mul(np.eye(4), back).T  # takes the tool's quaternion to its turn
        self.turn = np.tile([1.0, 0.0, 0.0, 0.0], (sim.num, 1))  # from pointing down to the goal

    saved = ("turn",)

    def reset(self, ids, rng):
        self.goal[ids] = rng.uniform(ids, *self.robot.workspace)
        axis = rng.normal(ids, np.zeros(3), 1.0)
        axis /= np.sqrt((axis**2).sum(axis=1, keepdims=True))
        self.turn[ids] = rotvec_to_quat(axis * rng.uniform(ids, 0.0, self.tilt)[:, None])
        self.goal_quat[ids] = quat_mul(self.turn[ids], np.broadcast_to(self.robot.home_quat, (len(ids), 4)))

    def goal_fields(self):
        return [
            Field("position", "m", *NEAR, "the tool's position, world frame"),
            Field("turn", "1", [0.0, -1.0, -1.0, -1.0], [1.0] * 4, "its turn from pointing straight down, world frame"),
        ]

    def achieved_goal(self):
        turn = (self.from_home @ self.robot.tool_quat[:, :, None])[:, :, 0]
        return np.concatenate([self.robot.tool, np.where(turn[:, :1] < 0.0, -turn, turn)], axis=1)

    def desired_goal(self):
        return np.concatenate([self.goal, self.turn], axis=1)

    def reward(self, achieved, desired):
        """Minus the distance to the goal's position, m, and minus 0.1 m for each radian that is left to turn."""
        turn = rotation_angle(achieved[..., 3:], desired[..., 3:])
        return -distance(achieved[..., :3], desired[..., :3]) - self.METRES_A_RADIAN * turn

    def success(self, achieved, desired):
        """The tool is closer than `radius` to the goal's position, with less than `angle` left to turn."""
        near = distance(achieved[..., :3], desired[..., :3]) < self.radius
        return near & (rotation_angle(achieved[..., 3:], desired[..., 3:]) < self.angle)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)
