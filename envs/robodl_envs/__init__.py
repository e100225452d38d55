"""Robot arms in MuJoCo as Gymnasium environments: importing this package registers the ids.

import gymnasium
import robodl_envs

env = gymnasium.make("robodl/Reach-v0")
envs = gymnasium.make_vec("robodl/Reach-v0", num_envs=256)
"""

from robodl_envs.component import Component
from robodl_envs.experts import make_policy
from robodl_envs.names import (
    load_plugins,
    register_id,
    register_robot,
    register_task,
    robot_names,
    task_class,
    task_id,
    task_names,
)

__all__ = [
    "Component",
    "load_plugins",
    "make_policy",
    "register_robot",
    "register_task",
    "robot_names",
    "task_class",
    "task_id",
    "task_names",
]

register_id("reach", max_episode_steps=50)
