"""Robots: an arm of links and servos, a controller, and for some tasks a gripper."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import mujoco
import numpy as np

from robodl_envs.arrays import Array, did_you_mean, namespace, quat_conjugate, quat_mul
from robodl_envs.component import Component, Observable
from robodl_envs.robots.arm import Arm
from robodl_envs.robots.controllers import CONTROLLERS, JointDelta, ToolDelta
from robodl_envs.robots.gripper import FINGERTIPS, Gripper, ParallelGripper
from robodl_envs.scene import CONTROL_DT, MAX_UPDATE_DT, POSITION_BOUNDS, TIMESTEP, Corners


@dataclass(eq=False)
class Robot(Component):
    """An arm on the floor at the world's origin, its hand at rest above the middle of its workspace.

    Gravity is compensated by the joints' own torque, as real arms do in their firmware, and counts towards the
    torque limits. The servos are overdamped position servos that close the gap to their command with time
    constant `servo_time`; a joint's speed is limited by keeping its command within `max_command_offset` of it.

    Args:
        control: "joint" or "tool"; see robodl_envs.robots.controllers.
        gripper: whether the fingers move; else they are locked shut and the action has no gripper dimension.
        rotation: whether actions of control="tool" turn the tool as well; else its orientation is held.
    """

    control: str = "tool"
    gripper: bool = False
    rotation: bool = False

    name: ClassVar[str]
    mjcf: ClassVar[str | Path]  # an MJCF file of the arm, or "menagerie:MODEL/FILE"; docs/robots.md
    velocity_limits: ClassVar[tuple[float, ...]]  # rad/s, from the base to the hand
    torque_limits: ClassVar[tuple[float, ...]] = ()  # N m, for servos of ours; () for those of the file
    flange: ClassVar[str] = ""  # the file's site for the Franka Hand, z ahead; "" if the file has the hand
    hand_angle: ClassVar[float] = 0.0  # rad, of the Franka Hand about the flange's z
    hand: ClassVar[str] = "hand"  # body whose frame is the tool's but for its origin: z ahead, fingers open along y
    tool_in_hand: ClassVar[tuple[float, float, float]] = FINGERTIPS  # m, between the fingertips
    home: ClassVar[tuple[float, ...]]  # rad, joint angles at the start of an episode
    workspace: ClassVar[Corners]  # m, low and high corner, base frame
    servo_time: ClassVar[float] = 0.04  # s
    gripper_class: ClassVar[type[Gripper]] = ParallelGripper
    reach: ClassVar[float]  # m, from the base's axis to a tool that points down at the floor, at full stretch; measured
    scene_view: ClassVar[tuple[tuple[float, float, float], float]] = (0.3, 0.0, 0.3), 1.6  # m; see gym_env.scene_view
    cube: ClassVar[float] = 0.04  # m, the edge of cubes that the gripper holds well

    # Set by the engine before `build`: seconds of a step of the environment and of one of MuJoCo, and updates of the
    # servos' commands in a step of the environment.
    control_dt: float = field(init=False, default=CONTROL_DT, repr=False)
    timestep: float = field(init=False, default=TIMESTEP, repr=False)
    updates: int = field(init=False, default=1, repr=False)
    hand_camera: Any = field(init=False, default=None, repr=False)  # of perception tasks, which set it in `build`

    def __post_init__(self):
        if self.control not in CONTROLLERS:
            known, near = ", ".join(CONTROLLERS), did_you_mean(self.control, CONTROLLERS)
            raise ValueError(f"control must be one of {known}, got {self.control!r}{near}")
        self.arm = Arm(self)
        self.servos = self.arm.servos
        self.dof = len(self.servos)
        self.velocity = np.array(self.velocity_limits)  # (dof,) rad/s
        self.range = np.array([servo.range for servo in self.servos]).T  # (2, dof) rad
        self.controller: JointDelta | ToolDelta = CONTROLLERS[self.control](self)
        self.fingers = self.gripper_class(self)

    @property
    def parts(self):
        return (self.controller, self.fingers)

    def build(self, spec):
        self.arm.build(spec)
        spec.body(self.hand).add_site(name="tool", pos=self.tool_in_hand)
        super().build(spec)

    def bind(self, sim):
        self.qpos, self.qvel = sim.qpos[:, : self.dof], sim.qvel[:, : self.dof]  # (N, dof), live
        self.ctrl = sim.ctrl[:, : self.dof]
        self.tool = sim.site("tool").xpos  # (N, 3), world frame, live
        self.tool_quat = sim.body(self.hand).xquat  # (N, 4), world frame, live
        self.root_body = int(sim.model.body_rootid[sim.model.body(self.hand).id])
        data = mujoco.MjData(sim.model)
        data.qpos[: self.dof] = self.home
        mujoco.mj_kinematics(sim.model, data)
        self.home_position = position = data.site("tool").xpos.copy()  # (3,) float64, of the tool, world frame
        low, high = self.workspace
        if not ((low <= position) & (position <= high)).all():
            rule, got = f"must put the tool into workspace, {low} to {high}", tuple(position.round(3).tolist())
            raise ValueError(f"home of robot {self.name} {rule}; got {got} m")
        self.home_tool, self.home_quat = sim.array(position), sim.array(data.body(self.hand).xquat)  # world frame
        self.home_qpos = sim.array(self.home)  # (dof,) rad
        self.from_home = quat_mul(sim.array(np.eye(4)), quat_conjugate(self.home_quat)).T  # (4, 4), see tool_rotation
        super().bind(sim)

    def reset(self, ids, rng):
        self.qpos[ids] = self.ctrl[ids] = self.home_qpos
        super().reset(ids, rng)

    @property
    def tool_rotation(self) -> Array:
        """The tool's rotation from its orientation at the start, pointing down: (N, 4), w >= 0, world frame."""
        rotation = (self.from_home @ self.tool_quat[:, :, None])[:, :, 0]
        return namespace(rotation).where(rotation[:, :1] < 0.0, -rotation, rotation)

    @property
    def update_dt(self) -> float:
        """Seconds between updates of the servos' commands."""
        return self.control_dt / self.updates

    @property
    def max_command_offset(self) -> np.ndarray:
        """The farthest that a command is from its joint when it is updated, (dof,) rad, which limits the joint's speed.

        A servo covers 1 - exp(-dt / servo_time) of the offset until the next update, after dt. The offset is velocity *
        servo_time at MAX_UPDATE_DT, and less where updates are closer, so that the speed is the same.
        """
        most, here = (dt / (1.0 - np.exp(-dt / self.servo_time)) for dt in (MAX_UPDATE_DT, self.update_dt))
        return self.velocity * self.servo_time * (here / most)

    @property
    def action_size(self) -> int:
        return self.controller.size + self.fingers.size

    def act(self, action):
        """Write servo commands for actions, (N, action_size) in [-1, 1]."""
        size = self.controller.size
        self.controller.act(action[:, :size])
        if self.fingers.size:
            self.fingers.act(action[:, size:])

    @property
    def table(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The part of the floor below the workspace: its low and high corner, x and y, m."""
        (x0, y0, _), (x1, y1, _) = self.workspace
        return (x0, y0), (x1, y1)

    def observables(self):
        """Joints, gripper, controller and the tool's position; joints may overshoot a limit a little, speeds more."""
        (low, high), speed = self.range, 2.0 * self.velocity
        return [
            Observable("qpos", "rad", low - 0.1, high + 0.1, "joint angles", lambda: self.qpos, True),
            Observable("qvel", "rad/s", -speed, speed, "joint velocities", lambda: self.qvel, True),
            *self.fingers.observables(),
            *self.controller.observables(),
            Observable("tool", "m", *POSITION_BOUNDS, "the tool's position, world frame", lambda: self.tool, True),
        ]
