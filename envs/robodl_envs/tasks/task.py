"""What a task is: a scene for the robot to act in, a goal, and what counts as having reached it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from robodl_envs.arrays import Array, distance
from robodl_envs.component import Component, Field

if TYPE_CHECKING:
    from robodl_envs.robots.robot import Robot


Corners = tuple[tuple[float, float, float], tuple[float, float, float]]  # low and high, of a box
NEAR: Corners = (-1.5, -1.5, -0.5), (1.5, 1.5, 1.5)  # m, where things are
AWAY: Corners = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)  # m, where they are from the tool


class Task(Component):
    """A goal-conditioned task over N rows. Subclasses are dataclasses whose fields are the task's settings.

    `reward` and `success` are pure functions of goals with any leading axes: hindsight replay calls them on goals
    that no simulator has at hand. A reward is zero or less, and highest where the goal is met.
    """

    cameras: ClassVar[tuple[str, ...]] = ("front", "side")  # pictures that an observation has where none are named
    chance: ClassVar[float] = 0.0  # success rate of a blind guess, in tasks that ask for an answer
    label: ClassVar[str] = "desired_goal"  # what of the state or of `points` pictures are best labelled with
    gripper: ClassVar[bool] = False  # whether the robot's fingers move
    rotation: ClassVar[bool] = False  # whether actions of control="tool" turn the tool
    size: ClassVar[int] = 0  # numbers of the action, after the robot's, that are for the task: what the policy says
    robot: Robot  # set by the engine before `build`

    def act(self, action: Array) -> None:
        """Take the task's share of the actions, (N, size) in [-1, 1]: called each step, before the simulation moves."""

    def action_parts(self) -> list[tuple[int, str]]:
        """How many numbers of the task's share do what, in words that go on "an action of 1 ..."."""
        return []

    def choices(self) -> list[slice]:
        """Parts of its share that score the classes of a choice, or one that says yes; for those who teach a policy."""
        return []

    def classes(self, label: str) -> tuple[str, ...]:
        """Names of the classes, where a label is 1 for one of them and 0 for the others; none for other numbers."""
        return ()

    def points(self) -> dict[str, Array]:
        """Places that pictures can be labelled with, beside fields of the state: {name: (N, p, d) m}, NaN if unseen."""
        return {}

    def count(self, ids: Array) -> None:
        """Add this instant to what the task counts over an episode: called each step for the rows that it moved."""

    def metrics(self) -> dict[str, Array]:
        """What this task is judged by besides success, of the episode so far: (N,) arrays, which go into info."""
        return {}

    def caption(self, row: int) -> str:
        """What a row's policy says now, in a line for people who watch it; "" where it says nothing."""
        return ""

    def summary(self, last: dict[str, Array]) -> dict[str, float]:
        """What an evaluation tells of n episodes. last: the metrics at their ends, (n,) each."""
        return {}

    def feel(self) -> list[Array]:
        """What the task lets an arm know without looking, with every kind of observation: (N, k) arrays."""
        return []

    def feel_fields(self) -> list[Field]:
        """What each array of `feel` is."""
        return []

    def observe(self) -> list[Array]:
        """What the task adds to the robot's observation: (N, k) arrays, none by default."""
        return []

    def fields(self) -> list[Field]:
        """What each array of `observe` is."""
        return []

    def goal_fields(self) -> list[Field]:
        """What a goal consists of: by default a position anywhere within 1.5 m of the robot's base."""
        return [Field("position", "m", *NEAR, "position, world frame")]

    def needs_parallel_fingers(self, robot: type[Robot]) -> str | None:
        if robot.gripper_class.parallel:
            return None
        return f"it needs fingers that stay parallel, and {robot.name} has a hinged jaw"

    def unsupported_reason(self, robot: type[Robot]) -> str | None:
        """Why a robot can't do this task, in words; None if it can."""
        if self.rotation and len(robot.home) < 6:
            return f"it turns the tool freely, for which an arm needs 6 joints, and {robot.name} has {len(robot.home)}"
        return None

    def achieved_goal(self) -> Array:
        """Where things stand: (N, g)."""
        raise NotImplementedError

    def desired_goal(self) -> Array:
        """Where they should: (N, g)."""
        raise NotImplementedError

    def reward(self, achieved: Array, desired: Array) -> Array:
        """Minus the distance to the goal, m.

        The dense reward, (...,): a task whose goals are more than positions has its own.
        """
        return -distance(achieved, desired)

    def success(self, achieved: Array, desired: Array) -> Array:
        """Whether the goal is met, (...,) bool."""
        raise NotImplementedError

    def distance(self, achieved: Array, desired: Array) -> Array:
        """How far a goal is from being met, (...,) m, for reports."""
        return distance(achieved[..., :3], desired[..., :3])

    def potential(self, achieved: Array, desired: Array) -> Array:
        """The distance to the goal, m.

        How far things are from done, (N,): reward="shaped" pays for its decrease. Unlike a dense reward, a task's own
        may look at the whole scene: at how far the tool is from what it has to push, say.
        """
        return self.distance(achieved, desired)

    def terminated(self) -> Array | None:
        """Rows, (N,) bool, whose episode can't go on; None where only time ends an episode."""
        return None


def checked_length(name: str, value: float) -> None:
    """Refuse a task's length that is none: ValueError."""
    if not 0.0 < value < 10.0:
        raise ValueError(f"{name} must be more than 0 m and less than 10 m, got {value} m")
