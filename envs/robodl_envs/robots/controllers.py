"""How actions in [-1, 1] become servo commands: by joint, or by the tool's Cartesian position.

Both keep a target that actions move and that stays close to where the arm is: an arm that is held up or at a
limit does not wind up a distance it would have to make good later, and an action of zeros holds still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robodl_envs.arrays import cross
from robodl_envs.component import Actuated, Field

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot


class JointDelta(Actuated):
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
        lead = action * self.step
        lead += self.ctrl
        lead -= self.qpos  # (N, dof) rad, from joints to targets
        np.minimum(np.maximum(lead, -self.reach, out=lead), self.reach, out=lead)
        lead += self.qpos
        np.minimum(np.maximum(lead, self.low, out=lead), self.high, out=self.ctrl)

    def observe(self):
        return [self.ctrl - self.qpos]

    def fields(self):
        # Overshoot may carry a joint past its command's reach; values are clipped there.
        reach = 2.0 * self.robot.velocity * self.robot.servo_time
        return [Field("lead", "rad", -reach, reach, "from joint angles to their targets")]


class ToolDelta(Actuated):
    """Increments of the tool's position in the world's axes; its orientation is held as it was at the reset.

    Where the robot's `rotation` says so, three more numbers of the action turn it: a rotation vector about the world's
    axes. The target leads the tool by LEASH an axis at most. Damped least squares (Wampler 1986) turn the way from
    tool to target into joint increments; what the tool's pose leaves free of the joints drifts home. Increments that
    would exceed a joint's speed are scaled down together, so that the tool slows down without leaving its line.
    """

    STEP = 0.04  # m a control step for an action of 1: 1 m/s at 25 Hz
    LEASH = 0.08  # m an axis; a tool at 1 m/s trails its target by 0.063 m, given the servos' 0.04 s
    TURN = 0.08  # rad a control step for an action of 1: 2 rad/s at 25 Hz
    TURN_LEASH = 0.16  # rad an axis
    DAMPING = 0.05  # of the least squares; tuned: smallest without shaking at full stretch
    HOMING = 0.1  # share of the way home that the free motion takes a control step

    saved = ("target", "hold")

    def __init__(self, robot: Robot):
        self.robot = robot
        self.size = 6 if robot.rotation else 3

    def bind(self, sim):
        robot, num, dof = self.robot, sim.num, self.robot.dof
        self.tool, self.tool_quat = robot.tool, robot.tool_quat[:, :, None]  # (N, 3), (N, 4, 1)
        self.angles, self.ctrl = robot.qpos[:, :, None], robot.ctrl[:, :, None]  # (N, dof, 1)
        self.axes = sim.bind("cdof")[:, :dof]  # (N, dof, 6), what turning a joint does to the hand: turn, then shift
        self.center = sim.bind("subtree_com")[:, robot.root_body]  # (N, 3), world frame, the point whose shift it is
        self.target = np.zeros((num, 3))  # m, world frame
        self.hold = np.zeros((num, 3, 4))  # from the tool's quaternion to the turn, rad, that leads to the held one
        self.error = np.zeros((num, 6, 1))  # scratch
        self.damping = self.DAMPING**2 * np.eye(6)
        self.damped = self.DAMPING**2
        self.home = self.HOMING * np.asarray(robot.home)[:, None]  # (dof, 1)
        self.speed = 1.0 / (robot.velocity * robot.servo_time)[:, None]  # (dof, 1) 1/rad, step to share of top speed
        self.low, self.high = robot.range[:, :, None]  # (dof, 1) rad

    def begin(self, ids):
        self.target[ids] = self.tool[ids]
        # Twice the vector part of a small turn's quaternion is its rotation vector.
        self.hold[ids] = 2.0 * turn_to(self.tool_quat[ids, :, 0])

    def act(self, action):
        """Move the targets by action, (N, size), and the servo commands towards them."""
        lead = action[:, :3] * self.STEP
        lead += self.target
        lead -= self.tool  # (N, 3), from tool to target
        np.minimum(np.maximum(lead, -self.LEASH, out=lead), self.LEASH, out=lead)
        np.add(self.tool, lead, out=self.target)

        # The step has just computed the joints' motion axes, whose shift is that of the arm's centre of mass: asked
        # of that point, they are the Jacobian. `Batch.jac` would compute the kinematics again.
        transpose, error = self.axes, self.error  # (N, dof, 6), (N, 6, 1)
        jacobian = transpose.transpose(0, 2, 1)
        np.matmul(self.hold, self.tool_quat, out=error[:, :3])
        if self.robot.rotation:
            turn = error[:, :3, 0]  # (N, 3) rad, from tool to target
            turn += action[:, 3:] * self.TURN
            np.minimum(np.maximum(turn, -self.TURN_LEASH, out=turn), self.TURN_LEASH, out=turn)
            self.hold[:] = 2.0 * turn_to(self.turned(turn))
        np.add(lead, cross(error[:, :3, 0], self.center - self.tool), out=error[:, 3:, 0])

        homing = self.home - self.HOMING * self.angles  # (N, dof, 1) rad
        stray = jacobian @ homing  # (N, 6, 1)
        error -= stray
        square = jacobian @ transpose
        square += self.damping
        inverse = np.linalg.inv(square)
        error -= self.damped * (inverse @ stray)  # else homing would draw the tool off its target
        step = transpose @ (inverse @ error)
        step += homing
        share = step * self.speed  # of top speed
        step /= np.maximum.reduce(np.abs(share, out=share), axis=1, keepdims=True, initial=1.0)
        step += self.angles
        np.minimum(np.maximum(step, self.low, out=step), self.high, out=self.ctrl)

    def turned(self, turn):
        """The tool's quaternion, (N, 4), after a turn, (N, 3): twice its quaternion's vector part, as in `hold`."""
        vector = 0.5 * turn
        scalar = np.sqrt(1.0 - np.linalg.vecdot(vector, vector))
        quat = np.concatenate([scalar[:, None], vector], axis=1)[:, :, None]  # (N, 4, 1)
        return (self.robot.tool_quat[:, BEFORE] * BEFORE_SIGNS @ quat)[:, :, 0]

    def observe(self):
        lead = self.target - self.tool
        return [lead, (self.hold @ self.tool_quat)[:, :, 0]] if self.robot.rotation else [lead]

    def fields(self):
        reach = np.full(3, 2.0 * self.LEASH)
        lead = Field("lead", "m", -reach, reach, "from the tool to its target, world frame")
        if not self.robot.rotation:
            return [lead]
        turn = np.full(3, 2.0 * self.TURN_LEASH)
        return [
            lead,
            Field("turn_lead", "rad", -turn, turn, "rotation vector from the tool to its target, world frame"),
        ]


# quat[PLACES] * SIGNS are the rows x, y, z of the matrix that takes q to quat * conjugate(q).
PLACES = np.array([[1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
SIGNS = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0], [1.0, 1.0, -1.0, -1.0]])
# quat[BEFORE] * BEFORE_SIGNS is the matrix that takes q to q * quat, the turn quat followed by q.
BEFORE = np.array([[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]])
BEFORE_SIGNS = np.array([[1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, -1.0], [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, -1.0, 1.0]])


def turn_to(quat):
    """Matrices, (N, 3, 4), that take a quaternion q to the vector part of the turn from q to quat, (N, 4)."""
    return quat[:, PLACES] * SIGNS


CONTROLLERS: dict[str, type[JointDelta] | type[ToolDelta]] = {"joint": JointDelta, "tool": ToolDelta}
