"""What experts have shown, to learn from: transitions of scripted ones, or of episodes that lie in Minari datasets, as
replay buffers store them."""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from robodl.config import imitation_config
from robodl.imitation import minari_io
from robodl.imitation.episodes import Episode
from robodl.learning.frame_buffer import FrameBuffer
from robodl.learning.pixel_sac import PixelSAC
from robodl.learning.vec_env import Sb3VecEnv, make_envs
from robodl_envs import make_policy

ROWS = 32  # arms that demonstrate to an algorithm that keeps demonstrations apart
NOISE = 0.2  # standard deviation added to the expert's actions, so that it shows how to get back on its way
FIRST_SEED = 2**30  # far from training's seeds, and from evaluation's

Transition = tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, list[dict]]


def check_teaching(model: BaseAlgorithm, cfg: DictConfig, envs) -> None:
    """Refuse demonstrations, or a clone, that this run can't have.

    Raises:
        KeyError: the task has no expert.
        ValueError: the expert does not act by this controller; the algorithm keeps no transitions; the dataset is
            missing or of something else.
    """
    algo, wanted = cfg.algo, imitation_config(cfg.algo).transitions
    if algo.get("critic_warmup_steps") and not (wanted and isinstance(model, OnPolicyAlgorithm)):
        way_out = "give algo.imitation_transitions, or algo.critic_warmup_steps=0"
        raise ValueError(f"algo.critic_warmup_steps is for PPO after imitation: {way_out}")
    if algo.get("demonstrations") and not isinstance(model, OffPolicyAlgorithm):
        way_out = "give algo.imitation_transitions instead"
        raise ValueError(f"algo.demonstrations go into a replay buffer, which PPO does not have: {way_out}")
    if cfg.resume and not isinstance(model, PixelSAC):
        return  # the policy, or its buffer, holds them already
    if not (algo.get("demonstrations") or wanted):
        if algo.get("dataset"):
            raise ValueError(
                "algo.dataset goes with algo.demonstrations or algo.imitation_transitions: give one of them"
            )
    elif algo.get("dataset"):
        held = sum(len(episode) for episode in read(algo["dataset"], cfg))
        if wanted > held:
            raise ValueError(f"algo.imitation_transitions={wanted} is more than the {held} of {algo['dataset']}")
    else:
        try:
            make_policy("expert", envs)
        except ValueError as error:
            way_out = "algo=ppo, or algo.imitation_transitions=0 algo.critic_warmup_steps=0"
            raise ValueError(f"{error}; without an expert: {way_out}") from None


def demonstrate(model: BaseAlgorithm, cfg: DictConfig) -> None:
    """Give a model `algo.demonstrations` transitions to learn from.

    PixelSAC keeps them apart, for a share of each batch. Other algorithms begin with them in their replay buffer.
    """
    count = cfg.algo["demonstrations"]
    if isinstance(model, PixelSAC):
        model.demonstrate(kept_apart(model, cfg))
    elif not (buffer := cast(Any, model).replay_buffer).size():  # that of a resumed run holds them already
        for transition in itertools.islice(shown(cfg, model.n_envs), -(-count // model.n_envs)):
            buffer.add(*transition)
        if hasattr(buffer, "truncate_last_trajectory"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the last episodes are cut short on purpose
                buffer.truncate_last_trajectory()


def kept_apart(model: PixelSAC, cfg: DictConfig) -> FrameBuffer:
    buffer = FrameBuffer(
        model.demonstrations + 2 * model.returns_over * ROWS,
        cast(spaces.Dict, model.observation_space),
        cast(spaces.Box, model.action_space),
        model.device,
        ROWS,
        n_steps=model.returns_over,
        gamma=model.gamma,
    )
    for transition in itertools.islice(shown(cfg, ROWS), -(-model.demonstrations // ROWS)):
        buffer.add(*transition)
    return buffer


def shown(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """Demonstrations without end, those of `rows` arms at a time, as replay buffers take them."""
    return recorded(cfg, rows) if cfg.algo.get("dataset") else acted(cfg, rows)


def acted(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """What the task's expert does in environments like the run's."""
    envs = Sb3VecEnv(make_envs(cfg, rows))
    arms: Any = envs.envs.unwrapped
    expert = make_policy("expert", arms)
    rng = np.random.default_rng(cfg.seed)
    envs.seed(FIRST_SEED + cfg.seed)
    observation = envs.reset()
    try:
        while True:
            action = expert(arms.batch.state_observation())
            action = np.clip(action + NOISE * rng.standard_normal(action.shape), -1.0, 1.0)
            envs.step_async(action)
            following, reward, done, infos = envs.step_wait()
            last = {key: value.copy() for key, value in following.items()}
            for i in np.flatnonzero(done):
                for key in last:
                    last[key][i] = infos[i]["terminal_observation"][key]
            yield observation, last, action, reward, done, infos
            observation = following
    finally:
        envs.close()


def recorded(cfg: DictConfig, rows: int) -> Iterator[Transition]:
    """What a dataset's longest episodes show, over and over: of one length, so that rows end together."""
    episodes = read(cfg.algo["dataset"], cfg)
    length = max(len(episode) for episode in episodes)
    whole = itertools.cycle([episode for episode in episodes if len(episode) == length])
    while True:
        together = list(itertools.islice(whole, rows))
        for t in range(length):
            before, after = (
                {key: np.stack([each.observations[key][k] for each in together]) for key in together[0].observations}
                for k in (t, t + 1)
            )
            action, reward, terminated, truncated = (
                np.stack([getattr(each, name)[t] for each in together])
                for name in ("actions", "rewards", "terminated", "truncated")
            )
            infos: list[dict] = [{"TimeLimit.truncated": bool(end)} for end in truncated & ~terminated]
            yield before, after, action, reward, terminated | truncated, infos


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
        dataset = minari_io.load(name)
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


def check_fit(name: str, dataset: minari_io.Dataset, cfg: DictConfig, envs) -> None:
    """ValueError unless actions and observations of a dataset mean what they mean in an environment."""
    wanted = {"task": cfg.env["task"], "robot": cfg.robot["name"], "control": cfg.control, "control_dt": cfg.control_dt}
    if cfg.reward == "shaped":  # no function of goals: it can't be computed anew
        wanted["reward"] = cfg.reward
    made = minari_io.USUAL | dataset.settings
    for key, value in wanted.items():
        if made[key] != value:
            word = "env" if key == "task" else key
            raise ValueError(f"dataset {name} is of {word}={made[key]}, not of {word}={value}")
    minari_io.check_spaces(name, dataset, envs)
