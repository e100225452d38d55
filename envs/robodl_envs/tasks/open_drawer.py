"""OpenDrawer: hook a drawer's handle and pull."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import distance
from robodl_envs.component import Field
from robodl_envs.free_body import GOAL_GREEN
from robodl_envs.scene import FIXTURE, add_marker
from robodl_envs.tasks.task import AWAY, Task, checked_length

BOX, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE
WIDE, HIGH, DEEP = 0.10, 0.055, 0.10  # m, half sizes of the cabinet
STANDOFF = 0.045  # m, from the drawer's front to the middle of its handle
BAR, BAR_LENGTH = 0.006, 0.05  # m, radius and half length of the handle
HANDLE = 0.09  # m above the table
AHEAD = np.array([1.0, 0.0, 0.0])  # into the cabinet
UP_TO_HANDLE = np.array([0.0, 0.0, HANDLE])
HOOK = 0.5 * STANDOFF * AHEAD  # from the handle to where a finger hooks it
WOOD, FRONT, METAL = (0.55, 0.40, 0.26, 1.0), (0.72, 0.55, 0.37, 1.0), (0.75, 0.77, 0.80, 1.0)


@dataclass(eq=False)
class OpenDrawer(Task):
    """Pull a drawer open by a given length. The fingers are shut: they hook the handle.

    A goal is the position of the handle's middle, (N, 3), world frame, metres. An episode starts with the drawer shut
    and its cabinet at the far side of the robot's workspace; the goal lies 30 to 70 % of the workspace's depth
    towards the robot.
    """

    radius: float = 0.015  # m; closer than this is success

    def __post_init__(self):
        checked_length("radius", self.radius)

    def build(self, spec):
        (x0, _), (x1, _) = self.robot.table
        self.depth = x1 - x0
        cabinet = spec.worldbody.add_body(name="cabinet", mocap=True)  # its origin: the shut handle's foot
        behind = STANDOFF + 0.01
        for pos, half in (
            ((behind + DEEP, WIDE - 0.005, HIGH), (DEEP, 0.005, HIGH)),
            ((behind + DEEP, 0.005 - WIDE, HIGH), (DEEP, 0.005, HIGH)),
            ((behind + 2 * DEEP - 0.005, 0.0, HIGH), (0.005, WIDE - 0.01, HIGH)),
            ((behind + DEEP, 0.0, 2 * HIGH - 0.005), (DEEP, WIDE - 0.01, 0.005)),
        ):
            cabinet.add_geom(type=BOX, pos=pos, size=half, rgba=WOOD, **FIXTURE)
        drawer = cabinet.add_body(name="drawer")
        drawer.add_joint(
            name="drawer",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[-1, 0, 0],
            range=[0.0, 0.9 * self.depth],
            limited=True,
            damping=5.0,
            frictionloss=1.0,
        )
        front, inside = WIDE - 0.012, HIGH - 0.012
        drawer.add_geom(type=BOX, pos=[behind, 0, HIGH], size=[0.008, front, inside], rgba=FRONT, mass=0.3, **FIXTURE)
        drawer.add_geom(
            type=BOX,
            pos=[behind + 0.8 * DEEP, 0, 0.02],
            size=[0.8 * DEEP, front, 0.004],
            rgba=FRONT,
            mass=0.3,
            **FIXTURE,
        )
        ends = [[0, -BAR_LENGTH, HANDLE], [0, BAR_LENGTH, HANDLE]]
        drawer.add_geom(type=CAPSULE, fromto=[*ends[0], *ends[1]], size=[BAR, 0, 0], rgba=METAL, mass=0.05, **FIXTURE)
        for end in ends:
            post = [*end, behind, *end[1:]]
            drawer.add_geom(type=CAPSULE, fromto=post, size=[BAR, 0, 0], rgba=METAL, mass=0.02, **FIXTURE)
        add_marker(spec, "goal", 0.008, GOAL_GREEN)

    def bind(self, sim):
        self.cabinet, self.goal = sim.mocap_pos("cabinet"), sim.mocap_pos("goal")
        joint = sim.joint("drawer")
        self.opened, self.speed = joint.qpos, joint.qvel  # (N, 1), live

    def reset(self, ids, rng):
        (_, y0), (x1, y1) = self.robot.table
        place = rng.uniform(ids, (x1 - 0.15 * self.depth, 0.5 * y0, 0.0), (x1 - 0.05 * self.depth, 0.5 * y1, 0.0))
        self.cabinet[ids] = place
        pull = rng.uniform(ids, 0.3, 0.7) * self.depth
        self.goal[ids] = place + np.stack([-pull, 0.0 * pull, np.full(len(ids), HANDLE)], axis=1)

    @property
    def handle(self):
        """The handle's middle, (N, 3), world frame."""
        return self.cabinet + UP_TO_HANDLE - self.opened * AHEAD

    def observe(self):
        return [self.handle - self.robot.tool, self.speed]

    def fields(self):
        return [
            Field("to_handle", "m", *AWAY, "from the tool to the handle, world frame"),
            Field("drawer_qvel", "m/s", [-1.5], [1.5], "the drawer's speed, opening"),
        ]

    def achieved_goal(self):
        return self.handle

    def desired_goal(self):
        return self.goal

    def success(self, achieved, desired):
        """The handle's middle is closer than `radius` to the goal."""
        return distance(achieved, desired) < self.radius

    def potential(self, achieved, desired):
        """The handle's distance to the goal and half the tool's distance to where it hooks the handle, m."""
        return distance(achieved, desired) + 0.5 * distance(self.robot.tool, self.handle + HOOK)
