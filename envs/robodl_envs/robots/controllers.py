"""Controllers: how actions in [-1, 1] become servo commands, by joint or by the tool's Cartesian position.

Both keep a target that actions move and that stays close to where the arm is: an arm that is held up or at a
limit does not wind up a distance it would have to make good later, and an action of zeros holds still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from robodl_envs.arrays import (
    Array,
    clip,
    concat,
    cross,
    inverse,
    largest,
    matmul,
    namespace,
    quat_error_matrix,
    quat_right_matrix,
)
from robodl_envs.component import Actuated, Observable

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot


def motion_axes(robot: Robot, sim: Any) -> tuple[Any, Any]:
    """The joints' motion axes, (N, dof, 6): rotation, then translation; of which point, (N, 3) m, world frame."""
    return sim.bind("cdof")[:, : robot.dof], sim.bind("subtree_com")[:, robot.root_body]


class JointDelta(Actuated):
    """Increments of the joint angles: 1 moves a joint's target at the joint's top speed."""

    vectors = ()  # columns of an action at which vectors along the world's axes begin

    def __init__(self, robot: Robot):
        self.robot = robot
        self.size = robot.dof

    def bind(self, sim):
        robot = self.robot
        self.qpos, self.ctrl = robot.qpos, robot.ctrl
        self.step = sim.array(robot.velocity * robot.update_dt)  # (dof,) rad
        self.max_offset = sim.array(robot.max_command_offset)  # (dof,) rad
        self.low, self.high = sim.array(robot.range[0]), sim.array(robot.range[1])
        self.tool = robot.tool
        self.cdof, self.center = motion_axes(robot, sim)

    def act(self, action):
        """Move the targets, which are the servo commands themselves, by action, (N, dof)."""
        offset = action * self.step
        offset += self.ctrl
        offset -= self.qpos  # (N, dof) rad, from joints to targets
        clip(offset, -self.max_offset, self.max_offset, out=offset)
        offset += self.qpos
        clip(offset, self.low, self.high, out=self.ctrl)

    def observables(self):
        # Overshoot may carry a joint past its command's greatest offset; values are clipped there.
        most = 2.0 * self.robot.velocity * self.robot.servo_time
        meaning = "from joint angles to their targets"
        return [Observable("target_offset", "rad", -most, most, meaning, lambda: self.ctrl - self.qpos, True)]

    def position_offset(self) -> Array:
        """Offsets from the tool to where the joints' targets lead it, to first order, (N, 3) m, world frame."""
        motion = (self.cdof * (self.ctrl - self.qpos)[:, :, None]).sum(axis=1)  # (N, 6)
        return motion[:, 3:] + cross(motion[:, :3], self.tool - self.center)


