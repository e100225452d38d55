"""Push: bring a cube to a point of the table with the fingers shut."""

from dataclasses import dataclass

from robodl_envs.arrays import clip, distance
from robodl_envs.free_body import GOAL_GREEN
from robodl_envs.scene import add_marker
from robodl_envs.tasks.potentials import way_behind
from robodl_envs.tasks.task import GOAL_ON_TABLE, MIN_DISTANCE, Task, goal_position, length, turned_by

REST_HEIGHT = 0.1  # m above the cube, where a tool is out of its way


@dataclass(eq=False)
class Push(Task):
    """Push a cube to a point of the table. The fingers are shut.

    A goal is the cube's position, (N, 3), world frame, metres. An episode starts with the cube somewhere below the
    robot's workspace and the goal at least 10 cm from it.
    """

    radius: float = length(0.05)  # m; closer than this is success, as in Gymnasium-Robotics' FetchPush
    yaw: float = turned_by()  # rad, the most that the cube is turned at the start

    def build(self, spec):
        self.cube = self.add_cube(spec, "cube")
        add_marker(spec, "goal", 0.015, GOAL_GREEN)

    def bind(self, sim):
        super().bind(sim)
        self.to_rest = sim.array([0.0, 0.0, REST_HEIGHT])

    def reset(self, ids, rng):
        margin = 1.25 * self.robot.cube  # the tool must get behind the cube
        low, high = self.on_table(0.5 * self.robot.cube, margin)
        start = rng.uniform(ids, low, high)
        self.place_turned(self.cube, ids, start, rng)
        self.goal[ids] = rng.uniform_apart(ids, low, high, start, MIN_DISTANCE)

    def goal_observables(self):
        return [goal_position(GOAL_ON_TABLE)]

    def achieved_goal(self):
        return self.cube.pos

    def potential(self, achieved, desired):
        """The cube's distance to the goal, the last 10 cm twice, and 0.3 of the tool's way to push it, and to rest, m.

        Of a cube that is within 12 cm of the goal the way to push it counts less, and within 2 cm no more: there it may
        stay, and the tool is to rest 10 cm above it.
        """
        tool, cube = self.robot.tool, self.cube.pos
        left = distance(achieved, desired)
        push = way_behind(tool, cube, desired, 0.5 * self.robot.cube, 0.018) * clip((left - 0.02) / 0.1, 0.0, 1.0)
        there = 1.0 - clip((left - 0.02) / 0.02, 0.0, 1.0)  # 1 within 2 cm of the goal, 0 beyond 4 cm
        rest = REST_HEIGHT + there * (distance(tool, cube + self.to_rest) - REST_HEIGHT)
        return left + clip(left, 0.0, 0.1) + 0.3 * (push + rest)
