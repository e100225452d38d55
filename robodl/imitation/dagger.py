"""Cloning: before it learns by itself, a policy imitates the task's scripted expert.

The policy acts, the expert says what it would have done there, and the policy learns from that (DAgger: Ross, Gordon
and Bagnell, AISTATS 2011). What is seen in this way is what the policy itself runs into, mistakes included.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.nn import functional

from robodl.config import imitation_config
from robodl.errors import UsageError
from robodl.imitation.demonstrations import FIRST_SEED, read
from robodl.imitation.transition_store import Kept
from robodl.learning.vec_env import Sb3VecEnv, make_envs
from robodl.vision.image_encoder import Encoder
from robodl_envs import SHARPNESS
from robodl_envs.experts.policy import student_observable_policy

SHOWN = 0.3  # share of the rows that the expert acts in, after the first episodes
NOISE = 0.5  # standard deviation of what is now and then added to actions, so that mistakes are seen
SHAKEN = 0.25  # share of the time
HELD = 5  # steps that an error lasts, on average
MOST = 2**24  # that torch.multinomial draws from
LEARNING_RATE = 1e-3  # falls to zero within the optimiser's steps after each episode

Seen = dict[str, np.ndarray]  # observations, (n, ...) each

# The number of transitions seen, the loss on them when they have been learnt from, and what share of that is done.
Told = Callable[[int, float | None, float], object]


def clone(
    model: BaseAlgorithm,
    cfg: DictConfig,
    progress: Told = lambda count, loss, learnt: None,
    kept: Kept | None = None,
) -> None:
    """Teach a model's policy the expert's actions, `algo.imitation_transitions` of them.

    With `algo.dataset` they are those that a dataset holds, as they were taken, noise and all; the policy does not act.

    Args:
        progress: told where it begins, in each step of acting and of learning, and of the loss after each round.
        kept: how the clone is kept, so that it can go on in another process; as it comes, it can't.
    """
    kept = kept or Kept()
    settings = imitation_config(cfg.algo)
    total, rows = settings.transitions, settings.rows
    envs = Sb3VecEnv(make_envs(cfg, rows))
    arms: Any = envs.envs.unwrapped

    def learn(seen: Seen, wanted: np.ndarray, count: int, missed: np.ndarray | None = None) -> None:
        effort = settings.last_updates if count >= total else settings.updates, settings.batch_size
        often = None if missed is None or not settings.error_weight else 1.0 + settings.error_weight * missed
        busy = functools.partial(progress, count, None)
        progress(count, imitate(model, seen, wanted, arms.batch.choices, *effort, busy, often), 1.0)

    if cfg.algo.get("dataset"):
        episodes = read(cfg.algo["dataset"], cfg)
        keys = episodes[0].observations
        seen = {key: np.concatenate([each.observations[key][:-1] for each in episodes])[:total] for key in keys}
        wanted = np.concatenate([each.actions for each in episodes])[:total]
        passes = -(-len(wanted) // (rows * len(episodes[0])))
        progress(total * kept.done // passes, None, 0.0)
        for done in range(kept.done + 1, passes + 1):
            learn(seen, wanted, total * done // passes)
            kept.note(done)
        envs.close()
        return
    envs.seed(FIRST_SEED + cfg.seed)
    steps = -(-total // rows)
    first = envs.reset()
    rng = np.random.default_rng(cfg.seed)
    length = min(settings.episode_steps or steps, arms.batch.max_episode_steps)
    latest = min(steps, settings.keep_episodes * length or steps)
    if settings.error_weight and latest * rows > MOST:
        raise UsageError(
            f"algo.imitation_error_weight draws from at most {MOST:,} transitions, got {latest * rows:,}: lower "
            "algo.imitation_transitions or algo.imitation_keep_episodes, or set algo.imitation_error_weight=0"
        )
    seen = {key: kept.array(f"seen.{key}", (latest, *value.shape), value.dtype) for key, value in first.items()}
    wanted = kept.array("wanted", (latest, *arms.batch.action_shape), np.dtype(np.float32))
    missed = kept.array("missed", wanted.shape[:2], np.dtype(np.float32))
    kept.restore(arms, rng)
    progress(kept.done * rows, None, 0.0)
    for at in range(kept.done, steps, length):
        end, place = min(at + length, steps), at % latest
        new = slice(place, place + end - at)
        views = {key: value[new] for key, value in seen.items()}
        for t in acting(model, envs, rng, views, wanted[new], missed[new], alone=at > 0):
            progress((at + t) * rows, None, 0.0)
        known = {key: flat(value[:end]) for key, value in seen.items()}
        learn(known, flat(wanted[:end]), end * rows, flat(missed[:end]))
        kept.note(end, arms, rng)
    envs.close()


def acting(model, envs, rng, seen: Seen, wanted: np.ndarray, missed: np.ndarray, alone: bool) -> Iterator[int]:
    """Begin an episode in all rows, and note what is seen and what the expert wants there; yields steps that are done.

    Args:
        seen, wanted: (steps, rows, ...), to be filled; and missed, (steps, rows), by how far the policy's own action
            was from the wanted one, apart from what scores classes.
        alone: whether the policy acts in most rows; else the expert does in all.
    """
    arms = envs.envs.unwrapped
    expert = student_observable_policy(arms.batch)
    observation = envs.reset()
    rows, arm = wanted.shape[1], arms.batch.robot.action_size
    shown = rng.uniform(size=rows) < (SHOWN if alone else 1.0)
    error = np.zeros(wanted.shape[1:])
    numbers = numbers_of(wanted.shape[2], arms.batch.choices)
    for t in range(len(wanted)):
        for key, value in observation.items():
            seen[key][t] = value
        wanted[t] = expert(arms.batch.state_observation())
        new = rng.uniform(size=rows) < 1.0 / HELD
        shaken = rng.uniform(size=(rows, 1)) < SHAKEN
        error = np.where(new[:, None], shaken * NOISE * rng.standard_normal(error.shape), error)
        own = model.predict(observation, deterministic=True)[0] if alone else wanted[t]
        missed[t] = np.linalg.norm((own - wanted[t])[:, numbers], axis=1)
        action = np.where(shown[:, None], wanted[t], own) + error
        action[:, arm:] = own[:, arm:]  # what is said is the policy's own: its mistakes there are those to learn from
        envs.step_async(np.clip(action, -1.0, 1.0))
        observation = envs.step_wait()[0]
        yield t + 1


def numbers_of(size: int, choices: Sequence[slice]) -> list[int]:
    """The places in an action that are no scores of classes."""
    scores = {k for part in choices for k in range(part.start, part.stop)}
    return [k for k in range(size) if k not in scores]


def flat(array: np.ndarray) -> np.ndarray:
    """(steps, rows, ...) as (steps * rows, ...)."""
    return array.reshape(-1, *array.shape[2:])


def imitate(
    model: BaseAlgorithm,
    seen: Seen,
    wanted: np.ndarray,
    choices: Sequence[slice],
    steps: int,
    batch_size: int,
    busy: Callable[[float], object] = lambda share: None,
    often: np.ndarray | None = None,
) -> float:
    """Bring the policy's deterministic actions closer to wanted ones, (n, a), of what is seen.

    Args:
        choices: the parts of an action that score classes.
        steps: of the optimiser, with batch_size transitions each.
        busy: told, after each of them, what share is done.
        often: how often each transition is drawn, (n,), beside the others; None for all alike.

    Returns:
        The mean loss of the last tenth of the steps.
    """
    policy: Any = model.policy
    policy.set_training_mode(True)
    for part in policy.modules():
        if isinstance(part, Encoder):
            part.fit(seen)
    observations = {key: torch.as_tensor(value) for key, value in seen.items()}
    actions = torch.as_tensor(wanted)
    optimizer = torch.optim.Adam([p for p in policy.parameters() if p.requires_grad], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    for step, ids in enumerate(drawn(len(actions), steps, batch_size, often)):
        batch = {key: value[ids].to(model.device) for key, value in observations.items()}
        loss = loss_of(policy._predict(batch, deterministic=True), actions[ids].to(model.device), choices)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step >= min(0.9 * steps, steps - 1):
            losses.append(loss.item())
        busy((step + 1) / steps)
    policy.set_training_mode(False)
    return float(np.mean(losses))


def drawn(count: int, steps: int, size: int, often: np.ndarray | None) -> Iterator[torch.Tensor]:
    """Which of `count` transitions each of the optimiser's steps learns from, (size,); see `imitate`."""
    if often is None:
        return (torch.randint(count, (size,)) for _ in range(steps))
    return iter(torch.multinomial(torch.as_tensor(often), steps * size, replacement=True).split(size))


def loss_of(said: torch.Tensor, wanted: torch.Tensor, choices: Sequence[slice]) -> torch.Tensor:
    """How far actions, (n, a), are from wanted ones: their mean distance, and the cross-entropy of what they choose.

    A choice of a single number is between yes, where it is positive, and no.
    A score beyond its bounds would be clipped, and could tie with another: it counts by how far it is beyond.
    """
    loss = said.new_zeros(())
    for part in choices:
        scores, right = said[:, part], wanted[:, part]
        logits = SHARPNESS * scores
        if scores.shape[1] == 1:
            loss = loss + functional.binary_cross_entropy_with_logits(logits, (right > 0.0).float())
        else:
            loss = loss + functional.cross_entropy(logits, right.argmax(dim=1))
        loss = loss + functional.relu(scores.abs() - 1.0).mean()
    numbers = numbers_of(said.shape[1], choices)
    return loss + functional.l1_loss(said[:, numbers], wanted[:, numbers])
