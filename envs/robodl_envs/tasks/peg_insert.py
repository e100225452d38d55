"""PegInsert: put the peg in hand into a hole that is 3 mm wider."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import distance
from robodl_envs.component import Field
from robodl_envs.free_body import BLUE, YELLOW, FreeBody
from robodl_envs.scene import OBJECT
from robodl_envs.tasks.task import AWAY, Task, checked_length

PEG = (0.010, 0.010, 0.040)  # m, half sizes
BELOW = 0.02  # m, of the peg's middle below the tool at the start
BLOCK, HEIGHT = 0.05, 0.05  # m, half width and height of the block with the hole
DEEP = np.array([0.0, 0.0, 0.02])  # m, from the block's foot to where the peg's tip is to go: 3 cm deep


@dataclass(eq=False)
class PegInsert(Task):
    """Put a square peg, already between the fingers, into a square hole.

    A goal is the position of the peg's tip, (N, 3), world frame, metres: 3 cm deep in the hole. An episode starts
    with the block somewhere below the robot's workspace.
    """

    gripper = True

    clearance: float = 0.003  # m, by which the hole is wider than the peg
    radius: float = 0.010  # m; closer than this is success, which lies inside the hole

    def __post_init__(self):
        checked_length("radius", self.radius)
        if not 0.0005 <= self.clearance <= 0.05:
            raise ValueError(f"clearance must be from 0.0005 m to 0.05 m, got {self.clearance} m")

    def unsupported_reason(self, robot):
        return super().unsupported_reason(robot) or self.needs_parallel_fingers(robot)

    def build(self, spec):
        self.peg = FreeBody(spec, "peg", PEG, YELLOW)
        block = spec.worldbody.add_body(name="block", mocap=True)
        inner = PEG[0] + 0.5 * self.clearance
        wall = 0.5 * (BLOCK - inner)  # half a wall's thickness
        for x, y, half in (
            (inner + wall, 0.0, (wall, BLOCK)),
            (-inner - wall, 0.0, (wall, BLOCK)),
            (0.0, inner + wall, (inner, wall)),
            (0.0, -inner - wall, (inner, wall)),
        ):
            block.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=[x, y, 0.5 * HEIGHT],
                size=[*half, 0.5 * HEIGHT],
                rgba=BLUE,
                **OBJECT,
            )

    def bind(self, sim):
        self.peg.bind(sim)
        self.block = sim.mocap_pos("block")

    def reset(self, ids, rng):
        (x0, y0), (x1, y1) = self.robot.table
        self.block[ids] = rng.uniform(ids, (x0 + BLOCK, y0 + BLOCK, 0.0), (x1 - BLOCK, y1 - BLOCK, 0.0))
        slip = rng.uniform(ids, (0.0, 0.0, -0.005), (0.0, 0.0, 0.005))
        self.peg.place(ids, self.robot.home_tool - (0.0, 0.0, BELOW) + slip)
        self.robot.fingers.hold(ids, 2.0 * PEG[1])

    def observe(self):
        return [*self.peg.observe(self.robot.tool), self.block - self.tip]

    def fields(self):
        return [
            *self.peg.fields(),
            Field("to_block", "m", *AWAY, "from the peg's tip to the block's foot"),
        ]

    @property
    def tip(self):
        """The middle of the peg's lower face, (N, 3), world frame."""
        w, x, y, z = (self.peg.quat[:, i] for i in range(4))
        up = np.stack([x * z + w * y, y * z - w * x, 0.5 - x * x - y * y], axis=1)  # (N, 3), half the peg's z axis
        return self.peg.pos - 2.0 * PEG[2] * up

    def achieved_goal(self):
        return self.tip

    def desired_goal(self):
        return self.block + DEEP

    def success(self, achieved, desired):
        """The peg's tip is closer than `radius` to its place in the hole."""
        return distance(achieved, desired) < self.radius
