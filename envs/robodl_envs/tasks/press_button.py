"""PressButton: push a button down and hold it."""

from dataclasses import dataclass

from robodl_envs.arrays import distance
from robodl_envs.component import Constant, Observable
from robodl_envs.free_body import tool_offset
from robodl_envs.tasks.fixtures import BUTTON_BOX_HEIGHT, CAP_HALF_HEIGHT, TRAVEL, add_push_button
from robodl_envs.tasks.task import Task, goal_position, length


@dataclass(eq=False)
class PressButton(Task):
    """Press a button on a box and keep it pressed. The fingers are shut.

    A goal is the position of the button's middle, (N, 3), world frame, metres: all the way down. An episode starts
    with the box somewhere below the robot's workspace.
    """

    radius: float = length(0.005)  # m; closer than this is success

    def build(self, spec):
        add_push_button(spec)

    def bind(self, sim):
        self.box, self.up = sim.mocap_pos("box"), sim.array([0.0, 0.0, 1.0])
        joint = sim.joint("button")
        self.pressed, self.qvel = joint.qpos, joint.qvel  # (N, 1), live

    def reset(self, ids, rng):
        self.box[ids] = rng.uniform(ids, *self.on_table(0.0))

    def observables(self):
        down, speed = "how far the button is down", "the button's speed, downwards"
        return [
            tool_offset(self.robot, "button", self.achieved_goal),
            Observable("pressed", "m", [-0.005], [TRAVEL + 0.005], down, lambda: self.pressed),
            Observable("button_qvel", "m/s", [-1.0], [1.0], speed, lambda: self.qvel),
        ]

    def goal_observables(self):
        return [goal_position(Constant((2,), "the box stands on the table"))]

    def achieved_goal(self):
        return self.box + (BUTTON_BOX_HEIGHT + TRAVEL - self.pressed) * self.up

    def desired_goal(self):
        return self.box + BUTTON_BOX_HEIGHT * self.up

    def potential(self, achieved, desired):
        """The button's distance to the goal and half the tool's distance to the button's top, m."""
        top = self.achieved_goal() + CAP_HALF_HEIGHT * self.up
        return distance(achieved, desired) + 0.5 * distance(self.robot.tool, top)
