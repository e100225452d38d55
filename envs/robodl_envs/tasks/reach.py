"""Reach: the first task, and the pattern for new ones."""

from dataclasses import dataclass

from robodl_envs.scene import add_marker
from robodl_envs.tasks.task import Task, length


@dataclass(eq=False)
class Reach(Task):
    """Bring the tool to a point in space.

    A goal is a position, (N, 3), world frame, metres. An episode starts with the goal drawn uniformly from the
    robot's workspace; it ends only by the time limit.
    """

    radius: float = length(0.02)  # m; closer than this is success

    def build(self, spec):
        add_marker(spec, "goal", radius=self.radius)  # bound as self.goal, (N, 3), live: writing moves the marker

    def reset(self, ids, rng):
        self.goal[ids] = rng.uniform(ids, *self.robot.workspace)

    def achieved_goal(self):
        return self.robot.tool
