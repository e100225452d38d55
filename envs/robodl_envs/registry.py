"""Robots and tasks by name: one row each.

Ours are imported when first asked for. Other packages add theirs with `register_robot` and `register_task`, in
a module named by an entry point of the group "robodl.plugins", which is imported with robodl_envs:

    [project.entry-points."robodl.plugins"]
    my_package = "my_package.tasks"
"""

import dataclasses
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import gymnasium

from robodl_envs.arrays import did_you_mean


@dataclass(frozen=True)
class TaskEntry:
    """One row of the registry.

    Args:
        task: a Task subclass, or "module:Class".
        max_episode_steps: time limit of its id, in steps of 0.04 s; of ours at least twice what 95 % of the expert's
            episodes need.
        expert: a scripted policy, a function of (state, robot) to a Move, or "module:function"; None for none.
        student_observable_expert: the same for imitation, where the expert knows more than images show.
        capacity: room that backend="warp" has, for contacts, on average over all rows, and for constraints of each
            row; of ours at least 1.5 times what experts and random actions needed on any robot.
    """

    task: str | type
    max_episode_steps: int = 50
    expert: str | Callable | None = None
    student_observable_expert: str | Callable | None = None
    capacity: tuple[int, int] = (64, 192)


def ours(
    place: str, max_episode_steps: int, capacity: tuple[int, int], experts: str, student: str | None = None
) -> TaskEntry:
    """A row of a task of this package, whose experts lie in a module of robodl_envs.experts."""
    name = place.partition(":")[0].rpartition(".")[2]
    module = f"robodl_envs.experts.{experts}"
    teacher = student and f"{module}:{student}"
    return TaskEntry(f"robodl_envs.{place}", max_episode_steps, f"{module}:{name}", teacher, capacity)


TASKS: dict[str, TaskEntry] = {
    "reach": ours("tasks.reach:Reach", 50, (8, 48), "manipulation"),
    "pose_reach": ours("tasks.pose_reach:PoseReach", 50, (8, 48), "manipulation"),
    "push": ours("tasks.push:Push", 120, (16, 96), "manipulation"),
    "slide": ours("tasks.slide:Slide", 200, (16, 96), "manipulation"),
    "pick_and_place": ours("tasks.pick_and_place:PickAndPlace", 100, (24, 96), "manipulation"),
    "stack": ours("tasks.stack:Stack", 150, (32, 128), "manipulation"),
    "peg_insert": ours("tasks.peg_insert:PegInsert", 100, (24, 96), "manipulation"),
    "open_drawer": ours("tasks.open_drawer:OpenDrawer", 100, (16, 80), "manipulation"),
    "press_button": ours("tasks.press_button:PressButton", 50, (16, 64), "manipulation"),
    "read_digit": ours("perception.read_digit:ReadDigit", 60, (8, 48), "perception"),
    "inspect": ours("perception.inspect:Inspect", 120, (8, 48), "perception"),
    "track": ours("perception.track:Track", 200, (8, 64), "track", "search_policy"),
}
ROBOTS: dict[str, str | type] = {
    "iiwa14": "robodl_envs.robots.iiwa14:Iiwa14",
    "panda": "robodl_envs.robots.panda:Panda",
    "so101": "robodl_envs.robots.so101:So101",
    "ur5e": "robodl_envs.robots.ur5e:Ur5e",
}
DOWNLOADED = frozenset({"iiwa14"})  # robots whose models the extra `robots` downloads


def robot_names(downloaded: bool = False) -> list[str]:
    """Names of all robots; with `downloaded` also of those that need the extra `robots`, and a network at first."""
    return sorted(set(ROBOTS) if downloaded else set(ROBOTS) - DOWNLOADED)


def task_names() -> list[str]:
    """Names of all tasks."""
    return sorted(TASKS)


def robot_class(name: str) -> type:
    """The Robot subclass of a name; KeyError with near names for an unknown one."""
    return imported(known_entry("robot", ROBOTS, name))


