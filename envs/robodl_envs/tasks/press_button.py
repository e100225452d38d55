"""PressButton: push a button down and hold it."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import distance
from robodl_envs.component import Field
from robodl_envs.free_body import RED
from robodl_envs.scene import FIXTURE
from robodl_envs.tasks.task import AWAY, Task, checked_length

HALF, HEIGHT = 0.04, 0.04  # m, half width and height of the box that it stands on
CAP, TALL = 0.02, 0.01  # m, radius and half height of the button
TRAVEL = 0.015  # m
STIFFNESS = 200.0  # N/m: 3 N when pressed
UP = np.array([0.0, 0.0, 1.0])
ARMATURE = 0.5  # kg; a stop that is felt by this mass, not by the button's, holds against an arm
GREY = (0.35, 0.37, 0.40, 1.0)


@dataclass(eq=False)
class PressButton(Task):
    """Press a button on a box and keep it pressed. The fingers are shut.

    A goal is the position of the button's middle, (N, 3), world frame, metres: all the way down. An episode starts
    with the box somewhere below the robot's workspace.
    """

    radius: float = 0.005  # m; closer than this is success

    def __post_init__(self):
        checked_length("radius", self.radius)

    def build(self, spec):
        box = spec.worldbody.add_body(name="box", mocap=True)
        size = [HALF, HALF, 0.5 * HEIGHT]
        box.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=[0, 0, 0.5 * HEIGHT], size=size, rgba=GREY, **FIXTURE)
        button = box.add_body(name="button", pos=[0, 0, HEIGHT + TRAVEL], gravcomp=1.0)
        button.add_joint(
            name="button",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, 0, -1],
            range=[0.0, TRAVEL],
            limited=True,
            stiffness=STIFFNESS,
            damping=5.0,
            armature=ARMATURE,
            solref_limit=[0.01, 1.0],
            solimp_limit=[0.99, 0.999, 0.001, 0.5, 2.0],
        )
        size = [CAP, TALL, 0]
        button.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=size, rgba=RED, mass=0.05, **FIXTURE)

    def bind(self, sim):
        self.box = sim.mocap_pos("box")
        joint = sim.joint("button")
        self.pressed, self.speed = joint.qpos, joint.qvel  # (N, 1), live

    def reset(self, ids, rng):
        (x0, y0), (x1, y1) = self.robot.table
        self.box[ids] = rng.uniform(ids, (x0, y0, 0.0), (x1, y1, 0.0))

    @property
    def button(self):
        """The button's middle, (N, 3), world frame."""
        return self.box + (HEIGHT + TRAVEL - self.pressed) * UP

    def observe(self):
        return [self.button - self.robot.tool, self.pressed, self.speed]

    def fields(self):
        return [
            Field("to_button", "m", *AWAY, "from the tool to the button, world frame"),
            Field("pressed", "m", [-0.005], [TRAVEL + 0.005], "how far the button is down"),
            Field("button_qvel", "m/s", [-1.0], [1.0], "the button's speed, downwards"),
        ]

    def achieved_goal(self):
        return self.button

    def desired_goal(self):
        return self.box + HEIGHT * UP

    def success(self, achieved, desired):
        """The button's middle is closer than `radius` to where it is when pressed all the way."""
        return distance(achieved, desired) < self.radius

    def potential(self, achieved, desired):
        """The button's distance to the goal and half the tool's distance to the button's top, m."""
        return distance(achieved, desired) + 0.5 * distance(self.robot.tool, self.button + TALL * UP)
