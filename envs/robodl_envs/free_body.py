"""Rigid bodies that move freely, and their observables."""

import math
from collections.abc import Callable

import mujoco

from robodl_envs.arrays import Array, array, namespace, quat_rotate
from robodl_envs.component import Observable
from robodl_envs.scene import HARD, OBJECT, OFFSET_BOUNDS, Corners
from robodl_envs.simulator import Simulator

BOX, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
RED, BLUE, YELLOW = (0.85, 0.22, 0.18, 1.0), (0.16, 0.36, 0.75, 1.0), (0.93, 0.75, 0.20, 1.0)
GOAL_GREEN = (0.15, 0.75, 0.35, 1.0)
FRICTION = (0.4, 0.005, 0.0001)  # sliding, torsional and rolling; wood on wood has 0.25 to 0.5
DENSITY = 600.0  # kg/m^3; wood: a cube of 4 cm weighs 38 g


class FreeBody:
    """A rigid body that moves freely: made in a task's `build`, bound in its `bind`.

    Args:
        half: half sizes of a box, m; or radius and half height of a cylinder, which stands on its round face.
        offset: bounds of its offset from the tool, low and high corner, m.
    """

    def __init__(
        self,
        spec: mujoco.MjSpec,
        name: str,
        half: tuple[float, ...],
        rgba=RED,
        density: float = DENSITY,
        offset: Corners = OFFSET_BOUNDS,
    ):
        self.name, self.offset = name, offset
        body = spec.worldbody.add_body(name=name)
        body.add_freejoint(name=name)
        body.add_geom(
            name=name,
            type=BOX if len(half) == 3 else CYLINDER,
            size=[*half, 0.0][:3],
            rgba=rgba,
            density=density,
            condim=4,
            friction=FRICTION,
            **OBJECT,
            **HARD,
        )

    def bind(self, sim: Simulator) -> None:
        joint = sim.joint(self.name)
        self.qpos, self.qvel = joint.qpos, joint.qvel  # (N, 7), (N, 6), live
        self.pos, self.quat = self.qpos[:, :3], self.qpos[:, 3:]  # world frame
        self.velocity = self.qvel[:, :3]  # (N, 3) m/s, world frame
        self.upright = sim.array([1.0, 0.0, 0.0, 0.0])

    def place(self, ids: Array, pos: Array, yaw: Array | None = None) -> None:
        """Put it at positions, (n, 3), upright, turned by yaw, (n,) rad; a reset row's bodies are at rest."""
        self.pos[ids] = pos
        self.quat[ids] = self.upright
        if yaw is not None:
            xp = namespace(yaw)
            self.quat[ids, 0], self.quat[ids, 3] = xp.cos(0.5 * yaw), xp.sin(0.5 * yaw)

    def observables(self, robot) -> list[Observable]:
        """Offset from the robot's tool, orientation and velocities."""
        speed = [2.0] * 3 + [30.0] * 3
        orientation, moving = f"the {self.name}'s orientation", "its linear and angular velocity"
        return [
            tool_offset(robot, self.name, lambda: self.pos, self.offset),
            Observable(f"{self.name}_quat", "1", [0.0, -1.0, -1.0, -1.0], [1.0] * 4, orientation, self.upper_quat),
            Observable(
                f"{self.name}_qvel", "m/s, rad/s", [-v for v in speed], speed, moving, lambda: self.qvel, vectors=(0,)
            ),
        ]

    def upper_quat(self) -> Array:
        """Its orientation, (N, 4), w >= 0, so that equal orientations have equal numbers."""
        return namespace(self.quat).where(self.quat[:, :1] < 0.0, -self.quat, self.quat)


def grasp_yaw(robot, body: FreeBody) -> Observable:
    """Observable of the rotation about z, up to pi/4, that brings the fingers to two faces of an upright cube."""
    quarter = 0.5 * math.pi

    def read() -> Array:
        xp, (w, x, y, z) = namespace(body.quat), (body.quat[:, k] for k in range(4))
        cube = xp.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        fingers = quat_rotate(robot.tool_quat, array([0.0, 1.0, 0.0], body.quat))
        angle = cube - xp.arctan2(fingers[:, 1], fingers[:, 0])
        return (angle - quarter * xp.round(angle / quarter))[:, None]

    meaning = f"rotation about the world's z axis that aligns the fingers with the {body.name}'s faces"
    return Observable(f"{body.name}_yaw", "rad", [-0.5 * quarter], [0.5 * quarter], meaning, read)


def tool_offset(robot, name: str, pos: Callable[[], Array], bounds: Corners = OFFSET_BOUNDS) -> Observable:
    """Observable of the offset from the robot's tool to something at positions, (N, 3) m, that `pos` gives."""
    if not callable(pos):
        rule = "pos must be a function that gives positions now, (N, 3) m, such as lambda: self.goal"
        raise TypeError(f"tool_offset of {name!r}: {rule}; got {type(pos).__name__}")
    meaning = f"from the tool to the {name}, world frame"
    return Observable(f"to_{name}", "m", *bounds, meaning, lambda: pos() - robot.tool, vectors=(0,))
