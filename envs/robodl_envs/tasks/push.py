"""Push: bring a cube to a point of the table with the fingers shut."""

import math
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
        """The cube's distance to the goal, its rise, the tool's way to push it and to rest, and how far it presses, m.

        The last 10 cm of the distance count twice, and thrice what the cube is raised: pushed too low it turns over, or
        flies off. Of the tool's way 0.3 counts. Of a cube that is within 12 cm of the goal the way to push it counts
        less, and within 2 cm no more: there it may stay, and the tool is to rest 10 cm above it. The tool's target is
        to be no lower than a cube's middle: a tool that presses on the table stands until its target has risen.
        """
        tool, cube, half = self.robot.tool, self.cube.pos, 0.5 * self.robot.cube
        left = distance(achieved, desired)
        push = way_behind(tool, cube, desired, half, 0.018) * clip((left - 0.02) / 0.1, 0.0, 1.0)
        there = 1.0 - clip((left - 0.02) / 0.02, 0.0, 1.0)  # 1 within 2 cm of the goal, 0 beyond 4 cm
        rest = REST_HEIGHT + there * (distance(tool, cube + self.to_rest) - REST_HEIGHT)
        target = tool + self.robot.controller.position_offset()
        pressing = clip(half - target[:, 2], 0.0, math.inf)
        raised = abs(achieved[:, 2] - desired[:, 2])
        return left + clip(left, 0.0, 0.1) + 3.0 * raised + 0.3 * (push + rest) + pressing
