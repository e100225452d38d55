"""PressButton: push a button down and hold it."""

from dataclasses import dataclass

from robodl_envs.arrays import distance
from robodl_envs.component import Observable
from robodl_envs.scene import OFFSET_BOUNDS
from robodl_envs.tasks.fixtures import BUTTON_BOX_HEIGHT, CAP_HALF_HEIGHT, TRAVEL, add_push_button
from robodl_envs.tasks.task import Task, length


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
        offset, down = "from the tool to the button, world frame", "how far the button is down"
        speed = "the button's speed, downwards"
        return [
            Observable("to_button", "m", *OFFSET_BOUNDS, offset, lambda: self.achieved_goal() - self.robot.tool),
            Observable("pressed", "m", [-0.005], [TRAVEL + 0.005], down, lambda: self.pressed),
            Observable("button_qvel", "m/s", [-1.0], [1.0], speed, lambda: self.qvel),
        ]

    def achieved_goal(self):
        return self.box + (BUTTON_BOX_HEIGHT + TRAVEL - self.pressed) * self.up

    def desired_goal(self):
        return self.box + BUTTON_BOX_HEIGHT * self.up

    def potential(self, achieved, desired):
        """The button's distance to the goal and half the tool's distance to the button's top, m."""
        top = self.achieved_goal() + CAP_HALF_HEIGHT * self.up
        return distance(achieved, desired) + 0.5 * distance(self.robot.tool, top)
