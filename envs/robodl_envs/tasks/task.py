"""Tasks: a scene for the robot to act in, a goal, and what counts as having reached it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import mujoco

from robodl_envs.arrays import Array, distance
from robodl_envs.component import Component, Constant, Observable
from robodl_envs.free_body import RED, FreeBody, grasp_yaw
from robodl_envs.scene import POSITION_BOUNDS, Corners

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot

MIN_DISTANCE = 0.10  # m, between a cube and its goal at the start, and between cubes
GOAL_ON_TABLE = Constant((2,), "goals lie on the table")


class Task(Component):
    """A goal-conditioned task over N rows. Subclasses are dataclasses whose fields are the task's settings.

    `reward` and `success` are pure functions of goals with any leading axes: hindsight replay calls them on goals
    that no simulator has at hand. A reward is zero or less, and highest where the goal is met.
    """

    cameras: ClassVar[tuple[str, ...]] = ("front", "side")  # images of an observation where none are named
    gripper: ClassVar[bool] = False  # whether the robot's fingers move
    parallel_fingers: ClassVar[bool] = False  # whether they must stay parallel
    min_depth: ClassVar[float] = 0.0  # m, the least depth of a workspace to do it in
    rotation: bool = False  # whether actions of control="tool" rotate the tool
    metrics: ClassVar[tuple[str, ...]] = ()  # attributes, (N,) each, that `info` has too; "part.name" for a part's
    terminated: Array | None = None  # rows, (N,) bool, whose episode can't go on; None: only time ends an episode
    robot: Robot  # set by the engine before `build`
    radius: float  # m, a setting of tasks with the default `success`
    yaw: float = 0.0  # rad, a setting of tasks whose cubes may be turned at the start
    goal: Array  # (N, 3), live, position of the mocap body "goal": writing moves it; where `build` adds such a body

    def __post_init__(self):
        self.rotation = self.rotation or self.turns_fingers
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            if "bounds" in field.metadata:
                check_bounds(field.name, getattr(self, field.name), *field.metadata["bounds"])

    @property
    def turns_fingers(self) -> bool:
        """Grasping of cubes that are turned: fingers have to turn with the task's first free body."""
        return self.gripper and self.yaw > 0.0

    @property
    def free_bodies(self) -> list[FreeBody]:
        """The free bodies among the task's attributes, in the order in which `build` made them."""
        return [value for value in vars(self).values() if isinstance(value, FreeBody)]

    def bind(self, sim):
        """Bind parts, free bodies and `goal`."""
        super().bind(sim)
        for body in self.free_bodies:
            body.bind(sim)
        goal = mujoco.mj_name2id(sim.model, mujoco.mjtObj.mjOBJ_BODY, "goal")
        if goal >= 0 and sim.model.body_mocapid[goal] >= 0:
            self.goal = sim.mocap_pos("goal")

    def add_cube(self, spec: mujoco.MjSpec, name: str, rgba=RED) -> FreeBody:
        """Add a cube of the size that the robot's gripper holds well."""
        return FreeBody(spec, name, (0.5 * self.robot.cube,) * 3, rgba)

    def place_turned(self, cube: FreeBody, ids: Array, pos: Array, rng: Any) -> None:
        """Put a cube at positions, (n, 3), turned at random by up to the task's setting `yaw`."""
        cube.place(ids, pos, rng.uniform(ids, -self.yaw, self.yaw) if self.yaw else None)

    def on_table(self, z: float, margin: float = 0.0) -> Corners:
        """Low and high corner of the points below the robot's workspace at a height z, a margin from its edges, m."""
        (x0, y0), (x1, y1) = self.robot.table
        return (x0 + margin, y0 + margin, z), (x1 - margin, y1 - margin, z)

    def scene_box(self) -> Corners:
        """Low and high corner, m, of all that the camera overview and `render` show: by default the workspace."""
        return self.robot.workspace

    def observables(self) -> list[Observable]:
        """By default those of the free bodies."""
        found = [each for body in self.free_bodies for each in body.observables(self.robot)]
        return [*found, grasp_yaw(self.robot, self.free_bodies[0])] if self.turns_fingers else found

    def goal_observables(self) -> list[Observable]:
        """Parts of a goal, without readings: by default a position within 1.5 m of the robot's base."""
        return [goal_position()]

    def achieved_goal(self) -> Array:
        """The present state of what the goal is about: (N, g)."""
        raise NotImplementedError

    def desired_goal(self) -> Array:
        """The state that it should be in: (N, g); by default `goal`."""
        return self.goal

    def reward(self, achieved: Array, desired: Array) -> Array:
        """Minus the distance to the goal, m.

        The dense reward, (...,): a task whose goals are more than positions has its own.
        """
        return -distance(achieved, desired)

    def success(self, achieved: Array, desired: Array) -> Array:
        """The achieved position is closer than `radius` to the goal.

        (...,) bool: a task whose goals are more than positions has its own.
        """
        return distance(achieved, desired) < self.radius

    def potential(self, achieved: Array, desired: Array) -> Array:
        """The distance to the goal, m.

        Its decrease is what reward="shaped" pays for, (N,). Unlike a dense reward it may depend on the whole scene: on
        how far the tool is from what it has to push, say.
        """
        return distance(achieved[..., :3], desired[..., :3])

    def unsupported_reason(self, robot: type[Robot]) -> str | None:
        """Reason in words that a robot can't do this task; None if it can."""
        if self.rotation and len(robot.home) < 6:
            return f"it turns the tool freely, for which an arm needs 6 joints, and {robot.name} has {len(robot.home)}"
        if (depth := robot.workspace[1][0] - robot.workspace[0][0]) < self.min_depth:
            return f"it needs a workspace {self.min_depth} m deep, and {robot.name}'s is {depth:.2f} m"
        if self.parallel_fingers and not robot.gripper_class.parallel:
            return f"it needs fingers that stay parallel, and {robot.name} has a hinged jaw"
        return None


def goal_position(*constants: Constant, bounds: Corners = POSITION_BOUNDS) -> Observable:
    """A goal's position, with the reasons why some of it is always the same."""
    return Observable("position", "m", *bounds, "position, world frame", constants=constants)


def bounded(default: float, low: float, high: float, unit: str = "", closed: bool = False) -> Any:
    """A setting of a task with bounds, which the constructor checks; `closed` if they are among its values."""
    return dataclasses.field(default=default, metadata={"bounds": (low, high, unit, closed)})


def turned_by() -> Any:
    """A setting `yaw`, rad: by how much cubes may be turned about z at the start, either way."""
    return bounded(0.0, 0.0, math.pi, "rad", closed=True)


def length(default: float) -> Any:
    """A setting that is a length, m."""
    return bounded(default, 0.0, 10.0, "m")


def check_bounds(name: str, value: float, low: float, high: float, unit: str, closed: bool) -> None:
    """ValueError for a value that is not within the bounds."""
    if not (low < value < high or (closed and low <= value <= high)):
        least, most, got = (f"{number:g} {unit}".strip() for number in (low, high, value))
        rule = f"from {least} to {most}" if closed else f"more than {least} and less than {most}"
        raise ValueError(f"{name} must be {rule}, got {got}")
