"""PickAndPlace: bring a cube to a point on the table or above it."""

from dataclasses import dataclass

from robodl_envs.arrays import distance, namespace
from robodl_envs.free_body import GOAL_GREEN
from robodl_envs.scene import add_marker
from robodl_envs.tasks.potentials import grasping
from robodl_envs.tasks.task import MIN_DISTANCE, Task, bounded, length, turned_by


@dataclass(eq=False)
class PickAndPlace(Task):
    """Grasp a cube and bring it to a point, half of the time in the air.

    A goal is the cube's position, (N, 3), world frame, metres. An episode starts with the cube somewhere below the
    robot's workspace and the goal at least 10 cm from it, up to `height` above the table.
    """

    gripper = True

    radius: float = length(0.05)  # m; closer than this is success, as in Gymnasium-Robotics' FetchPickAndPlace
    in_the_air: float = bounded(0.5, 0.0, 1.0, closed=True)  # share of the goals
    height: float = length(0.20)  # m, of the cube's middle, the most; less where the robot's workspace ends earlier
    yaw: float = turned_by()  # rad, the most that the cube is turned at the start

    def build(self, spec):
        self.cube = self.add_cube(spec, "cube")
        add_marker(spec, "goal", 0.015, GOAL_GREEN)

    def reset(self, ids, rng):
        z = 0.5 * self.robot.cube
        low, high = self.on_table(z)
        start = rng.uniform(ids, low, high)
        self.place_turned(self.cube, ids, start, rng)
        self.goal[ids] = rng.uniform_apart(ids, low, high, start, MIN_DISTANCE)
        top = max(z, min(self.height, self.robot.workspace[1][2]))
        in_the_air, height = rng.uniform(ids) < self.in_the_air, rng.uniform(ids, z, top)
        self.goal[ids, 2] = namespace(height).where(in_the_air, height, z)

    def achieved_goal(self):
        return self.cube.pos

    def potential(self, achieved, desired):
        """The cube's distance to the goal and what is left to do to hold it, m."""
        return distance(achieved, desired) + grasping(self.robot, self.cube.pos, self.robot.cube)
