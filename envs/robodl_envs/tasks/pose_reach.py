"""PoseReach: bring the tool to a position and an orientation."""

from dataclasses import dataclass

from robodl_envs.arrays import concat, quat_mul
from robodl_envs.tasks.poses import add_axes, pose_errors, pose_observables, random_rotation
from robodl_envs.tasks.task import Task, bounded, length


@dataclass(eq=False)
class PoseReach(Task):
    """Bring the tool to a position and an orientation.

    A goal is the tool's position, metres, and its rotation from pointing straight down, a unit quaternion with w > 0:
    (N, 7), world frame. An episode starts with the position drawn uniformly from the robot's workspace and a rotation
    of up to `tilt` about a random axis.
    """

    rotation = True
    saved = ("goal_rotation",)

    radius: float = length(0.02)  # m; closer than this,
    angle: float = bounded(0.1, 0.0, 1.5, "rad")  # rad; and rotated less than this from the goal, is success
    tilt: float = bounded(0.6, 0.0, 1.5, "rad")  # rad, the greatest rotation of a goal

    def build(self, spec):
        add_axes(spec, "goal")

    def bind(self, sim):
        super().bind(sim)
        self.goal_quat = sim.mocap_quat("goal")
        self.goal_rotation = sim.zeros(4) + sim.array([1.0, 0.0, 0.0, 0.0])  # from pointing down to the goal

    def reset(self, ids, rng):
        self.goal[ids] = rng.uniform(ids, *self.robot.workspace)
        rotation = random_rotation(ids, rng, self.tilt)
        self.goal_rotation[ids], self.goal_quat[ids] = rotation, quat_mul(rotation, self.robot.home_quat)

    def goal_observables(self):
        return pose_observables()

    def achieved_goal(self):
        return concat([self.robot.tool, self.robot.tool_rotation])

    def desired_goal(self):
        return concat([self.goal, self.goal_rotation])

    def reward(self, achieved, desired):
        """Minus the distance to the goal's position, m, and minus 0.1 m for each radian that is left to rotate."""
        distance, angle = pose_errors(achieved, desired)
        return -distance - 0.1 * angle

    def success(self, achieved, desired):
        """The tool is closer than `radius` to the goal's position, with less than `angle` left to rotate."""
        distance, angle = pose_errors(achieved, desired)
        return (distance < self.radius) & (angle < self.angle)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)
