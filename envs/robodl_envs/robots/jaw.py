"""The jaw of the SO-101: one finger stands fast, the other swings about a hinge and presses things against it.

Seen along the hinge, with the hand's y to the right and its z, which points ahead, downwards:

    fixed pad   |   o   the hinge, ACROSS from the fixed pad's face
                |  /
                | /     the moving pad, parallel to the fixed one at the angle PARALLEL
                |/_     the gap is measured here, AHEAD of the hinge, where the tool is

What is held lies against the fixed pad: its middle is half its width from there, not in the middle of the open jaw.
"""

import mujoco
import numpy as np

from robodl_envs.arrays import namespace
from robodl_envs.component import Observable
from robodl_envs.robots.gripper import PAD, Gripper
from robodl_envs.scene import NO_CONTACT

# The hinged body: numbers of so101.py's source, its place in the frame of our hand.
HINGE, HINGE_QUAT = (0.0188, 0.0117, 0.0234), (0.5, -0.5, -0.5, 0.5)
MASS, COM = 0.012, (-0.00157495, -0.0300244, 0.0192755)
INERTIA, INERTIA_QUAT = (6.636e-06, 5.291e-06, 1.865e-06), (0.695265041, 0.717965037, -0.0245618, -0.023009699)
SHUT, LAST = -0.174532978, 1.7453292  # rad, the hinge's range
TORQUE = 3.35  # N m: 45 N at the tool
ARMATURE, DAMPING = 0.028, 0.6  # kg m^2, N m s/rad

# The pads are ours, flat and slim enough to go down beside things; the real jaws' faces lie within 3 mm of theirs.
FACE = -0.020  # m, y of the fixed pad's face: 5 mm beside a cube of 30 mm in the middle of the hand
WIDTH = 0.030  # m, of what the pads are parallel around: the edge of the cubes that the arm is for
THICK, LONG, BROAD = 0.004, 0.022, 0.008  # m, half sizes of a pad: across the jaw, ahead, and along the hinge
TOOL, TIP = 0.0981, 0.1044  # m, z of the tool and of the tips; the source's gripperframe and where its meshes end
ACROSS, AHEAD = HINGE[1] - FACE, TOOL - HINGE[2]  # m
ASIDE = WIDTH - ACROSS  # m, from the hinge to the plane of the moving pad's face
PARALLEL = 0.2058  # rad: the gap is zero at SHUT

STIFFNESS = 50.0  # N m/rad, ours: the command runs 4 degrees ahead of a jaw that presses with full force
REACH = TORQUE / STIFFNESS  # rad
SPEED = 1.5  # rad/s of the target, ours; the jaw follows at 0.93 (measured), a fifth of what the servo does
WIDEST = 0.06  # m, ours: the real jaw opens further, and then sweeps away what is near

PLASTIC = (0.96, 0.62, 0.13, 1.0)


def gap(angle):
    """The gap at the tool's height, m, with the hinge at an angle, rad."""
    turn, xp = angle - PARALLEL, namespace(angle)
    return ACROSS + ASIDE / xp.cos(turn) + AHEAD * xp.tan(turn)


def angle_of(width):
    """The hinge's angle, rad, at which the gap at the tool's height is a width, m."""
    away = width - ACROSS
    return PARALLEL + np.arccos(ASIDE / np.hypot(away, AHEAD)) - np.arctan2(AHEAD, away)


OPEN = float(angle_of(WIDEST))  # rad


class JawGripper(Gripper):
    """A fixed finger and a hinged one, which opens towards the hand's +y."""

    parallel = False
    widest = WIDEST
    shut, open, ahead, speed = SHUT, OPEN, REACH, SPEED  # rad, rad/s

    def build(self, spec):
        hand = spec.body(self.robot.hand)
        add_box(hand, [0, FACE - THICK, TIP - LONG], [BROAD, THICK, LONG], PAD)
        quat = np.array(HINGE_QUAT)
        if not self.robot.gripper:
            mujoco.mju_mulQuat(quat, HINGE_QUAT, turned(SHUT))
        jaw = hand.add_body(
            name="jaw",
            pos=HINGE,
            quat=quat,
            mass=MASS,
            ipos=COM,
            iquat=INERTIA_QUAT,
            inertia=INERTIA,
            explicitinertial=True,
            gravcomp=1.0,
        )
        # The jaw's x axis is the hand's y, its y axis points back.
        inner = ASIDE + THICK
        if self.robot.gripper:
            add_box(jaw, swung(inner, -(TIP - HINGE[2] - LONG)), [THICK, LONG, BROAD], PAD, -PARALLEL)
        else:  # flush with the fixed one: a face that leans over what it pushes presses it into the table
            add_box(hand, [0, FACE + THICK, TIP - LONG], [BROAD, THICK, LONG], PAD)
        add_box(jaw, swung(inner + 0.003, -0.015), [0.009, 0.026, 0.014], NO_CONTACT, -PARALLEL)
        if self.robot.gripper:
            add_drive(spec, jaw)

    def bind(self, sim):
        super().bind(sim)
        if self.robot.gripper:
            first, dof = sim.model.joint("jaw").qposadr[0], self.robot.dof
            self.qpos = sim.qpos[:, first : first + 1]  # (N, 1), live
            self.ctrl = sim.ctrl[:, dof : dof + 1]

    @property
    def opening(self):
        """The gap between the pads at the tool's height, (N,) m."""
        return gap(self.qpos[:, 0])

    def joint_at(self, width):
        """What is held lies against the fixed pad."""
        return angle_of(width)

    def observables(self):
        if not self.robot.gripper:
            return []
        meaning, widest = "gap between the pads at the tool's height", [WIDEST + 0.02]
        return [
            Observable("jaw", "rad", [SHUT - 0.1], [OPEN + 0.2], "the hinge's angle", lambda: self.qpos, True),
            Observable("opening", "m", [-0.01], widest, meaning, lambda: self.opening[:, None], True),
        ]


def swung(x, y):
    """A point of the jaw as it lies at PARALLEL, in the jaw's own frame, m: in the middle of the hinge's length."""
    c, s = np.cos(PARALLEL), np.sin(PARALLEL)
    return [c * x + s * y, c * y - s * x, HINGE[0]]


def turned(angle):
    """The quaternion of a turn about z."""
    return np.array([np.cos(0.5 * angle), 0.0, 0.0, np.sin(0.5 * angle)])


def add_box(body, pos, half, contact, angle=0.0) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, quat=turned(angle), size=half, rgba=PLASTIC, mass=0.0, **contact
    )


def add_drive(spec, jaw) -> None:
    jaw.add_joint(
        name="jaw",
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=[0, 0, 1],
        range=[SHUT, LAST],
        limited=True,
        armature=ARMATURE,
        damping=DAMPING,
    )
    actuator = spec.add_actuator(
        name="jaw",
        target="jaw",
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        ctrllimited=True,
        ctrlrange=[SHUT - REACH, OPEN + REACH],
        forcelimited=True,
        forcerange=[-TORQUE, TORQUE],
    )
    actuator.set_to_position(kp=STIFFNESS, kv=2.0 * np.sqrt(STIFFNESS * ARMATURE) - DAMPING)