def task_class(name: str) -> type:
    """The Task subclass of a name; KeyError with near names for an unknown one."""
    return imported(task_entry(name).task)


def task_entry(name: str) -> TaskEntry:
    """The row of a task's name; KeyError with near names for an unknown one."""
    return known_entry("task", TASKS, name)


def task_name(task: Any) -> str | None:
    """The name that the class of a task is registered by; None if it is not registered."""
    return next((name for name, entry in TASKS.items() if place(entry.task) == place(type(task))), None)


def register_robot(name: str, robot: str | type) -> None:
    """Add a robot, a Robot subclass or "module:Class", under a name in lower case."""
    check_new("robot", name, ROBOTS.get(name), robot)
    ROBOTS[name] = robot


def register_task(
    name: str, task: str | type, max_episode_steps: int = 50, expert: str | Callable | None = None
) -> str:
    """Add a task, a Task subclass or "module:Class", and its Gymnasium id, which is returned.

    The id of `my_task` is `robodl/MyTask-v0`.

    Args:
        expert: a scripted policy, a function of (state, robot) to a Move, or "module:function".
    """
    known = TASKS.get(name)
    check_new("task", name, known and known.task, task)
    expert = known.expert if known and expert is None else expert
    TASKS[name] = TaskEntry(task, max_episode_steps, expert)
    return register_id(name)


def register_expert(task: str, expert: str | Callable) -> None:
    """Give a task, by its name, a scripted expert: a function of (state, robot) to a Move, or "module:function"."""
    entry = task_entry(task)
    if entry.expert is not None and place(entry.expert) != place(expert):
        raise ValueError(f"there is an expert for {task!r} already: {place(entry.expert)}")
    TASKS[task] = dataclasses.replace(entry, expert=expert)


def register_id(task: str) -> str:
    """Register a task's id with Gymnasium."""
    env_id = task_id(task)
    gymnasium.register(
        id=env_id,
        entry_point="robodl_envs.gym_env:make_id",
        vector_entry_point="robodl_envs.gym_env:make_vec_id",
        max_episode_steps=TASKS[task].max_episode_steps,
        kwargs={"task": task},
    )
    return env_id


def task_id(task: str) -> str:
    """`pick_and_place` -> `robodl/PickAndPlace-v0`."""
    return f"robodl/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def check_new(kind: str, name: str, known: Any, value: Any) -> None:
    """Refuse a name that is no lower-case identifier, or that something else has."""
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"a {kind}'s name is a lower-case identifier such as 'my_{kind}', got {name!r}")
    if known is not None and place(known) != place(value):
        raise ValueError(f"there is a {kind} named {name!r} already: {place(known)}")


def place(value: Any) -> str:
    """Module and name of a class or function: one registered again, in a notebook say, replaces itself."""
    return value if isinstance(value, str) else f"{value.__module__}:{value.__qualname__}"


def imported(value: Any) -> Any:
    """A class or function, given as itself or as "module:name"."""
    if not isinstance(value, str):
        return value
    module, _, name = value.partition(":")
    return getattr(importlib.import_module(module), name)


def known_entry(kind: str, registry: dict, name: str) -> Any:
    """The entry of a name; KeyError with near names if neither we nor a plugin has it."""
    if name not in registry:
        known = ", ".join(sorted(set(registry) - DOWNLOADED))
        if more := DOWNLOADED & set(registry):
            known += f"; with the extra robots: {', '.join(sorted(more))}"
        raise KeyError(f"no {kind} named {name!r}{did_you_mean(str(name), registry)}; installed: {known}")
    return registry[name]


def load_plugins() -> None:
    """Import the plugins of installed packages; one that fails is named in one warning, and harms nothing else."""
    for entry_point in entry_points(group="robodl.plugins"):
        try:
            entry_point.load()
        except Exception as error:  # whatever the plugin's code raises
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            warnings.warn(f"plugin {entry_point.name} ({entry_point.value}) is left out: {reason}", stacklevel=2)
