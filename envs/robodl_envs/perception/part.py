"""What is looked at: a part that lies on the table in another place, turned another way, in another light each time."""

import mujoco
import numpy as np

from robodl_envs.arrays import Array, quat_mul, quat_rotate, rotvec_to_quat
from robodl_envs.component import Component, Field
from robodl_envs.tasks.task import AWAY

LIGHTS = 0.5  # share by which the light's brightness varies, and its direction
UNIT = [-1.0] * 3, [1.0] * 3


class Part(Component):
    """A body that touches nothing, moved by hand (mocap) at the start of each episode, and the light it is seen in.

    Args:
        low, high: corners of the box that its middle is in, m, world frame.
        tilt: the least and the most that its z axis leans from upwards, rad.
        facing: the most that the direction it leans to is turned from -x, towards the arm's base, rad.
        spin: the most that it is turned about its own z axis, rad.
    """

    def __init__(self, low, high, tilt: tuple[float, float], facing: float, spin: float):
        self.low, self.high, self.tilt, self.facing, self.spin = low, high, tilt, facing, spin

    def build(self, spec):
        self.body = spec.worldbody.add_body(name="workpiece", mocap=True)

    def bind(self, sim):
        self.pos, self.quat = sim.mocap_pos("workpiece"), sim.mocap_quat("workpiece")  # (N, 3), (N, 4), live
        self.brightness, self.way = sim.expand("light_diffuse"), sim.expand("light_dir")  # (N, lights, 3)

    def reset(self, ids, rng):
        self.pos[ids] = rng.uniform(ids, self.low, self.high)
        lean = rng.uniform(ids, *self.tilt)
        side = np.pi + rng.uniform(ids, -self.facing, self.facing)
        axis = np.stack([-np.sin(side), np.cos(side), np.zeros(len(ids))], axis=1)
        spin = rng.uniform(ids, -self.spin, self.spin)[:, None] * (0.0, 0.0, 1.0)
        self.quat[ids] = quat_mul(rotvec_to_quat(axis * lean[:, None]), rotvec_to_quat(spin))
        self.brightness[ids] *= rng.uniform(ids, 1.0 - LIGHTS, 1.0 + LIGHTS)[:, None, None]
        way = self.way[ids] + rng.normal(ids, np.zeros(3), LIGHTS)[:, None]
        self.way[ids] = way / np.sqrt((way**2).sum(axis=2, keepdims=True))

    def axis(self, axis: tuple[float, float, float]) -> Array:
        """A direction of the part, given in its own frame, in the world's: (N, 3)."""
        return quat_rotate(self.quat, np.broadcast_to(axis, self.pos.shape))

    def points(self, points: Array) -> Array:
        """Points of the part, (N, p, 3) in its own frame, in the world's."""
        return self.pos[:, None] + quat_rotate(self.quat[:, None], points)

    def observe(self, tool: Array) -> list[Array]:
        return [self.pos - tool, self.axis((0.0, 0.0, 1.0)), self.axis((1.0, 0.0, 0.0))]

    def fields(self) -> list[Field]:
        return [
            Field("to_part", "m", *AWAY, "from the tool to the part, world frame"),
            Field("part_normal", "1", *UNIT, "the part's z axis, world frame"),
            Field("part_ahead", "1", *UNIT, "the part's x axis, world frame"),
        ]


def plate(body, half: tuple[float, float, float], name: str, rgba=(0.8, 0.8, 0.8, 1.0)) -> None:
    """Add a box to a body."""
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=half, rgba=rgba, contype=0, conaffinity=0)
