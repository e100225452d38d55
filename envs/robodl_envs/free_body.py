"""Things that tasks are about: free bodies, and what an observation says of them."""

import mujoco
import numpy as np

from robodl_envs.arrays import Array
from robodl_envs.component import Field
from robodl_envs.scene import HARD, OBJECT
from robodl_envs.simulator import Simulator
from robodl_envs.tasks.task import AWAY, Corners

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

    def __init__(
        self,
        spec: mujoco.MjSpec,
        name: str,
        half: tuple[float, ...],
        rgba=RED,
        density: float = DENSITY,
    ):
        self.name, self.half = name, half
        kind = BOX if len(half) == 3 else CYLINDER
        body = spec.worldbody.add_body(name=name)
        body.add_freejoint(name=name)
        body.add_geom(
            name=name,
            type=kind,
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

    def place(self, ids: np.ndarray, pos: Array) -> None:
        """Put it at positions, (n, 3), upright and at rest."""
        self.pos[ids] = pos
        self.quat[ids] = (1.0, 0.0, 0.0, 0.0)

    def observe(self, tool: Array) -> list[Array]:
        """Where it is from the tool, (N, 3); how it is turned, (N, 4), w >= 0; and its velocities, (N, 6)."""
        quat = np.where(self.quat[:, :1] < 0.0, -self.quat, self.quat)
        return [self.pos - tool, quat, self.qvel]

    def fields(self, away: Corners = AWAY) -> list[Field]:
        """What each array of `observe` is. away: low and high corner, m, of where it is from the tool."""
        speed = [2.0] * 3 + [30.0] * 3
        return [
            Field(f"to_{self.name}", "m", *away, f"from the tool to the {self.name}, world frame"),
            Field(f"{self.name}_quat", "1", [0.0] + [-1.0] * 3, [1.0] * 4, f"the {self.name}'s orientation"),
            Field(f"{self.name}_qvel", "m/s, rad/s", [-v for v in speed], speed, "its velocity, world frame; its turn"),
        ]
