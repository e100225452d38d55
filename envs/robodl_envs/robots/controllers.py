"""How actions in [-1, 1] become servo commands: by joint, or by the tool's Cartesian position.

Both keep a target that actions move and that stays close to where the arm is: an arm that is held up or at a
limit does not wind up a distance it would have to make good later, and an action of zeros holds still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robodl_envs.component import Component

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot


class JointDelta(Component):
    """Increments of the joint angles: 1 moves a joint's target at the joint's top speed for one control step."""

    def __init__(self, robot: Robot):
        self.robot = robot
        self.size = robot.dof

    def bind(self, sim):
        self.qpos, self.ctrl = self.robot.qpos, self.robot.ctrl
        self.step = self.robot.velocity * self.robot.control_dt  # (dof,) rad
        self.reach = self.robot.velocity * self.robot.servo_time  # (dof,) rad
        self.low, self.high = self.robot.range

    def act(self, action):
        """Move the targets, which are the servo commands themselves, by action, (N, dof)."""
        target = self.ctrl + action * self.step
        target = np.minimum(np.maximum(target, self.qpos - self.reach), self.qpos + self.reach)
        self.ctrl[:] = np.minimum(np.maximum(target, self.low), self.high)

    def observe(self):
        return [self.ctrl - self.qpos]

    def bounds(self):
        # Overshoot may carry a joint past its command's reach; values are clipped there.
        reach = 2.0 * self.robot.velocity * self.robot.servo_time
        return [np.stack([-reach, reach])]


class ToolDelta(Component):
    """Increments of the tool's position in the world's axes; its orientation is held as it was at the reset.

    The target leads the tool by LEASH at most. Damped least squares (Wampler 1986) turn the way from tool to
    target into joint increments; what the tool's pose leaves free of the joints drifts home. Increments that
    would exceed a joint's speed are scaled down together, so that the tool slows down without leaving its line.
    """

    STEP = 0.04  # m a control step for an action of 1: 1 m/s at 25 Hz
    LEASH = 0.08  # m; a tool at 1 m/s trails its target by 0.063 m, given the servos' 0.04 s
    DAMPING = 0.05  # of the least squares; tuned: smallest without shaking at full stretch
    HOMING = 0.1  # share of the way home that the free motion takes a control step

    saved = ("target", "hold")

    def __init__(self, robot: Robot):
        self.robot = robot
        self.size = 3

    def bind(self, sim):
        robot, num, dof = self.robot, sim.num, self.robot.dof
        self.sim, self.tool, self.tool_quat = sim, robot.tool, robot.tool_quat
        self.qpos, self.ctrl = robot.qpos, robot.ctrl
        self.target = np.zeros((num, 3))  # m, world frame
        self.hold = np.zeros((num, 4, 4))  # rows: w x y z of the turn from the tool's quaternion to the held one
        self.home = np.asarray(robot.home)
        self.reach = 1.0 / (robot.velocity * robot.servo_time)  # (dof,) 1/rad
        self.low, self.high = robot.range
        self.jacobian = np.zeros((num, 6, dof))  # scratch
        self.error = np.zeros((num, 6))  # scratch
        self.damping = self.DAMPING**2 * np.eye(6)

    def reset(self, ids, rng):
        self.target[ids] = self.tool[ids]
        self.hold[ids] = turn_from(self.tool_quat[ids])

    def act(self, action):
        """Move the targets by action, (N, 3), and the servo commands towards them."""
        lead = self.target + action * self.STEP - self.tool  # (N, 3), from tool to target
        length = np.sqrt((lead * lead).sum(axis=1, keepdims=True))
        lead *= self.LEASH / np.maximum(length, self.LEASH)
        np.add(self.tool, lead, out=self.target)

        turn = np.einsum("nij,nj->ni", self.hold, self.tool_quat)
        error, jacobian = self.error, self.jacobian
        error[:, :3] = lead
        # Twice a small turn's vector part is its rotation vector; w < 0 is the same turn the short way round.
        np.multiply(turn[:, 1:], np.copysign(2.0, turn[:, :1]), out=error[:, 3:])

        jacp, jacr = self.sim.jac(self.robot.tool_body, self.tool)
        dof = self.qpos.shape[1]
        jacobian[:, :3], jacobian[:, 3:] = jacp[:, :, :dof], jacr[:, :, :dof]
        transpose = jacobian.transpose(0, 2, 1)
        homing = self.HOMING * (self.home - self.qpos)  # (N, dof)
        rest = error[:, :, None] - jacobian @ homing[:, :, None]
        step = homing + (transpose @ np.linalg.solve(jacobian @ transpose + self.damping, rest))[:, :, 0]

        excess = np.abs(step * self.reach).max(axis=1, keepdims=True)
        step /= np.maximum(excess, 1.0)
        self.ctrl[:] = np.minimum(np.maximum(self.qpos + step, self.low), self.high)

    def observe(self):
        return [self.target - self.tool]

    def bounds(self):
        reach = np.full(3, 2.0 * self.LEASH)
        return [np.stack([-reach, reach])]


def turn_from(quat):
    """Matrices, (N, 4, 4), that take a quaternion q to quat * conjugate(q): the turn from q to quat, (N, 4)."""
    w, x, y, z = quat[:, 0], quat[:, 1], quat[:, 2], quat[:, 3]
    rows = [[w, x, y, z], [x, -w, z, -y], [y, -z, -w, x], [z, y, -x, -w]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


CONTROLLERS = {"joint": JointDelta, "tool": ToolDelta}
