"""The jaw of the SO-101: one finger is fixed, the other swings about a hinge and presses objects against it.

Seen along the hinge, with the hand's y to the right and its z, which points ahead, downwards:

    fixed pad   |   o   the hinge, HINGE_TO_FIXED_PAD from the fixed pad's face
                |  /
                | /     the moving pad, parallel to the fixed one at the angle PARALLEL_ANGLE
                |/_     the gap is measured here, HINGE_TO_TOOL ahead of the hinge, where the tool is

A held object lies against the fixed pad: its middle is half its width from there, not in the middle of the open jaw.
"""

import mujoco
import numpy as np

from robodl_envs.arrays import namespace
from robodl_envs.component import Observable
from robodl_envs.robots.gripper import PAD, Gripper
from robodl_envs.robots.servo import add_actuator
from robodl_envs.scene import NO_CONTACT

# The hinged body: numbers of so101.xml's source, its place in the frame of our hand.
HINGE_POS, HINGE_QUAT = (0.0188, 0.0117, 0.0234), (0.5, -0.5, -0.5, 0.5)
MASS, COM = 0.012, (-0.00157495, -0.0300244, 0.0192755)
INERTIA, INERTIA_QUAT = (6.636e-06, 5.291e-06, 1.865e-06), (0.695265041, 0.717965037, -0.0245618, -0.023009699)
SHUT, MAX_ANGLE = -0.174532978, 1.7453292  # rad, the hinge's range
TORQUE = 3.35  # N m: 45 N at the tool
ARMATURE, DAMPING = 0.028, 0.6  # kg m^2, N m s/rad

# The pads are ours, flat and slim enough to go down beside objects; the real jaws' faces lie within 3 mm of theirs.
FIXED_PAD_Y = -0.020  # m, y of the fixed pad's face: 5 mm beside a cube of 30 mm in the middle of the hand
PARALLEL_WIDTH = 0.030  # m, of an object that the pads are parallel around: the edge of this arm's cubes
HALF_THICKNESS, HALF_LENGTH, HALF_BREADTH = 0.004, 0.022, 0.008  # m, of a pad: across the jaw, ahead, along the hinge
TOOL_Z, TIP_Z = 0.0981, 0.1044  # m, z of the tool and of the tips; the source's gripperframe and where its meshes end
HINGE_TO_FIXED_PAD, HINGE_TO_TOOL = HINGE_POS[1] - FIXED_PAD_Y, TOOL_Z - HINGE_POS[2]  # m
HINGE_TO_MOVING_PAD = PARALLEL_WIDTH - HINGE_TO_FIXED_PAD  # m, from the hinge to the plane of the moving pad's face
PARALLEL_ANGLE = 0.2058  # rad: the gap is zero at SHUT

STIFFNESS = 50.0  # N m/rad, ours: the command runs 4 degrees ahead of a jaw that presses with full force
MAX_OFFSET = TORQUE / STIFFNESS  # rad
SPEED = 1.5  # rad/s of the target, ours; the jaw follows at 0.93 (measured), a fifth of what the servo does
WIDEST = 0.06  # m, ours: the real jaw opens further, and then pushes away what is near

PLASTIC = (0.96, 0.62, 0.13, 1.0)


def gap_at(angle):
    """The gap at the tool's height, m, with the hinge at an angle, rad."""
    tilt, xp = angle - PARALLEL_ANGLE, namespace(angle)
    return HINGE_TO_FIXED_PAD + HINGE_TO_MOVING_PAD / xp.cos(tilt) + HINGE_TO_TOOL * xp.tan(tilt)


def gap_to_angle(width):
    """The hinge's angle, rad, at which the gap at the tool's height is a width, m."""
    x, y = width - HINGE_TO_FIXED_PAD, HINGE_TO_TOOL
    return PARALLEL_ANGLE + np.arccos(HINGE_TO_MOVING_PAD / np.hypot(x, y)) - np.arctan2(y, x)


OPEN = float(gap_to_angle(WIDEST))  # rad


