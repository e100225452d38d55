"""Demonstrations as transitions for replay buffers: of the task's scripted expert, or from Minari datasets."""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robodl.config import imitation_config
from robodl.imitation import minari_io
from robodl.imitation.episodes import Episode
from robodl.imitation.teacher import teacher_policy
from robodl.learning.frame_buffer import FrameBuffer
from robodl.learning.pixel_sac import PixelSAC
from robodl.vec_env import Sb3VecEnv, make_envs
from robodl_envs import make_policy

DEMO_ROWS = 32  # of the environments that fill PixelSAC's buffer of demonstrations
NOISE_STD = 0.2  # of what is added to the expert's actions, so that corrections are demonstrated too
FIRST_SEED = 2**30  # of demonstrations, far from training's seeds and from evaluation's

# Observations and next observations, (rows, ...) each; actions, rewards, done, infos.
Transition = tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, list[dict]]


def check_teaching(model: BaseAlgorithm, cfg: DictConfig, envs) -> None:
    """Check that a run can have the demonstrations and the imitation that it asks for.

    Raises:
        KeyError: the task has no expert.
        ValueError: the expert does not act by this controller; the algorithm has no replay buffer; the dataset or the
            teacher is missing or of other settings.
    """
    algo, imitation = cfg.algo, imitation_config(cfg.algo)
    imitated = imitation.transitions
    if algo.get("critic_warmup_steps") and not (imitated and isinstance(model, OnPolicyAlgorithm)):
        raise ValueError(
            "algo.critic_warmup_steps is for PPO after imitation: "
            "give algo.imitation_transitions, or algo.critic_warmup_steps=0"
        )
    if algo.get("demonstrations") and not isinstance(model, OffPolicyAlgorithm):
        raise ValueError(
            "algo.demonstrations go into a replay buffer, which PPO does not have: "
            "give algo.imitation_transitions instead"
        )
    if imitation.teacher and (algo.get("dataset") or not imitated):
        raise ValueError(
            "algo.imitation_teacher labels what is met in imitation: "
            "give algo.imitation_transitions, and no algo.dataset"
        )
    if imitation.state_weight and (cfg.observation != "image" or algo.get("dataset") or not imitated):
        raise ValueError(
            "algo.imitation_state_weight is of what images show in imitation: "
            "give observation=image and algo.imitation_transitions, and no algo.dataset"
        )
    if cfg.resume and not isinstance(model, PixelSAC):
        return  # they are in the policy or in its replay buffer already
    if not (algo.get("demonstrations") or imitated):
        if algo.get("dataset"):
            raise ValueError(
                "algo.dataset goes with algo.demonstrations or algo.imitation_transitions: give one of them"
            )
    elif algo.get("dataset"):
        available = sum(map(len, read_dataset(algo["dataset"], cfg)))
        if imitated > available:
            raise ValueError(f"algo.imitation_transitions={imitated} is more than the {available} of {algo['dataset']}")
    elif imitation.teacher:
        teacher_policy(cfg, envs, model.device)
    else:
        try:
            make_policy("expert", envs)
        except ValueError as error:
            others = "algo.imitation_teacher=<run>, or algo.imitation_transitions=0 algo.critic_warmup_steps=0"
            raise ValueError(f"{error}; without an expert: algo=ppo, or {others}") from None


