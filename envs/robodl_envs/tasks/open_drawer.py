"""OpenDrawer: hook a drawer's handle and pull."""

from dataclasses import dataclass

from robodl_envs.arrays import distance, namespace
from robodl_envs.component import Constant, Observable
from robodl_envs.free_body import GOAL_GREEN, tool_offset
from robodl_envs.scene import add_marker
from robodl_envs.tasks.fixtures import HANDLE_HEIGHT, HANDLE_STANDOFF, add_drawer
from robodl_envs.tasks.potentials import from_above
from robodl_envs.tasks.task import Task, goal_position, length


@dataclass(eq=False)
class OpenDrawer(Task):
    """Pull a drawer open by a given length. The fingers are shut: they hook the handle.

    A goal is the position of the handle's middle, (N, 3), world frame, metres. An episode starts with the drawer shut
    and its cabinet at the far side of the robot's workspace; the goal lies 30 to 70 % of the workspace's depth
    towards the robot.
    """

    radius: float = length(0.015)  # m; closer than this is success

    def build(self, spec):
        (x0, _), (x1, _) = self.robot.table
        self.depth = x1 - x0
        add_drawer(spec, travel=0.9 * self.depth)
        add_marker(spec, "goal", 0.008, GOAL_GREEN)

    def bind(self, sim):
        super().bind(sim)
        self.cabinet, joint = sim.mocap_pos("cabinet"), sim.joint("drawer")
        self.opened, self.qvel = joint.qpos, joint.qvel  # (N, 1), live
        self.forward, self.up_to_handle = sim.array([1.0, 0.0, 0.0]), sim.array([0.0, 0.0, HANDLE_HEIGHT])
        self.to_hook = 0.5 * HANDLE_STANDOFF * self.forward  # from the handle to where a finger hooks it

    def reset(self, ids, rng):
        (_, y0), (x1, y1) = self.robot.table
        foot = rng.uniform(ids, (x1 - 0.15 * self.depth, 0.5 * y0, 0.0), (x1 - 0.05 * self.depth, 0.5 * y1, 0.0))
        pull = rng.uniform(ids, 0.3, 0.7) * self.depth
        handle = namespace(pull).stack([-pull, 0.0 * pull, 0.0 * pull + HANDLE_HEIGHT], axis=1)  # from the foot
        self.cabinet[ids], self.goal[ids] = foot, foot + handle

    def observables(self):
        speed = Observable("drawer_qvel", "m/s", [-1.5], [1.5], "the drawer's speed, opening", lambda: self.qvel)
        return [tool_offset(self.robot, "handle", self.achieved_goal), speed]

    def goal_observables(self):
        return [goal_position(Constant((2,), "the drawer slides level", ("achieved_goal", "desired_goal")))]

    def achieved_goal(self):
        return self.cabinet + self.up_to_handle - self.opened * self.forward

    def potential(self, achieved, desired):
        """The handle's distance to the goal and half the tool's way, from above, to where it hooks the handle, m."""
        hook = self.achieved_goal() + self.to_hook
        return distance(achieved, desired) + 0.5 * from_above(hook - self.robot.tool, 0.04, 0.01, 0.03)
