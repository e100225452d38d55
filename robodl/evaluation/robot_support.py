"""Pairs of task and robot that commands about every environment go through."""

from collections.abc import Sequence

from robodl_envs import robot_class, robot_names, task_class, task_names


def chosen(tasks: Sequence[str], robots: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tasks and robots of these names, each once; all of ours where none are named.

    Where a task of another package is named, all robots include those of other packages.

    Raises:
        KeyError: there is no such task or robot.
    """
    names = list(dict.fromkeys(tasks or task_names()))
    for name in names:
        task_class(name)
    arms = list(dict.fromkeys(robots or robot_names()))
    for arm in arms:
        robot_class(arm)
    return names, arms


def task_robot_pairs(tasks: Sequence[str], robots: Sequence[str]) -> list[tuple[str, str, str | None]]:
    """All pairs of chosen tasks and robots, and why the robot can't do the task; None if it can."""
    names, arms = chosen(tasks, robots)
    return [(name, arm, unsupported_reason(name, arm)) for name in names for arm in arms]


def unsupported_reason(task: str, robot: str) -> str | None:
    """Reason in words that a robot can't do a task; None if it can."""
    return task_class(task)().unsupported_reason(robot_class(robot))
