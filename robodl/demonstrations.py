"""Transitions of a scripted expert, in the form that an algorithm's replay buffer stores them."""

from typing import Any, cast

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig

from robodl.algos.frame_buffer import FrameBuffer
from robodl.algos.pixel_sac import PixelSAC
from robodl.sb3_env import Sb3VecEnv, make_envs
from robodl_envs import make_policy

ROWS = 32  # arms that demonstrate
NOISE = 0.2  # standard deviation added to the expert's actions, so that it shows how to get back on its way
FIRST_SEED = 2**30  # far from training's seeds, and from evaluation's


def demonstrate(model: PixelSAC, cfg: DictConfig) -> None:
    """Let the task's expert act in environments like the model's, and give the model what it did.

    Raises:
        KeyError: the task has no expert for this controller.
    """
    envs = Sb3VecEnv(make_envs(cfg, ROWS))
    boxes, actions = cast(spaces.Dict, envs.observation_space), cast(spaces.Box, envs.action_space)
    arms: Any = envs.envs.unwrapped
    expert = make_policy("expert", arms)
    shown = FrameBuffer(
        model.demonstrations + 2 * model.returns_over * ROWS,
        boxes,
        actions,
        model.device,
        ROWS,
        n_steps=model.returns_over,
        gamma=model.gamma,
    )
    rng = np.random.default_rng(cfg.seed)
    envs.seed(FIRST_SEED + cfg.seed)
    observation = envs.reset()
    for _ in range(-(-model.demonstrations // ROWS)):
        action = expert(arms.batch.state_observation())
        action = np.clip(action + NOISE * rng.standard_normal(action.shape), -1.0, 1.0)
        envs.step_async(action)
        following, reward, done, infos = envs.step_wait()
        last = {key: value.copy() for key, value in following.items()}
        for i in np.flatnonzero(done):
            for key in last:
                last[key][i] = infos[i]["terminal_observation"][key]
        shown.add(observation, last, action, reward, done, infos)
        observation = following
    envs.close()
    model.demonstrate(shown)
