"""The camera of tasks that look at things: in front of the hand, looking where the tool points."""

import math

import numpy as np

from robodl_envs.arrays import Array, quat_conjugate, quat_mul, quat_rotate, quat_to_rotvec
from robodl_envs.component import Component, Field
from robodl_envs.robots.robot import Robot

PLACE = (0.07, 0.0, 0.03)  # m, hand frame: beside the fingers, which stay out of the picture
FOVY = 60.0  # degrees
AHEAD = (0.0, math.sqrt(0.5), math.sqrt(0.5), 0.0)  # looks along the hand's z axis, x upwards in the picture
MOST_TURN = math.pi


class HandCamera(Component):
    """A camera named "wrist" on the hand of a robot, and what can be said of where it looks."""

    def __init__(self, robot: Robot):
        self.robot = robot

    def build(self, spec):
        spec.body(self.robot.hand).add_camera(name="wrist", pos=PLACE, quat=AHEAD, fovy=FOVY)

    def bind(self, sim):
        camera = int(sim.model.camera("wrist").id)
        self.pos = sim.bind("cam_xpos")[:, camera]  # (N, 3), world frame, live
        self.frame = sim.bind("cam_xmat")[:, camera]  # (N, 9): x right, y up, z backwards, by rows of the matrix
        self.home = np.broadcast_to(quat_conjugate(self.robot.home_quat), (sim.num, 4))

    def turn(self) -> Array:
        """How the hand is turned from where it was at the start, pointing down: rotation vectors, (N, 3) rad."""
        return quat_to_rotvec(quat_mul(self.robot.tool_quat, self.home))

    def field(self) -> Field:
        """What `turn` is, in an observation."""
        most = [MOST_TURN] * 3
        return Field("turn", "rad", [-MOST_TURN] * 3, most, "rotation vector from pointing down, world frame")

    def seen(self, points: Array) -> Array:
        """Where points, (N, p, 3), world frame, are in a square picture: (N, p, 3).

        Right and up, from -1 to 1 within the picture, and how far ahead, m. Behind the camera nothing is within it.
        """
        x, y, z = np.moveaxis(points - self.pos[:, None], 2, 0)  # sums of three, written out: a third of the time
        axes = self.frame.T[:, :, None]  # (9, N, 1)
        right, up, back = (x * axes[k] + y * axes[3 + k] + z * axes[6 + k] for k in range(3))
        ahead = -back
        edge = np.maximum(ahead, 1e-6) * math.tan(0.5 * math.radians(FOVY))
        inside = np.where(ahead > 0.0, 1.0, 1e6)
        return np.stack([right / edge * inside, up / edge * inside, ahead], axis=2)


def camera_to_tool(robot: Robot, quat: Array) -> Array:
    """The way, (N, 3) m, from the camera to the tool when the hand's quaternion is quat, (N, 4)."""
    way = np.asarray(robot.tool_in_hand) - np.asarray(PLACE)
    return quat_rotate(quat, np.broadcast_to(way, (len(quat), 3)))
