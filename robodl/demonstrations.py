"""What experts have shown, to learn from: transitions of scripted ones as a replay buffer stores them, and episodes
of Minari datasets."""

import dataclasses
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig

from robodl import minari_datasets
from robodl.algos.frame_buffer import FrameBuffer
from robodl.algos.pixel_sac import PixelSAC
from robodl.recordings import Episode
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


def read(name: str, cfg: DictConfig) -> list[Episode]:
    """Demonstrations for a run of this configuration.

    Where its environment's reward is a function of goals, rewards are those that it would have given, bit for bit,
    whatever reward, or radius, they were recorded with.

    Raises:
        ValueError: there is no such dataset, it can't be read, or it is of other settings or spaces.
        KeyError, TypeError: the configuration's environment can't be made.
    """
    envs = make_envs(cfg, 1)
    try:
        dataset = minari_datasets.load(name)
        check_fit(name, dataset, cfg, envs)
        if not hasattr(envs, "compute_reward"):
            return dataset.episodes
        return [dataclasses.replace(each, rewards=rewards(envs, each)) for each in dataset.episodes]
    finally:
        envs.close()


def rewards(envs, episode: Episode) -> np.ndarray:
    """What an environment gives for the goals of an episode, (T,) float64."""
    achieved, desired = (episode.observations[key][1:] for key in ("achieved_goal", "desired_goal"))
    return np.asarray(envs.compute_reward(achieved, desired), np.float64)


def check_fit(name: str, dataset: minari_datasets.Dataset, cfg: DictConfig, envs) -> None:
    """ValueError unless actions and observations of a dataset mean what they mean in an environment."""
    wanted = {"task": cfg.env["task"], "robot": cfg.robot["name"], "control": cfg.control, "control_dt": cfg.control_dt}
    if cfg.reward == "shaped":  # no function of goals: it can't be computed anew
        wanted["reward"] = cfg.reward
    made = minari_datasets.USUAL | dataset.settings
    for key, value in wanted.items():
        if made[key] != value:
            word = "env" if key == "task" else key
            raise ValueError(f"dataset {name} is of {word}={made[key]}, not of {word}={value}")
    minari_datasets.check_spaces(name, dataset, envs)
