"""PoseReach: bring the tool to a position and an orientation."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import (
    concat,
    distance,
    namespace,
    quat_conjugate,
    quat_mul,
    rotation_angle,
    rotvec_to_quat,
)
from robodl_envs.component import Observable
from robodl_envs.scene import NO_CONTACT, POSITION_BOUNDS
from robodl_envs.tasks.task import Task, bounded, length

LENGTH = 0.06  # m, of the marker's arms
COLORS = ((0.9, 0.2, 0.2, 1.0), (0.2, 0.8, 0.3, 1.0), (0.2, 0.4, 0.95, 1.0))  # of the goal's x, y and z axis


@dataclass(eq=False)
class PoseReach(Task):
    """Bring the tool to a position and an orientation.

    A goal is the tool's position, metres, and its rotation from pointing straight down, a unit quaternion with w > 0:
    (N, 7), world frame. An episode starts with the position drawn uniformly from the robot's workspace and a rotation
    of up to `tilt` about a random axis.
    """

    rotation = True

    radius: float = length(0.02)  # m; closer than this,
    angle: float = bounded(0.1, 0.0, 1.5, "rad")  # rad; and rotated less than this from the goal, is success
    tilt: float = bounded(0.6, 0.0, 1.5, "rad")  # rad, the greatest rotation of a goal

    METRES_A_RADIAN = 0.1  # what an angle counts as in the dense reward

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
        # Takes the tool's quaternion to its rotation from pointing down.
        self.from_home = quat_mul(sim.array(np.eye(4)), quat_conjugate(self.robot.home_quat)).T
        self.goal_rotation = sim.zeros(4)  # quaternion, from pointing down to the goal
        self.goal_rotation[:, 0] = 1.0

    saved = ("goal_rotation",)

    def reset(self, ids, rng):
        self.goal[ids] = rng.uniform(ids, *self.robot.workspace)
        axis = rng.normal(ids, [0.0] * 3, 1.0)
        axis /= namespace(axis).sqrt((axis**2).sum(axis=1, keepdims=True))
        rotation = rotvec_to_quat(axis * rng.uniform(ids, 0.0, self.tilt)[:, None])
        self.goal_rotation[ids], self.goal_quat[ids] = rotation, quat_mul(rotation, self.robot.home_quat)

    def goal_observables(self):
        low, meaning = [0.0, -1.0, -1.0, -1.0], "its rotation from pointing straight down, world frame"
        return [
            Observable("position", "m", *POSITION_BOUNDS, "the tool's position, world frame"),
            Observable("rotation", "1", low, [1.0] * 4, meaning),
        ]

    def achieved_goal(self):
        rotation = (self.from_home @ self.robot.tool_quat[:, :, None])[:, :, 0]
        upper = namespace(rotation).where(rotation[:, :1] < 0.0, -rotation, rotation)
        return concat([self.robot.tool, upper])

    def desired_goal(self):
        return concat([self.goal, self.goal_rotation])

    def reward(self, achieved, desired):
        """Minus the distance to the goal's position, m, and minus 0.1 m for each radian that is left to rotate."""
        angle = rotation_angle(achieved[..., 3:], desired[..., 3:])
        return -distance(achieved[..., :3], desired[..., :3]) - self.METRES_A_RADIAN * angle

    def success(self, achieved, desired):
        """The tool is closer than `radius` to the goal's position, with less than `angle` left to rotate."""
        near = distance(achieved[..., :3], desired[..., :3]) < self.radius
        return near & (rotation_angle(achieved[..., 3:], desired[..., 3:]) < self.angle)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)
