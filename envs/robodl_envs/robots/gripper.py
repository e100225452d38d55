"""Grippers, and a parallel one with the Franka Hand's stroke, force and speed, for any arm.

Both fingers get one command, so that the servos' stiffness pushes a held object back to the middle, as the real hand's
coupled fingers do, without an equality constraint for the solver.
"""

from typing import Any, ClassVar

import mujoco
import numpy as np

from robodl_envs.arrays import Array, clip
from robodl_envs.component import Actuated, Observable
from robodl_envs.robots.servo import add_actuator
from robodl_envs.scene import OBJECT_BIT, ROBOT_BIT

STROKE = 0.04  # m a finger; Franka Hand: 0.08 m together
FORCE = 70.0  # N, Franka Hand: continuous grasping force
SPEED = 0.05  # m/s a finger, Franka Hand
STIFFNESS = 2000.0  # N/m, ours: the command runs 35 mm ahead of a finger that presses with full force
FINGER_MASS = 0.015  # kg a finger; MuJoCo Menagerie, franka_emika_panda
ARMATURE = 0.1  # kg, the drive's inertia felt at a finger; ibid.
FINGER_INERTIA = (2.375e-6, 2.375e-6, 7.5e-7)  # kg m^2; ibid.
MAX_OFFSET = FORCE / STIFFNESS  # m
DAMPING = 2.0 * np.sqrt(STIFFNESS * (FINGER_MASS + ARMATURE))  # N s/m, critical
FINGERTIPS = (0.0, 0.0, 0.1034)  # m, hand frame, Franka: between the fingertips
FINGER_IN_HAND = 0.0584  # m along the hand's z; ibid.
PAD: dict[str, Any] = {"contype": ROBOT_BIT, "conaffinity": OBJECT_BIT, "condim": 4, "priority": 1}
PAD |= {"friction": [1.0, 0.02, 0.0001]}  # rubber on plastic: sliding 1; torsion resists a turn about the fingers
# Stiffer than MuJoCo's defaults, which let 70 N sink the pads 4.6 mm into a 0.1 kg cube; these, 0.3 mm.
PAD |= {"solref": [0.005, 1.0], "solimp": [0.98, 0.995, 0.0005, 0.5, 2.0]}
PENETRATION = 0.0003  # m, by which each pad sinks into a cube that is held


class Gripper(Actuated):
    """Fingers whose drives share one command: 1 is open, -1 shut with full force.

    The command stays within `max_offset` of the drives: that limits the force, and the command does not wind up. Where
    the robot's `gripper` is False, the fingers are locked shut: no joints, no action, nothing observed. Subclasses set
    the constants, add joints and their servos, and compute `opening` and `joint_at`.
    """

    saved = ("command",)
    joints: ClassVar[tuple[str, ...]] = ()  # names of the drives' joints, whose servos follow the arm's
    parallel: ClassVar[bool]  # whether the fingers stay parallel
    widest: ClassVar[float]  # m, the gap between the open fingers
    shut: ClassVar[float]  # joint position where the fingers touch, m or rad
    open: ClassVar[float]  # joint position where they are open
    max_offset: ClassVar[float]  # from the joint to a command of full force
    speed: ClassVar[float]  # of the command, m/s or rad/s

    def __init__(self, robot):
        self.robot = robot
        self.size = 1 if robot.gripper else 0

    def bind(self, sim):
        self.command = sim.zeros(1)  # last command of the drives
        self.step = self.speed * self.robot.update_dt
        if self.robot.gripper and self.joints:
            first, dof, k = sim.model.joint(self.joints[0]).qposadr[0], self.robot.dof, len(self.joints)
            self.qpos, self.ctrl = sim.qpos[:, first : first + k], sim.ctrl[:, dof : dof + k]  # (N, k), live

    def reset(self, ids, rng):
        if self.robot.gripper:
            self.qpos[ids] = self.ctrl[ids] = self.command[ids] = self.open

    @property
    def opening(self) -> Array:
        """The gap between the fingers, (N,) m."""
        raise NotImplementedError

    def joint_at(self, width: float) -> float:
        """The joint position at which the gap is a width, m."""
        raise NotImplementedError

    def hold(self, ids, width):
        """Set the fingers of rows ids shut around an object of a width, m, with full force."""
        # Start with slight penetration: exact contact is ill-conditioned and ejects the object.
        at = self.joint_at(width - 2.0 * PENETRATION)
        self.qpos[ids] = at
        self.ctrl[ids] = self.command[ids] = at - self.max_offset

    def act(self, action):
        """Move the command at the drives' speed towards that of the action, (N, 1)."""
        at = self.qpos.mean(axis=1, keepdims=True)
        closed = self.shut - self.max_offset
        goal = 0.5 * (self.open + closed + (self.open - closed) * action)
        command = clip(goal, self.command - self.step, self.command + self.step)
        clip(command, at - self.max_offset, at + self.max_offset, out=self.command)
        self.ctrl[:] = self.command


class ParallelGripper(Gripper):
    """Two fingers that open along the y axis of the robot's hand."""

    parallel = True
    joints = ("left_finger", "right_finger")
    widest = 2.0 * STROKE
    shut, open, max_offset, speed = 0.0, STROKE, MAX_OFFSET, SPEED  # m, m/s

    def build(self, spec):
        box, slide = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtJoint.mjJNT_SLIDE
        inertial = {"mass": FINGER_MASS, "inertia": FINGER_INERTIA, "explicitinertial": True, "gravcomp": 1.0}
        for name, quat in zip(self.joints, ([1, 0, 0, 0], [0, 0, 0, 1]), strict=True):
            hand = spec.body(self.robot.hand)
            finger = hand.add_body(name=name, pos=[0, 0, FINGER_IN_HAND], quat=quat, **inertial)
            # The pad's face lies at y = 0 of a shut finger: two shut fingers touch.
            finger.add_geom(type=box, pos=[0, 0.0075, 0.0275], size=[0.0105, 0.0075, 0.0275], mass=0.0, **PAD)
            if self.robot.gripper:
                stroke = {"axis": [0, 1, 0], "range": [0, STROKE], "limited": True}
                finger.add_joint(name=name, type=slide, armature=ARMATURE, **stroke)
                add_actuator(spec, name, [-MAX_OFFSET, STROKE + MAX_OFFSET], FORCE, STIFFNESS, DAMPING)

    @property
    def opening(self):
        return self.qpos[:, 0] + self.qpos[:, 1]

    def joint_at(self, width):
        return 0.5 * width

    def observables(self):
        if not self.robot.gripper:
            return []
        # A hand pressed on something bends the fingers beyond their stops.
        low, high, widest = [-0.01] * 2, [STROKE + 0.01] * 2, [2.0 * STROKE + 0.02]
        return [
            Observable("fingers", "m", low, high, "each finger's distance from the middle", lambda: self.qpos, True),
            Observable("opening", "m", [-0.02], widest, "gap between the fingers", lambda: self.opening[:, None], True),
        ]
