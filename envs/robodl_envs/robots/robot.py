"""What every robot arm is: links and servos in a table, a controller, and for some tasks a gripper."""

from dataclasses import dataclass, field
from typing import ClassVar

import mujoco
import numpy as np

from robodl_envs.arrays import did_you_mean
from robodl_envs.component import Component, Field
from robodl_envs.robots.controllers import CONTROLLERS, JointDelta, ToolDelta
from robodl_envs.robots.gripper import Gripper, ParallelGripper
from robodl_envs.scene import NO_CONTACT, ROBOT

LOWEST, HIGHEST = (-1.5, -1.5, -0.5), (1.5, 1.5, 1.5)  # m, where a tool can be


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


@dataclass(eq=False)
class Robot(Component):
    """An arm on the floor at the world's origin, its hand at rest above the middle of its workspace.

    Gravity is compensated by the joints' own torque, as real arms do in their firmware, and counts towards the
    torque limits. The servos are overdamped position servos that close the gap to their command with time
    constant `servo_time`; a joint's speed is limited by keeping its command within velocity * servo_time of it.

    Args:
        control: "joint" or "tool"; see robodl_envs.robots.controllers.
        gripper: whether the fingers move; else they are locked shut and the action has no gripper dimension.
        rotation: whether actions of control="tool" turn the tool as well; else its orientation is held.
    """

    control: str = "tool"
    gripper: bool = False
    rotation: bool = False

    name: ClassVar[str]
    links: ClassVar[tuple[Link, ...]]
    hand: ClassVar[str]  # the link whose frame is the tool's but for its origin: z ahead, fingers opening along y
    tool_in_hand: ClassVar[tuple[float, float, float]]  # m, between the fingertips
    home: ClassVar[tuple[float, ...]]  # rad, joint angles at the start of an episode
    workspace: ClassVar[
        tuple[tuple[float, float, float], tuple[float, float, float]]
    ]  # m, low and high corner, base frame
    servo_time: ClassVar[float] = 0.04  # s
    gripper_class: ClassVar[type[Gripper]] = ParallelGripper
    reach: ClassVar[float]  # m, from the base's axis to a tool that points down at the floor, at full stretch; measured
    cube: ClassVar[float] = 0.04  # m, the edge of cubes that the gripper holds well

    control_dt: float = field(init=False, default=0.04)  # s, set by the engine before `build`

    def __post_init__(self):
        if self.control not in CONTROLLERS:
            known = ", ".join(CONTROLLERS)
            raise ValueError(
                f"control must be one of {known}, got {self.control!r}{did_you_mean(self.control, CONTROLLERS)}"
            )
        self.servos = tuple(link.servo for link in self.links if link.servo)
        self.dof = len(self.servos)
        self.velocity = np.array([servo.velocity for servo in self.servos])  # (dof,) rad/s
        self.range = np.array([servo.range for servo in self.servos]).T  # (2, dof) rad
        self.controller: JointDelta | ToolDelta = CONTROLLERS[self.control](self)
        self.fingers = self.gripper_class(self)

    @property
    def parts(self) -> tuple[Component, ...]:
        """The components whose life cycle the robot's own calls carry along."""
        return (self.controller, self.fingers)

    def build(self, spec):
        bodies = {"world": spec.worldbody}
        for link in self.links:
            bodies[link.name] = self.build_link(spec, bodies[link.parent], link)
        bodies[self.hand].add_site(name="tool", pos=self.tool_in_hand)
        self.fingers.build(spec)

    def build_link(self, spec, parent, link):
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
            add_servo(spec, body, link.name, link.servo, self.servo_time)
        return body

    def bind(self, sim):
        self.qpos, self.qvel = sim.qpos[:, : self.dof], sim.qvel[:, : self.dof]  # (N, dof), live
        self.ctrl = sim.ctrl[:, : self.dof]
        self.tool = sim.site("tool").xpos  # (N, 3), world frame, live
        self.tool_quat = sim.body(self.hand).xquat  # (N, 4), world frame, live
        self.root_body = int(sim.model.body_rootid[sim.body(self.hand).id])
        self.home_tool, self.home_quat = self.tool_at_home(sim.model)  # (3,), (4,), world frame
        for part in self.parts:
            part.bind(sim)

    def reset(self, ids, rng):
        self.qpos[ids] = self.home
        self.ctrl[ids] = self.home
        for part in self.parts:
            part.reset(ids, rng)

    def begin(self, ids):
        for part in self.parts:
            part.begin(ids)

    @property
    def action_size(self) -> int:
        return self.controller.size + self.fingers.size

    def act(self, action):
        """Take actions, (N, action_size) in [-1, 1], to servo commands."""
        size = self.controller.size
        self.controller.act(action[:, :size])
        if self.fingers.size:
            self.fingers.act(action[:, size:])

    @property
    def table(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The part of the floor below the workspace: its low and high corner, x and y, m."""
        (x0, y0, _), (x1, y1, _) = self.workspace
        return (x0, y0), (x1, y1)

    def tool_at_home(self, model):
        """Where the tool is, (3,) m, and how it is turned, (4,), at the start of an episode."""
        data = mujoco.MjData(model)
        data.qpos[: self.dof] = self.home
        mujoco.mj_kinematics(model, data)
        return data.site("tool").xpos.copy(), data.body(self.hand).xquat.copy()

    def observe(self):
        """What the arm feels of itself: joints, gripper, controller, and the tool's place. A list of (N, k) arrays."""
        return [self.qpos, self.qvel, *self.fingers.observe(), *self.controller.observe(), self.tool]

    def fields(self):
        """What each array of `observe` is: joints may overshoot a limit a little, and speeds more."""
        (low, high), speed = self.range, 2.0 * self.velocity
        return [
            Field("qpos", "rad", low - 0.1, high + 0.1, "joint angles"),
            Field("qvel", "rad/s", -speed, speed, "joint velocities"),
            *self.fingers.fields(),
            *self.controller.fields(),
            Field("tool", "m", LOWEST, HIGHEST, "the tool's position, world frame"),
        ]


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


def add_servo(spec, body, name: str, servo: Servo, servo_time: float) -> None:
    body.add_joint(
        name=name,
        type=mujoco.mjtJoint.mjJNT_HINGE,
        axis=servo.axis,
        range=servo.range,
        limited=True,
        armature=servo.armature,
        damping=servo.damping,
        actgravcomp=True,
        actfrclimited=True,
        actfrcrange=[-servo.torque, servo.torque],
    )
    # The limit stands at the joint for all that drives it, and at the servo because the integrator takes the damping
    # of a servo into account unless it sees it saturated: that would slow a saturated joint's braking fourfold.
    actuator = spec.add_actuator(
        name=name,
        target=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        ctrllimited=True,
        ctrlrange=servo.range,
        forcelimited=True,
        forcerange=[-servo.torque, servo.torque],
    )
    actuator.set_to_position(kp=servo.stiffness, kv=servo.stiffness * servo_time - servo.damping)
