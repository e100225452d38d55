"""Checks at the door: settings are judged once, when an environment is made, and refused in one line."""

import copy
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from robodl_envs.arrays import did_you_mean
from robodl_envs.cameras import CameraSensors
from robodl_envs.engine import BatchEnv, available_cores
from robodl_envs.randomization.settings import randomize_settings
from robodl_envs.registry import robot_class, robot_names, task_class
from robodl_envs.robots.robot import Robot
from robodl_envs.tasks.task import Task

RENDER_MODES = ["rgb_array"]
OBSERVATIONS = ("state", "image", "image+state")


def make_batch(settings: Mapping[str, Any], num: int) -> BatchEnv:
    """A BatchEnv of num rows from an environment's arguments, by name.

    A task given as an object is copied: two environments never share one.
    """
    task, observation = settings["task"], settings["observation"]
    if observation not in OBSERVATIONS:
        near = did_you_mean(str(observation), OBSERVATIONS)
        raise ValueError(f"observation must be one of {', '.join(OBSERVATIONS)}, got {observation!r}{near}")
    task = copy.deepcopy(task) if isinstance(task, Task) else task_class(task)()
    arm = checked_robot(settings["robot"], task)(
        control=settings["control"], gripper=task.gripper, rotation=task.rotation
    )
    threads, randomize = settings["threads"], randomize_settings(settings["randomize"])
    chosen = task.cameras if settings["cameras"] is None else settings["cameras"]
    names, size = checked_names(chosen), checked_size(settings["image_size"])
    # Made even if nothing is to be seen, so that wrong settings are refused.
    eyes = CameraSensors(
        arm, names, size, settings["renderer"], max(1, min(threads or available_cores(), num)), randomize
    )
    limits = settings["control_dt"], settings["reward"], settings["max_episode_steps"]
    return BatchEnv(arm, task, num, *limits, threads, observation, None if observation == "state" else eyes, randomize)


def make_spaces(batch: BatchEnv) -> tuple[spaces.Dict, spaces.Box]:
    """A single row's observation and action space."""
    boxes: dict[str, spaces.Space] = {
        key: spaces.Box(batch.low[columns], batch.high[columns]) for key, columns in batch.slices.items()
    }
    if batch.eyes is not None:
        boxes |= batch.eyes.image_spaces()
    return spaces.Dict(boxes), spaces.Box(-1.0, 1.0, batch.action_shape[1:], np.float32)


def sorted_settings(env_class: type, task: str | Task, settings: dict[str, Any]) -> dict[str, Any]:
    """The environment's arguments, with the task's own settings gone into the task.

    Raises:
        TypeError: a setting that neither the environment nor the task has.
    """
    known = set(inspect.signature(env_class).parameters)
    fields = {f.name for f in dataclasses.fields(dataclass_of(task)) if f.init}
    for name in settings:
        if name not in known | fields:
            raise TypeError(f"no setting named {name!r}{did_you_mean(name, known | fields)}")
    own = {name: value for name, value in settings.items() if name in fields}
    if own:
        task = task_class(task)(**own) if isinstance(task, str) else dataclasses.replace(dataclass_of(task), **own)
    return {"task": task, **{name: value for name, value in settings.items() if name not in fields}}


def dataclass_of(task: str | Task) -> Any:
    """The class of a task's name, or the task itself; TypeError if it is no dataclass, which tasks are."""
    found = task_class(task) if isinstance(task, str) else task
    if not dataclasses.is_dataclass(found):
        raise TypeError(f"a task must be a dataclass, whose fields are its settings, got {found!r}")
    return found


def checked_robot(name: str, task: Task) -> type[Robot]:
    """The robot of a name; ValueError if it can't do the task."""
    robot = robot_class(name)
    if why := task.unsupported_reason(robot):
        known = ", ".join(robot_names())
        raise ValueError(f"robot={name} does not do {type(task).__name__}: {why}; installed: {known}")
    return robot


def checked_names(cameras: str | Sequence[str]) -> list[str]:
    names = [cameras] if isinstance(cameras, str) else list(cameras)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"cameras must be names of pictures, such as ['front', 'wrist_depth'], got {cameras!r}")
    return names


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) of an image_size, which is one number for both or a pair."""
    sides = [size, size] if isinstance(size, Integral) else list(size) if isinstance(size, Sequence) else []
    if len(sides) != 2 or not all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides):
        raise ValueError(f"image_size must be an integer or (height, width), pixels, got {size!r}")
    return int(sides[0]), int(sides[1])


def checked_render_mode(mode: str | None) -> str | None:
    if mode is not None and mode not in RENDER_MODES:
        raise ValueError(f"render_mode must be 'rgb_array' or None, got {mode!r}")
    return mode


def checked_autoreset(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError:
        modes = ", ".join(repr(m.value) for m in AutoresetMode)
        raise ValueError(f"autoreset_mode must be one of {modes}, got {mode!r}") from None


def checked_mask(options: dict | None, num: int) -> np.ndarray:
    """The rows to reset, (num,) bool, of reset's options."""
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return np.ones(num, bool)
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != (num,) or not mask.any():
        raise ValueError(f"reset_mask must be {num} booleans, at least one of them True, got {mask!r}")
    return mask


def row_seeds(seed: int | Sequence[int | None] | None, num: int) -> list[int | None]:
    """Each row's seed: None for all, or s + i of an integer s, or the given ones."""
    if seed is None:
        return [None] * num
    if not isinstance(seed, Sequence) or isinstance(seed, str):
        first = checked_seed(seed)
        return [checked_seed(first + i) for i in range(num)]
    if len(seed) != num:
        raise ValueError(f"seeds must be one integer or {num} of them, got {len(seed)}")
    return [None if value is None else checked_seed(value) for value in seed]


def checked_seed(seed: Any) -> int:
    if not isinstance(seed, Integral) or not 0 <= int(seed) < 2**64:
        raise ValueError(f"a seed must be an integer from 0 to 2^64 - 1, got {seed!r}")
    return int(seed)
