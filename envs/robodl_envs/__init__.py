"""Robot arms in MuJoCo as Gymnasium environments: importing this package registers the ids.

import gymnasium
import robodl_envs

env = gymnasium.make("robodl/Reach-v0")
envs = gymnasium.make_vec("robodl/Reach-v0", num_envs=256)
"""

import importlib
import warnings
from typing import Any

from robodl_envs.arrays import did_you_mean
from robodl_envs.component import Component
from robodl_envs.registry import (
    load_plugins,
    register_expert,
    register_id,
    register_robot,
    register_task,
    robot_class,
    robot_names,
    task_class,
    task_id,
    task_names,
)

LAZY = {  # public names whose modules are imported when they are first used: they would make importing slow
    "BASELINES": "experts.policy",
    "Constant": "component",
    "MAX_DEPTH": "rendering.modalities",
    "Move": "experts.policy",
    "Observable": "component",
    "PerceptionTask": "perception.perception_task",
    "Policy": "experts.policy",
    "Randomize": "randomization.settings",
    "RenderingError": "rendering.gl_context",
    "Robot": "robots.robot",
    "SEGMENTATION_CLASSES": "rendering.modalities",
    "SHARPNESS": "perception.perception_task",
    "Task": "tasks.task",
    "available_cores": "simulator",
    "image_modality": "rendering.modalities",
    "make": "gym_env",
    "make_gl_context": "rendering.gl_context",
    "make_policy": "experts.policy",
    "make_vec": "gym_env",
}
__all__ = ["Component", "did_you_mean", "load_plugins", "register_expert", "register_robot", "register_task"]
__all__ += ["robot_class", "robot_names", "task_class", "task_id", "task_names", *LAZY]
RENAMED = {  # names of version 0.1: they warn, and go with 0.3
    "CLASSES": "SEGMENTATION_CLASSES",
    "FAR": "MAX_DEPTH",
    "gl_context": "make_gl_context",
    "picture_kind": "image_modality",
}

for name in task_names():
    register_id(name)
del name


def __getattr__(name: str) -> Any:
    if name in RENAMED:
        warnings.warn(f"robodl_envs.{name} is now robodl_envs.{RENAMED[name]}", DeprecationWarning, stacklevel=2)
        name = RENAMED[name]
    if name not in LAZY:
        raise AttributeError(f"module 'robodl_envs' has no attribute {name!r}{did_you_mean(name, __all__)}")
    return getattr(importlib.import_module(f"robodl_envs.{LAZY[name]}"), name)


load_plugins()  # last: they import this package
