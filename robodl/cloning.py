"""Cloning: before it learns by itself, a policy imitates the task's scripted expert.

The policy acts, the expert says what it would have done there, and the policy learns from that (DAgger: Ross, Gordon
and Bagnell, AISTATS 2011). What is seen in this way is what the policy itself runs into, mistakes included.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.nn import functional

from robodl.demonstrations import FIRST_SEED, read
from robodl.encoders import Encoder
from robodl.sb3_env import Sb3VecEnv, make_envs
from robodl_envs import make_policy

ROWS = 128  # arms that act at once: each adds an episode before the policy learns again
SHOWN = 0.3  # share of the rows that the expert acts in, after the first episodes
NOISE = 0.5  # standard deviation of what is now and then added to actions, so that mistakes are seen
SHAKEN = 0.25  # share of the time
HELD = 5  # steps that an error lasts, on average
STEPS = 1_500  # of the optimiser, after each episode
BATCH = 512
LEARNING_RATE = 1e-3  # falls to zero within these steps

Seen = dict[str, np.ndarray]  # observations, (n, ...) each


def clone(model: BaseAlgorithm, cfg: DictConfig, progress: Callable[[int], object] = int) -> None:
    """Teach a model's policy the expert's actions, `algo.clone` transitions of them.

    With `algo.dataset` they are those that a dataset holds, as they were taken, noise and all; the policy does not act.

    Args:
        progress: told the number of transitions seen, now and then.
    """
    total = cfg.algo["clone"]
    if cfg.algo.get("dataset"):
        episodes = read(cfg.algo["dataset"], cfg)
        keys = episodes[0].observations
        seen = {key: np.concatenate([each.observations[key][:-1] for each in episodes])[:total] for key in keys}
        wanted = np.concatenate([each.actions for each in episodes])[:total]
        for _ in range(-(-len(wanted) // (ROWS * len(episodes[0])))):
            imitate(model, seen, wanted)
        progress(len(wanted))
        return
    envs = Sb3VecEnv(make_envs(cfg, ROWS))
    envs.seed(FIRST_SEED + cfg.seed)
    arms: Any = envs.envs.unwrapped
    steps = -(-total // ROWS)
    first = envs.reset()
    seen = {key: np.zeros((steps, *value.shape), value.dtype) for key, value in first.items()}
    wanted = np.zeros((steps, *arms.batch.action_shape), np.float32)
    rng = np.random.default_rng(cfg.seed)
    for at in range(0, steps, arms.batch.max_episode_steps):
        end = min(at + arms.batch.max_episode_steps, steps)
        act_and_ask(model, envs, rng, {key: value[at:end] for key, value in seen.items()}, wanted[at:end], alone=at > 0)
        progress(end * ROWS)
        imitate(model, {key: flat(value[:end]) for key, value in seen.items()}, flat(wanted[:end]))
    envs.close()


def act_and_ask(model, envs, rng, seen: Seen, wanted: np.ndarray, alone: bool) -> None:
    """Begin an episode in all rows, and note what is seen and what the expert wants there.

    Args:
        seen, wanted: (steps, ROWS, ...), to be filled.
        alone: whether the policy acts in most rows; else the expert does in all.
    """
    arms = envs.envs.unwrapped
    expert = make_policy("expert", arms)
    observation = envs.reset()
    shown = rng.uniform(size=ROWS) < (SHOWN if alone else 1.0)
    error = np.zeros(wanted.shape[1:])
    for t in range(len(wanted)):
        for key, value in observation.items():
            seen[key][t] = value
        wanted[t] = expert(arms.batch.state_observation())
        new = rng.uniform(size=ROWS) < 1.0 / HELD
        shaken = rng.uniform(size=(ROWS, 1)) < SHAKEN
        error = np.where(new[:, None], shaken * NOISE * rng.standard_normal(error.shape), error)
        own = model.predict(observation, deterministic=True)[0] if alone else wanted[t]
        envs.step_async(np.clip(np.where(shown[:, None], wanted[t], own) + error, -1.0, 1.0))
        observation = envs.step_wait()[0]


def flat(array: np.ndarray) -> np.ndarray:
    """(steps, rows, ...) as (steps * rows, ...)."""
    return array.reshape(-1, *array.shape[2:])


def imitate(model: BaseAlgorithm, seen: Seen, wanted: np.ndarray) -> None:
    """Bring the policy's deterministic actions closer to wanted ones, (n, a), of what is seen."""
    policy: Any = model.policy
    policy.set_training_mode(True)
    for part in policy.modules():
        if isinstance(part, Encoder):
            part.fit(seen)
    observations = {key: torch.as_tensor(value, device=model.device) for key, value in seen.items()}
    actions = torch.as_tensor(wanted, device=model.device)
    optimizer = torch.optim.Adam([p for p in policy.parameters() if p.requires_grad], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        ids = torch.randint(len(actions), (BATCH,))
        batch = {key: value[ids] for key, value in observations.items()}
        loss = functional.l1_loss(policy._predict(batch, deterministic=True), actions[ids])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    policy.set_training_mode(False)
