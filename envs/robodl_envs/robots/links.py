"""An arm as a table of links: bodies with shapes, and the position servos that drive them."""

from dataclasses import dataclass
from typing import Protocol

import mujoco

from robodl_envs.scene import NO_CONTACT, ROBOT


class Arm(Protocol):
    """What a robot is made of but for its fingers, and where that comes from: a table, or a model that others keep."""

    def servos(self) -> "tuple[Servo, ...]":
        """From the base to the hand."""

    def build(self, spec: mujoco.MjSpec, servo_time: float) -> None:
        """Add bodies, the hand among them, and the servos in their order; the first joints of the model are theirs."""


@dataclass(frozen=True)
class Shape:
    """A capsule from one point to another, or a box around one: what a link looks like and touches with.

    start, end: (x, y, z) in the link's frame, m. radius: m. half: a box's half sizes, m, instead of a radius.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float] | None = None
    radius: float = 0.06
    half: tuple[float, float, float] | None = None
    touches: bool = False  # collides with the floor and with objects
    rgba: tuple[float, float, float, float] = (0.92, 0.92, 0.92, 1.0)


@dataclass(frozen=True)
class Servo:
    """The hinge about an axis through a link's origin, its own z by default, and the position servo that drives it.

    range: rad. torque: limit, N m. velocity: limit, rad/s. stiffness: N m/rad.
    """

    range: tuple[float, float]
    torque: float
    velocity: float
    stiffness: float
    armature: float = 0.1  # kg m^2
    damping: float = 1.0  # N m s/rad
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)  # in the link's frame


@dataclass(frozen=True)
class Link:
    """A body: its place in its parent's frame and its inertia, as in `shared` robot descriptions (m, kg, w x y z)."""

    name: str
    parent: str
    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    mass: float
    com: tuple[float, float, float]
    inertia_quat: tuple[float, float, float, float]
    inertia: tuple[float, float, float]  # principal moments, kg m^2
    servo: Servo | None = None
    shapes: tuple[Shape, ...] = ()


@dataclass(frozen=True)
class LinkTable:
    """An arm that is described here, link by link."""

    links: tuple[Link, ...]

    def servos(self) -> tuple[Servo, ...]:
        return tuple(link.servo for link in self.links if link.servo)

    def build(self, spec: mujoco.MjSpec, servo_time: float) -> None:
        bodies = {"world": spec.worldbody}
        for link in self.links:
            bodies[link.name] = add_link(spec, bodies[link.parent], link, servo_time)


def add_link(spec: mujoco.MjSpec, parent, link: Link, servo_time: float):
    """Add a link to its parent's body and return its own."""
    body = parent.add_body(
        name=link.name,
        pos=link.pos,
        quat=link.quat,
        mass=link.mass,
        ipos=link.com,
        iquat=link.inertia_quat,
        inertia=link.inertia,
        explicitinertial=True,
        gravcomp=1.0,
    )
    for shape in link.shapes:
        add_shape(body, shape)
    if link.servo:
        joint = body.add_joint(
            name=link.name,
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=link.servo.axis,
            range=link.servo.range,
            limited=True,
        )
        add_servo(spec, joint, link.servo, servo_time)
    return body


def add_shape(body, shape: Shape) -> None:
    contact = ROBOT if shape.touches else NO_CONTACT
    if shape.half is not None:
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, pos=shape.start, size=shape.half, rgba=shape.rgba, mass=0.0, **contact
        )
        return
    assert shape.end is not None, "a shape is a capsule with an end or a box with half sizes"
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=[*shape.start, *shape.end],
        size=[shape.radius, 0, 0],
        rgba=shape.rgba,
        mass=0.0,
        **contact,
    )


def add_servo(spec: mujoco.MjSpec, joint, servo: Servo, servo_time: float) -> None:
    """Drive a joint of the model, whose axis and range are its own."""
    joint.armature = servo.armature
    joint.damping[:] = servo.damping, 0.0, 0.0  # linear in the speed
    joint.actgravcomp = joint.actfrclimited = True
    joint.actfrcrange = [-servo.torque, servo.torque]
    # The limit stands at the joint for all that drives it, and at the servo because the integrator takes the damping
    # of a servo into account unless it sees it saturated: that would slow a saturated joint's braking fourfold.
    actuator = spec.add_actuator(
        name=joint.name,
        target=joint.name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        ctrllimited=True,
        ctrlrange=servo.range,
        forcelimited=True,
        forcerange=[-servo.torque, servo.torque],
    )
    actuator.set_to_position(kp=servo.stiffness, kv=servo.stiffness * servo_time - servo.damping)
