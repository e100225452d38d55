"""Rigid bodies that move freely, and their observables."""

import mujoco
import numpy as np

from robodl_envs.arrays import Array, namespace
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
    """

    def __init__(self, spec: mujoco.MjSpec, name: str, half: tuple[float, ...], rgba=RED, density: float = DENSITY):
        self.name = name
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

    def place(self, ids: Array, pos: Array) -> None:
        """Put it at positions, (n, 3), upright; a reset row's bodies are at rest."""
        self.pos[ids] = pos
        self.quat[ids] = self.upright

    def observables(self, robot, offset: Corners = OFFSET_BOUNDS) -> list[Observable]:
        """Offset from the robot's tool, within bounds given as low and high corner, orientation and velocities."""
        name, speed = self.name, np.repeat([2.0, 30.0], 3)
        offset_meaning, quat_meaning = f"from the tool to the {name}, world frame", f"the {name}'s orientation"
        return [
            Observable(f"to_{name}", "m", *offset, offset_meaning, lambda: self.pos - robot.tool),
            Observable(f"{name}_quat", "1", [0.0, -1.0, -1.0, -1.0], [1.0] * 4, quat_meaning, self.unique_quat),
            Observable(
                f"{name}_qvel", "m/s, rad/s", -speed, speed, "its linear and angular velocity", lambda: self.qvel
            ),
        ]

    def unique_quat(self) -> Array:
        """Orientations with w >= 0, (N, 4), so that equal ones compare equal."""
        return namespace(self.quat).where(self.quat[:, :1] < 0.0, -self.quat, self.quat)
