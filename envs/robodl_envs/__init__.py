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
from robodl_envs.experts.policy import BASELINES, Policy, make_policy, register_expert
from robodl_envs.registry import (
    load_plugins,
    register_id,
    register_robot,
    register_task,
    robot_class,
    robot_names,
    task_class,
    task_id,
    task_names,
)

__all__ = [
    "BASELINES",
    "MAX_DEPTH",
    "SEGMENTATION_CLASSES",
    "SHARPNESS",
    "Component",
    "Policy",
    "Randomize",
    "RenderingError",
    "available_cores",
    "did_you_mean",
    "image_modality",
    "load_plugins",
    "make",
    "make_gl_context",
    "make_policy",
    "make_vec",
    "register_expert",
    "register_robot",
    "register_task",
    "robot_class",
    "robot_names",
    "task_class",
    "task_id",
    "task_names",
]

for task, steps in (  # at least twice what 95 % of a scripted expert's episodes need
    ("reach", 50),
    ("pose_reach", 50),
    ("push", 120),
    ("slide", 200),
    ("pick_and_place", 100),
    ("stack", 150),
    ("peg_insert", 100),
    ("open_drawer", 100),
    ("press_button", 50),
    ("read_digit", 60),
    ("inspect", 120),
    ("track", 200),
):
    register_id(task, steps)

LAZY = {  # what importing would make slow
    "make": "gym_env",
    "make_vec": "gym_env",
    "RenderingError": "rendering.gl_context",
    "make_gl_context": "rendering.gl_context",
    "SEGMENTATION_CLASSES": "rendering.modalities",
    "MAX_DEPTH": "rendering.modalities",
    "image_modality": "rendering.modalities",
    "SHARPNESS": "perception.classification",
    "available_cores": "engine",
    "Randomize": "randomization.settings",
}
RENAMED = {"CLASSES": "SEGMENTATION_CLASSES", "FAR": "MAX_DEPTH", "gl_context": "make_gl_context"}  # for one release


def __getattr__(name: str) -> Any:
    if name in RENAMED:
        text = f"robodl_envs.{name} is now called {RENAMED[name]}; the old name goes with the next release"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        name = RENAMED[name]
    if name not in LAZY:
        raise AttributeError(f"module 'robodl_envs' has no attribute {name!r}{did_you_mean(name, __all__)}")
    return getattr(importlib.import_module(f"robodl_envs.{LAZY[name]}"), name)
