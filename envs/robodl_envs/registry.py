"""Names of robots and tasks, and the classes behind them.

Ours are imported when first asked for. Other packages add theirs with `register_robot` and `register_task`, in
a module named by an entry point of the group "robodl.plugins", imported at the first unknown name:

    [project.entry-points."robodl.plugins"]
    my_package = "my_package.tasks"
"""

import importlib
from importlib.metadata import entry_points
from typing import Any

import gymnasium

from robodl_envs.arrays import did_you_mean

PLUGINS = "robodl.plugins"
ROBOTS: dict[str, str | type] = {
    "iiwa14": "robodl_envs.robots.iiwa14:Iiwa14",
    "panda": "robodl_envs.robots.panda:Panda",
    "so101": "robodl_envs.robots.so101:So101",
    "ur5e": "robodl_envs.robots.ur5e:Ur5e",
}
DOWNLOADED = frozenset({"iiwa14"})  # robots whose models the extra `robots` downloads
TASKS: dict[str, str | type] = {
    "reach": "robodl_envs.tasks.reach:Reach",
    "pose_reach": "robodl_envs.tasks.pose_reach:PoseReach",
    "push": "robodl_envs.tasks.push:Push",
    "slide": "robodl_envs.tasks.slide:Slide",
    "pick_and_place": "robodl_envs.tasks.pick_and_place:PickAndPlace",
    "stack": "robodl_envs.tasks.stack:Stack",
    "peg_insert": "robodl_envs.tasks.peg_insert:PegInsert",
    "open_drawer": "robodl_envs.tasks.open_drawer:OpenDrawer",
    "press_button": "robodl_envs.tasks.press_button:PressButton",
    "read_digit": "robodl_envs.perception.read_digit:ReadDigit",
    "inspect": "robodl_envs.perception.inspect:Inspect",
    "track": "robodl_envs.perception.track:Track",
}


def robot_names(downloaded: bool = False) -> list[str]:
    """Names of the robots known so far; an unknown name, or `load_plugins`, adds other packages'.

    Args:
        downloaded: whether to name those too that need the extra `robots`, and a network at their first use.
    """
    return sorted(set(ROBOTS) if downloaded else set(ROBOTS) - DOWNLOADED)


def task_names() -> list[str]:
    """Names of the tasks known so far; an unknown name, or `load_plugins`, adds other packages'."""
    return sorted(TASKS)


def robot_class(name: str) -> type:
    """The Robot subclass of a name; KeyError with near names for an unknown one."""
    return lookup("robot", ROBOTS, name)


def task_class(name: str) -> type:
    """The Task subclass of a name; KeyError with near names for an unknown one."""
    return lookup("task", TASKS, name)


def register_robot(name: str, robot: str | type) -> None:
    """Add a robot, a Robot subclass or "module:Class", under a name in lower case."""
    add("robot", ROBOTS, name, robot)


def register_task(name: str, task: str | type, max_episode_steps: int = 50) -> str:
    """Add a task, a Task subclass or "module:Class", and its Gymnasium id, which is returned.

    The id of `my_task` is `robodl/MyTask-v0`.
    """
    add("task", TASKS, name, task)
    return register_id(name, max_episode_steps)


def register_id(task: str, max_episode_steps: int) -> str:
    env_id = task_id(task)
    gymnasium.register(
        id=env_id,
        entry_point="robodl_envs.gym_env:make",
        vector_entry_point="robodl_envs.gym_env:make_vec",
        max_episode_steps=max_episode_steps,
        kwargs={"task": task},
    )
    return env_id


def task_id(task: str) -> str:
    """`pick_and_place` -> `robodl/PickAndPlace-v0`."""
    return f"robodl/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def add(kind: str, registry: dict, name: str, value: str | type) -> None:
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"a {kind}'s name is a lower-case identifier such as 'my_{kind}', got {name!r}")
    if name in registry and place(registry[name]) != place(value):
        raise ValueError(f"there is a {kind} named {name!r} already: {place(registry[name])}")
    registry[name] = value


def place(value: Any) -> str:
    """Where a class or function is defined, "module:name": one registered again, in a notebook say, replaces itself."""
    return value if isinstance(value, str) else f"{value.__module__}:{value.__qualname__}"


def lookup(kind: str, registry: dict, name: str) -> type:
    if name not in registry:
        load_plugins()
    if name not in registry:
        known = ", ".join(sorted(set(registry) - DOWNLOADED))
        if more := DOWNLOADED & set(registry):
            known += f"; with the extra robots: {', '.join(sorted(more))}"
        raise KeyError(f"no {kind} named {name!r}{did_you_mean(str(name), registry)}; installed: {known}")
    value = registry[name]
    if isinstance(value, str):
        module, _, attribute = value.partition(":")
        value = registry[name] = getattr(importlib.import_module(module), attribute)
    return value


def load_plugins() -> None:
    """Import what installed packages offer under the entry-point group "robodl.plugins"."""
    for entry_point in entry_points(group=PLUGINS):
        entry_point.load()
