"""Tasks: a scene for the robot to act in, a goal, and what counts as having reached it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from robodl_envs.arrays import Array, distance
from robodl_envs.component import Component, Observable
from robodl_envs.scene import POSITION_BOUNDS

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot


class Task(Component):
    """A goal-conditioned task over N rows. Subclasses are dataclasses whose fields are the task's settings.

    `reward` and `success` are pure functions of goals with any leading axes: hindsight replay calls them on goals
    that no simulator has at hand. A reward is zero or less, and highest where the goal is met.
    """

    cameras: ClassVar[tuple[str, ...]] = ("front", "side")  # images of an observation where none are named
    gripper: ClassVar[bool] = False  # whether the robot's fingers move
    rotation: ClassVar[bool] = False  # whether actions of control="tool" rotate the tool
    metrics: ClassVar[tuple[str, ...]] = ()  # attributes, (N,) each, that `info` has too; "part.name" for a part's
    terminated: Array | None = None  # rows, (N,) bool, whose episode can't go on; None: only time ends an episode
    robot: Robot  # set by the engine before `build`

    def goal_observables(self) -> list[Observable]:
        """What a goal consists of, without readings: by default a position within 1.5 m of the robot's base."""
        return [Observable("position", "m", *POSITION_BOUNDS, "position, world frame")]

    def achieved_goal(self) -> Array:
        """The present state of what the goal is about: (N, g)."""
        raise NotImplementedError

    def desired_goal(self) -> Array:
        """The state that it should be in: (N, g)."""
        raise NotImplementedError

    def reward(self, achieved: Array, desired: Array) -> Array:
        """Minus the distance to the goal, m.

        The dense reward, (...,): a task whose goals are more than positions has its own.
        """
        return -distance(achieved, desired)

    def success(self, achieved: Array, desired: Array) -> Array:
        """Whether the goal is met, (...,) bool."""
        raise NotImplementedError

    def potential(self, achieved: Array, desired: Array) -> Array:
        """The distance to the goal, m.

        Its decrease is what reward="shaped" pays for, (N,). Unlike a dense reward it may depend on the whole scene: on
        how far the tool is from what it has to push, say.
        """
        return distance(achieved[..., :3], desired[..., :3])

    def unsupported_reason(self, robot: type[Robot]) -> str | None:
        """Why a robot can't do this task, in words; None if it can."""
        if self.rotation and len(robot.home) < 6:
            return f"it turns the tool freely, for which an arm needs 6 joints, and {robot.name} has {len(robot.home)}"
        return None


def needs_parallel_fingers(robot: type[Robot]) -> str | None:
    """Why a robot can't hold objects between parallel fingers, in words; None if it can."""
    if robot.gripper_class.parallel:
        return None
    return f"it needs fingers that stay parallel, and {robot.name} has a hinged jaw"


def checked_length(name: str, value: float) -> None:
    """Refuse a task's length that is not between 0 and 10 m: ValueError."""
    if not 0.0 < value < 10.0:
        raise ValueError(f"{name} must be more than 0 m and less than 10 m, got {value} m")