def demonstrate(model: BaseAlgorithm, cfg: DictConfig) -> None:
    """Give a model `algo.demonstrations` transitions to learn from.

    PixelSAC has a buffer of their own for them, which a share of each batch comes from. Other algorithms start with
    them in their replay buffer; that of a resumed run has them already.
    """
    count, rows, buffer = cfg.algo["demonstrations"], model.n_envs, cast(OffPolicyAlgorithm, model).replay_buffer
    assert buffer is not None
    if isinstance(model, PixelSAC):
        own, rows = cast(FrameBuffer, buffer), DEMO_ROWS
        box, action_box = cast(spaces.Dict, model.observation_space), cast(spaces.Box, model.action_space)
        size = count + 2 * (own.n_steps + own.frame_stack - 1) * rows
        buffer = FrameBuffer(
            size,
            box,
            action_box,
            model.device,
            rows,
            n_steps=own.n_steps,
            gamma=model.gamma,
            frame_stack=own.frame_stack,
        )
        model.demo_buffer = buffer
    if buffer.size():
        return
    for transition in itertools.islice(transitions(cfg, rows), -(-count // rows)):
        buffer.add(*cast(Any, transition))
    if isinstance(buffer, HerReplayBuffer):
        with warnings.catch_warnings(action="ignore"):  # the last episodes are cut short on purpose
            buffer.truncate_last_trajectory()


def transitions(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """Endless demonstrations, of so many rows at a time: of `algo.dataset`, or of the task's expert."""
    return dataset_transitions(cfg, rows) if cfg.algo.get("dataset") else expert_transitions(cfg, rows)


def expert_transitions(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """Transitions of the task's expert, with noise, in environments like the run's."""
    envs = Sb3VecEnv(make_envs(cfg, rows))
    inner: Any = envs.envs.unwrapped
    expert = make_policy("expert", inner)
    rng = np.random.default_rng(cfg.seed)
    envs.seed(FIRST_SEED + cfg.seed)
    observation = envs.reset()
    try:
        while True:
            action = expert(inner.state_observation())
            action = np.clip(action + NOISE_STD * rng.standard_normal(action.shape), -1.0, 1.0)
            envs.step_async(action)
            next_observation, reward, done, infos = envs.step_wait()
            last = {key: value.copy() for key, value in next_observation.items()}
            for i in np.flatnonzero(done):
                for key in last:
                    last[key][i] = infos[i]["terminal_observation"][key]
            yield observation, last, action, reward, done, infos
            observation = next_observation
    finally:
        envs.close()


def dataset_transitions(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """Transitions of a dataset's longest episodes, over and over: of one length, so that rows end together."""
    episodes = read_dataset(cfg.algo["dataset"], cfg)
    length = max(map(len, episodes))
    longest = itertools.cycle([episode for episode in episodes if len(episode) == length])
    while True:
        batch = list(itertools.islice(longest, rows))
        observations = {key: np.stack([each.observations[key] for each in batch], 1) for key in batch[0].observations}
        actions, rewards, terminated, truncated = (
            np.stack([getattr(each, name) for each in batch], 1)  # (T, rows, ...)
            for name in ("actions", "rewards", "terminated", "truncated")
        )
        for t in range(length):
            now, following = ({key: value[k] for key, value in observations.items()} for k in (t, t + 1))
            infos: list[dict] = [{"TimeLimit.truncated": bool(end)} for end in truncated[t] & ~terminated[t]]
            yield now, following, actions[t], rewards[t], terminated[t] | truncated[t], infos


def read_dataset(name: str, cfg: DictConfig) -> list[Episode]:
    """Read a dataset for a run of this configuration.

    Where the environment's reward is a function of goals, rewards are computed anew: those that the environment gives,
    bit for bit, whatever reward or radius the dataset was recorded with.

    Raises:
        ValueError: there is no such dataset, it is damaged, or it is of other settings or spaces.
        KeyError, TypeError: the configuration's environment can't be made.
    """
    envs: Any = make_envs(cfg, 1)
    try:
        dataset = minari_io.load(name)
        check_settings(name, dataset, cfg)
        minari_io.check_spaces(name, dataset, envs)
        if not hasattr(envs, "compute_reward"):
            return dataset.episodes
        episodes = []
        for each in dataset.episodes:
            achieved, desired = (each.observations[key][1:] for key in ("achieved_goal", "desired_goal"))
            rewards = np.asarray(envs.compute_reward(achieved, desired), np.float64)
            episodes.append(dataclasses.replace(each, rewards=rewards))
        return episodes
    finally:
        envs.close()


def check_settings(name: str, dataset: minari_io.Dataset, cfg: DictConfig) -> None:
    """Raise ValueError unless a dataset is of the task, robot and controller of a configuration."""
    needed = {"env": cfg.env["task"], "robot": cfg.robot["name"]}
    needed |= {key: cfg[key] for key in ("control", "control_dt", "timestep")}
    if cfg.reward == "shaped":  # no function of goals, so rewards are the recorded ones
        needed["reward"] = cfg.reward
    recorded = {**minari_io.DEFAULTS, **dataset.settings, "env": dataset.settings["task"]}
    for key, value in needed.items():
        if recorded[key] != value:
            raise ValueError(f"dataset {name} is of {key}={recorded[key]}, not of {key}={value}")
