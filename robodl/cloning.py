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

from robodl.demonstrations import FIRST_SEED, ROWS
from robodl.encoders import Encoder
from robodl.sb3_env import Sb3VecEnv, make_envs
from robodl_envs import make_policy

BATCH = 512
STEPS = 1_500  # of the optimiser, after each round
LEARNING_RATE = 1e-3  # falls to zero within a round
SHOWN = 0.3  # share of the rows that the expert acts in, after the first round
NOISE = 0.5  # standard deviation of what is now and then added to actions, so that mistakes are seen
SHAKEN = 0.25  # share of the time
HELD = 5  # steps that an error lasts, on average


def clone(model: BaseAlgorithm, cfg: DictConfig, progress: Callable[[int], object] = int) -> None:
    """Teach a model's policy the expert's actions, `algo.clone` transitions of them.

    Args:
        progress: told the number of transitions seen, now and then.

    Raises:
        KeyError: the task has no expert.
        ValueError: it does not act by this controller.
    """
    envs = Sb3VecEnv(make_envs(cfg, ROWS))
    arms: Any = envs.envs.unwrapped
    expert, length = make_policy("expert", arms), arms.batch.max_episode_steps
    rng = np.random.default_rng(cfg.seed)
    envs.seed(FIRST_SEED + cfg.seed)
    observation = envs.reset()
    total = cfg.algo["clone"]
    seen = {key: np.zeros((total, *value.shape[1:]), value.dtype) for key, value in observation.items()}
    wanted = np.zeros((total, arms.batch.action_shape[1]), np.float32)
    count = 0
    while count < total:
        shown = rng.uniform(size=ROWS) < (SHOWN if count else 1.0)
        error = np.zeros((ROWS, wanted.shape[1]))
        for _ in range(length):
            action = expert(arms.batch.state_observation())
            taken = min(ROWS, total - count)
            for key, value in observation.items():
                seen[key][count : count + taken] = value[:taken]
            wanted[count : count + taken] = action[:taken]
            count += taken
            renewed = rng.uniform(size=ROWS) < 1.0 / HELD
            error[renewed] = NOISE * rng.standard_normal((int(renewed.sum()), wanted.shape[1]))
            error[renewed] *= rng.uniform(size=(int(renewed.sum()), 1)) < SHAKEN
            own = model.predict(observation, deterministic=True)[0]
            action = np.where(shown[:, None], action, own) + error
            envs.step_async(np.clip(action, -1.0, 1.0))
            observation = envs.step_wait()[0]
        progress(count)
        imitate(model, {key: value[:count] for key, value in seen.items()}, wanted[:count])
    envs.close()


def imitate(model: BaseAlgorithm, seen: dict[str, np.ndarray], wanted: np.ndarray) -> None:
    """Bring the policy's deterministic actions closer to wanted ones, (n, a), of observations, (n, ...) each."""
    policy: Any = model.policy
    policy.set_training_mode(True)
    for encoder in policy.modules():
        if isinstance(encoder, Encoder):
            encoder.fit(seen)
    tensors = {key: torch.as_tensor(value, device=model.device) for key, value in seen.items()}
    actions = torch.as_tensor(wanted, device=model.device)
    optimizer = torch.optim.Adam([p for p in policy.parameters() if p.requires_grad], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        ids = torch.randint(len(actions), (BATCH,))
        loss = functional.l1_loss(
            policy._predict({k: v[ids] for k, v in tensors.items()}, deterministic=True), actions[ids]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    policy.set_training_mode(False)