class JawGripper(Gripper):
    """A fixed finger and a hinged one, which opens towards the hand's +y."""

    parallel = False
    joints = ("jaw",)
    widest = WIDEST
    shut, open, max_offset, speed = SHUT, OPEN, MAX_OFFSET, SPEED  # rad, rad/s

    def build(self, spec):
        hand, moves = spec.body(self.robot.hand), self.robot.gripper
        pad, pad_z = [HALF_BREADTH, HALF_THICKNESS, HALF_LENGTH], TIP_Z - HALF_LENGTH
        add_box(hand, [0, FIXED_PAD_Y - HALF_THICKNESS, pad_z], pad, PAD)
        quat = np.array(HINGE_QUAT)
        if not moves:
            mujoco.mju_mulQuat(quat, HINGE_QUAT, quat_about_z(SHUT))
        inertial = {"mass": MASS, "ipos": COM, "iquat": INERTIA_QUAT, "inertia": INERTIA, "explicitinertial": True}
        jaw = hand.add_body(name="jaw", pos=HINGE_POS, quat=quat, gravcomp=1.0, **inertial)
        # The jaw's x axis is the hand's y, its y axis points back.
        inner = HINGE_TO_MOVING_PAD + HALF_THICKNESS
        if moves:
            pos = parallel_to_jaw(inner, -(TIP_Z - HINGE_POS[2] - HALF_LENGTH))
            add_box(jaw, pos, [HALF_THICKNESS, HALF_LENGTH, HALF_BREADTH], PAD, -PARALLEL_ANGLE)
            hinge = {"axis": [0, 0, 1], "range": [SHUT, MAX_ANGLE], "limited": True}
            jaw.add_joint(name="jaw", type=mujoco.mjtJoint.mjJNT_HINGE, armature=ARMATURE, damping=DAMPING, **hinge)
            kv = 2.0 * np.sqrt(STIFFNESS * ARMATURE) - DAMPING
            add_actuator(spec, "jaw", [SHUT - MAX_OFFSET, OPEN + MAX_OFFSET], TORQUE, STIFFNESS, kv)
        else:  # flush with the fixed pad: a face that leans over an object presses it into the table when it pushes
            add_box(hand, [0, FIXED_PAD_Y + HALF_THICKNESS, pad_z], pad, PAD)
        add_box(jaw, parallel_to_jaw(inner + 0.003, -0.015), [0.009, 0.026, 0.014], NO_CONTACT, -PARALLEL_ANGLE)

    @property
    def opening(self):
        """The gap between the pads at the tool's height, (N,) m."""
        return gap_at(self.qpos[:, 0])

    def joint_at(self, width):
        return gap_to_angle(width)

    def observables(self):
        if not self.robot.gripper:
            return []
        meaning, widest = "gap between the pads at the tool's height", [WIDEST + 0.02]
        return [
            Observable("jaw", "rad", [SHUT - 0.1], [OPEN + 0.2], "the hinge's angle", lambda: self.qpos, True),
            Observable("opening", "m", [-0.01], widest, meaning, lambda: self.opening[:, None], True),
        ]


def parallel_to_jaw(x, y):
    """Position in the jaw's frame, m, of a point given relative to the hinge while the jaw is at PARALLEL_ANGLE."""
    c, s = np.cos(PARALLEL_ANGLE), np.sin(PARALLEL_ANGLE)
    return [c * x + s * y, c * y - s * x, HINGE_POS[0]]


def quat_about_z(angle):
    """Quaternion of a rotation about z by an angle, rad."""
    return np.array([np.cos(0.5 * angle), 0.0, 0.0, np.sin(0.5 * angle)])


def add_box(body, pos, half, contact, angle=0.0) -> None:
    box, quat = mujoco.mjtGeom.mjGEOM_BOX, quat_about_z(angle)
    body.add_geom(type=box, pos=pos, quat=quat, size=half, rgba=PLASTIC, mass=0.0, **contact)
