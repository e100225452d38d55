"""A part on the table: at another position, in another orientation, in another light in each episode."""

import math
from dataclasses import dataclass

import mujoco

from robodl_envs.arrays import Array, array, namespace, quat_mul, quat_rotate, rotvec_to_quat
from robodl_envs.component import Component, Observable
from robodl_envs.free_body import tool_offset
from robodl_envs.scene import NO_CONTACT
from robodl_envs.simulator import Simulator

LIGHT_VARIATION = 0.5  # share by which the light's brightness varies, and its direction
UNIT = [-1.0] * 3, [1.0] * 3


@dataclass(eq=False)
class Part(Component):
    """A body that touches nothing, moved at the start of each episode (mocap), and its light."""

    low: tuple[float, float, float]  # m, corners of the box of its position, world frame
    high: tuple[float, float, float]
    tilt: tuple[float, float]  # rad, the least and the most that its z axis leans from upwards
    facing: float  # rad, the most that the direction it leans to is rotated from -x, towards the arm's base
    spin: float  # rad, the most that it is rotated about its own z axis

    def build(self, spec):
        self.body = spec.worldbody.add_body(name="part", mocap=True)

    def bind(self, sim):
        self.pos, self.quat = sim.mocap_pos("part"), sim.mocap_quat("part")  # (N, 3), (N, 4), live
        self.light_diffuse, self.light_dir = sim.expand("light_diffuse"), sim.expand("light_dir")  # (N, lights, 3)
        self.x_axis, self.z_axis = sim.array([1.0, 0.0, 0.0]), sim.array([0.0, 0.0, 1.0])

    def reset(self, ids, rng):
        xp = namespace(self.pos)
        self.pos[ids] = rng.uniform(ids, self.low, self.high)
        lean = rng.uniform(ids, *self.tilt)
        heading = math.pi + rng.uniform(ids, -self.facing, self.facing)
        axis = xp.stack([-xp.sin(heading), xp.cos(heading), 0.0 * heading], axis=1)
        spin = rng.uniform(ids, -self.spin, self.spin)[:, None] * self.z_axis
        self.quat[ids] = quat_mul(rotvec_to_quat(axis * lean[:, None]), rotvec_to_quat(spin))
        brightness = rng.uniform(ids, 1.0 - LIGHT_VARIATION, 1.0 + LIGHT_VARIATION)[:, None, None]
        self.light_diffuse[ids] = array(self.light_diffuse[ids] * brightness, self.light_diffuse)
        direction = self.light_dir[ids] + rng.normal(ids, [0.0] * 3, LIGHT_VARIATION)[:, None]
        length = xp.sqrt((direction**2).sum(axis=2, keepdims=True))
        self.light_dir[ids] = array(direction / length, self.light_dir)

    def axis(self, axis: Array) -> Array:
        """A direction, (3,) in the part's own frame, in the world's: (N, 3)."""
        return quat_rotate(self.quat, axis)

    def points(self, points: Array) -> Array:
        """Points, (N, p, 3) or (p, 3) in the part's own frame, in the world's: (N, p, 3)."""
        return self.pos[:, None] + quat_rotate(self.quat[:, None], points)

    def observables_from(self, robot) -> list[Observable]:
        """The part's pose, its position as an offset from the robot's tool."""
        return [
            tool_offset(robot, "part", lambda: self.pos),
            Observable("part_normal", "1", *UNIT, "the part's z axis, world frame", lambda: self.axis(self.z_axis)),
            Observable("part_x_axis", "1", *UNIT, "the part's x axis, world frame", lambda: self.axis(self.x_axis)),
        ]


def add_plate(body, half, name: str, pos=(0.0, 0.0, 0.0), rgba=(0.8, 0.8, 0.8, 1.0)) -> None:
    """Add a box that touches nothing to a body; half sizes and position in m."""
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=half, rgba=rgba, **NO_CONTACT)


def add_mark(body, name: str, kind: mujoco.mjtGeom, x: float, z: float, size: list[float]) -> None:
    """Add a geom whose pose, size and colour each row sets; it touches nothing."""
    # Aslant: of geoms that lie as their body does, MuJoCo ignores a row's own poses.
    quat = [math.cos(0.5), 0.0, math.sin(0.5), 0.0]
    body.add_geom(name=name, type=kind, pos=[x, 0.0, z], quat=quat, size=size, **NO_CONTACT)


class RowGeoms:
    """Geoms from a first to a last one, by their names, and the fields that rows own of them: (N, count, k), live."""

    def __init__(self, sim: Simulator, first: str, last: str):
        ids = slice(int(sim.model.geom(first).id), int(sim.model.geom(last).id) + 1)
        self.count = ids.stop - ids.start
        self.pos, self.quat = sim.expand("geom_pos")[:, ids], sim.expand("geom_quat")[:, ids]
        self.size, self.rgba = sim.expand("geom_size")[:, ids], sim.expand("geom_rgba")[:, ids]

    def paint(self, ids: Array, rgb: Array) -> None:
        """Give all geoms of each row a colour, (n, 3)."""
        rgb = array(rgb[:, None], self.rgba)
        self.rgba[ids, :, :3] = namespace(rgb).broadcast_to(rgb, (len(ids), self.count, 3))