class ToolDelta(Actuated):
    """Increments of the tool's position in the world's axes; its orientation is held as it was at the reset.

    Where the robot's `rotation` says so, three more numbers of the action rotate it: a rotation vector about the
    world's axes. The target is at most MAX_OFFSET an axis from the tool. Damped least squares (Wampler 1986) turn the
    offset from tool to target into joint increments; the null space of the tool's pose drifts home. Increments that
    would exceed a joint's speed are scaled down together, so that the tool slows down without leaving its line.
    """

    SPEED = 1.0  # m/s, of the target for an action of 1
    MAX_OFFSET = 0.08  # m an axis; a tool at 1 m/s trails its target by 0.063 m, given the servos' 0.04 s
    ROTATION_SPEED = 2.0  # rad/s, of the target for an action of 1
    MAX_ROTATION_OFFSET = 0.16  # rad an axis
    DAMPING = 0.05  # of the least squares; tuned: smallest without shaking at full stretch
    HOMING = 2.5  # 1/s, share of the distance home that the null space covers

    saved = ("target", "held_orientation")

    def __init__(self, robot: Robot):
        self.robot = robot
        self.size = 6 if robot.rotation else 3
        self.vectors = (0, 3)[: self.size // 3]

    def bind(self, sim):
        robot = self.robot
        self.tool, self.tool_quat = robot.tool, robot.tool_quat[:, :, None]  # (N, 3), (N, 4, 1)
        self.qpos, self.ctrl = robot.qpos[:, :, None], robot.ctrl[:, :, None]  # (N, dof, 1)
        self.cdof, self.center = motion_axes(robot, sim)
        self.target = sim.zeros(3)  # m, world frame
        # Matrix from the tool's quaternion to the rotation vector, rad, that leads to the held orientation.
        self.held_orientation = sim.zeros(3, 4)
        self.error = sim.zeros(6, 1)  # scratch
        self.damping = sim.array(self.DAMPING**2 * np.eye(6))
        dt = robot.update_dt
        self.step, self.rotation_step, self.homing = self.SPEED * dt, self.ROTATION_SPEED * dt, self.HOMING * dt
        self.home = sim.array(self.homing * np.asarray(robot.home)[:, None])  # (dof, 1)
        self.inverse_reach = sim.array(1.0 / robot.max_command_offset[:, None])  # (dof, 1) 1/rad
        self.low, self.high = sim.array(robot.range[0][:, None]), sim.array(robot.range[1][:, None])  # (dof, 1) rad

    def begin(self, ids):
        self.target[ids] = self.tool[ids]
        # Twice the vector part of a small rotation's quaternion is its rotation vector.
        self.held_orientation[ids] = 2.0 * quat_error_matrix(self.tool_quat[ids, :, 0])

    def act(self, action):
        """Move the targets by action, (N, size), and the servo commands towards them.

        With J the tool's Jacobian, e the offset to the target, h the step home and d the damping:
        dq = J^T (J J^T + d^2 I)^-1 (e - J h - d^2 (J J^T + d^2 I)^-1 J h) + h.
        """
        xp, robot = namespace(self.error), self.robot
        offset = action[:, :3] * self.step
        offset += self.target
        offset -= self.tool  # (N, 3), from tool to target
        clip(offset, -self.MAX_OFFSET, self.MAX_OFFSET, out=offset)
        self.target[:] = self.tool + offset

        # The step has just computed the joints' motion axes, whose translation is that of the arm's centre of mass:
        # taken to that point, they are the Jacobian. `Batch.jac` would compute the kinematics again.
        transpose, error = self.cdof, self.error  # (N, dof, 6), (N, 6, 1)
        jacobian = transpose.swapaxes(1, 2)
        matmul(self.held_orientation, self.tool_quat, out=error[:, :3])
        rotation = error[:, :3, 0]  # (N, 3) rad, from tool to target
        if robot.rotation:
            rotation += action[:, 3:] * self.rotation_step
            clip(rotation, -self.MAX_ROTATION_OFFSET, self.MAX_ROTATION_OFFSET, out=rotation)
            vector = 0.5 * rotation  # part of the quaternion of a small rotation
            scalar = xp.sqrt(1.0 - xp.linalg.vecdot(vector, vector))
            quat = quat_right_matrix(robot.tool_quat) @ concat([scalar[:, None], vector])[:, :, None]  # (N, 4, 1)
            self.held_orientation[:] = 2.0 * quat_error_matrix(quat[:, :, 0])
        error[:, 3:, 0] = offset + cross(rotation, self.center - self.tool)

        homing = self.home - self.homing * self.qpos  # (N, dof, 1) rad
        nullspace_motion = jacobian @ homing  # (N, 6, 1)
        error -= nullspace_motion
        square = jacobian @ transpose
        square += self.damping
        inverted = inverse(square)
        error -= self.DAMPING**2 * (inverted @ nullspace_motion)  # else homing would draw the tool off its target
        step = transpose @ (inverted @ error)
        step += homing
        step /= largest(abs(step * self.inverse_reach), axis=1, at_least=1.0)  # of shares of top speed
        step += self.qpos
        clip(step, self.low, self.high, out=self.ctrl)

    def observables(self):
        position, rotation = np.full(3, 2.0 * self.MAX_OFFSET), np.full(3, 2.0 * self.MAX_ROTATION_OFFSET)
        place = "from the tool to its target, world frame"
        rotvec = f"rotation vector {place}"
        found = [
            Observable("target_offset", "m", -position, position, place, self.position_offset, True, vectors=(0,)),
            Observable("target_rotation", "rad", -rotation, rotation, rotvec, self.rotation_offset, True, vectors=(0,)),
        ]
        return found if self.robot.rotation else found[:1]

    def position_offset(self) -> Array:
        """Offsets from the tool to its target, (N, 3) m, world frame."""
        return self.target - self.tool

    def rotation_offset(self) -> Array:
        """Rotation vectors from the tool to its target, (N, 3) rad, world frame."""
        return (self.held_orientation @ self.tool_quat)[:, :, 0]


CONTROLLERS: dict[str, type[JointDelta] | type[ToolDelta]] = {"joint": JointDelta, "tool": ToolDelta}
