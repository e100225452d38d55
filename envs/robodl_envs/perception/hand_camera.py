"""The camera of perception tasks: in front of the hand, looking where the tool points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from robodl_envs.arrays import (
    Array,
    array,
    clip,
    copy,
    namespace,
    quat_conjugate,
    quat_mul,
    quat_rotate,
    quat_to_rotvec,
)
from robodl_envs.component import Component, Observable

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot

POSITION = (0.07, 0.0, 0.03)  # m, hand frame: beside the fingers, which stay out of the image
FOVY = 60.0  # degrees
ORIENTATION = (0.0, math.sqrt(0.5), math.sqrt(0.5), 0.0)  # hand frame: looks along z, x upwards in the image
TAN_HALF_FOVY = math.tan(0.5 * math.radians(FOVY))


class HandCamera(Component):
    """A camera named "wrist" on the hand of a robot, which experts find as `robot.hand_camera`.

    Args:
        aspect: width of its images by their height.
    """

    def __init__(self, robot: Robot, aspect: float):
        self.robot, self.aspect = robot, aspect
        # The camera's own, or rows' where these vary: (N, 1); (N, 3) m, (N, 4) and (N, 3), hand frame.
        self.tan_half_fovy: Any = TAN_HALF_FOVY
        self.position: Any = POSITION
        self.orientation: Any = ORIENTATION
        self.line_of_sight: Any = (0.0, 0.0, 1.0)
        robot.hand_camera = self

    def build(self, spec):
        spec.body(self.robot.hand).add_camera(name="wrist", pos=POSITION, quat=ORIENTATION, fovy=FOVY)

    def bind(self, sim):
        camera = int(sim.model.camera("wrist").id)
        self.pos = sim.bind("cam_xpos")[:, camera]  # (N, 3), world frame, live
        self.mat = sim.bind("cam_xmat")[:, camera]  # (N, 9), rows of the matrix with columns right, up, backwards
        self.from_home = quat_conjugate(self.robot.home_quat)
        self.sim, self.index = sim, camera

    def begin(self, ids):
        fovy = self.sim.expanded.get("cam_fovy")
        if fovy is not None:
            self.tan_half_fovy = namespace(fovy).tan(0.5 * math.pi / 180.0 * fovy[:, self.index])[:, None]
        pos, quat = (self.sim.expanded.get(field) for field in ("cam_pos", "cam_quat"))
        if pos is not None:
            self.position = copy(pos[:, self.index])
        if quat is not None:
            self.orientation = copy(quat[:, self.index])
            self.line_of_sight = quat_rotate(self.orientation, array([0.0, 0.0, -1.0], self.orientation))

    def hand_rotation(self) -> Array:
        """Rotation vectors of the hand from its orientation at the start, pointing down: (N, 3) rad, world frame."""
        return quat_to_rotvec(quat_mul(self.robot.tool_quat, self.from_home))

    def observables(self):
        meaning, high = "rotation vector of the hand from pointing down, world frame", [math.pi] * 3
        low = [-value for value in high]
        return [Observable("hand_rotation", "rad", low, high, meaning, self.hand_rotation, proprioceptive=True)]

    def is_inside(self, points: Array, max_depth: float = math.inf) -> Array:
        """Test which points, (N, p, 3), world frame, are in the image, at most so deep, m: (N, p) bool."""
        seen = self.image_coordinates(points)
        return (abs(seen[..., 0]) <= 1.0) & (abs(seen[..., 1]) <= 1.0) & (seen[..., 2] <= max_depth)

    def image_coordinates(self, points: Array) -> Array:
        """Coordinates of points, (N, p, 3), world frame, in the image: (N, p, 3).

        Right and up, from -1 to 1 within the image, and the depth, m. Points behind the camera are never within it.
        """
        xp = namespace(points)
        offset = points - self.pos[:, None]
        x, y, z = (offset[..., k] for k in range(3))  # sums of three, written out: a third of the time
        right, up, back = (
            x * self.mat[:, k, None] + y * self.mat[:, 3 + k, None] + z * self.mat[:, 6 + k, None] for k in range(3)
        )
        depth = -back
        edge = clip(depth, 1e-6, math.inf) * self.tan_half_fovy
        in_front = xp.where(depth > 0.0, 1.0, 1e6)
        return xp.stack([right / (edge * self.aspect) * in_front, up / edge * in_front, depth], axis=2)


def camera_to_tool(robot: Robot, quat: Array) -> Array:
    """Offsets, (N, 3) m, from the camera to the tool when the hand's quaternion is quat, (N, 4)."""
    camera = robot.hand_camera.position
    if camera is not POSITION:
        return quat_rotate(quat, array(robot.tool_in_hand, quat) - array(camera, quat))
    return quat_rotate(quat, array([tool - at for tool, at in zip(robot.tool_in_hand, camera, strict=True)], quat))
