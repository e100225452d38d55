"""DAgger: a policy acts, the expert labels each observation with its own action, and the policy is fitted to these.

The policy thus learns from the states that its own mistakes lead to (Ross, Gordon and Bagnell, AISTATS 2011).
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from robodl.config import ImitationConfig, imitation_config
from robodl.imitation.behaviour_cloning import MAX_WEIGHTS, fit_policy
from robodl.imitation.demonstrations import FIRST_SEED, read_dataset
from robodl.imitation.output_layout import continuous_columns, logit_slices
from robodl.imitation.transition_store import TransitionStore
from robodl.options import UsageError
from robodl.vec_env import Sb3VecEnv, make_envs
from robodl_envs.experts.policy import student_observable_policy

EXPERT_SHARE = 0.3  # of the rows that the expert acts in, after the first round
NOISE_STD = 0.5  # of a disturbance that is added to actions at times, so that mistakes are corrected
NOISE_PROBABILITY = 0.25  # that a new disturbance is not zero
NOISE_HOLD_STEPS = 5  # that a disturbance lasts, on average

Observations = dict[str, np.ndarray]  # (n, ...) each
# Transitions so far, the loss after they have been learnt from (None before), the share of that learning that is done.
ProgressFn = Callable[[int, float | None, float], object]


def imitate(
    model: BaseAlgorithm,
    cfg: DictConfig,
    progress: ProgressFn = lambda count, loss, learnt: None,
    store: TransitionStore | None = None,
) -> None:
    """Fit a model's policy to the expert's actions, on as many transitions as the configuration says.

    With `algo.dataset` these are the dataset's, with its noise, and the policy does not act.

    Args:
        progress: called at the beginning, in each step of acting and of learning, and with the loss after each round.
        store: of the transitions, so that imitation can be resumed; in memory by default.
    """
    store = store or TransitionStore()
    settings = imitation_config(cfg.algo)
    envs = Sb3VecEnv(make_envs(cfg, settings.rows))
    if cfg.algo.get("dataset"):
        imitate_dataset(model, cfg, settings, envs, progress, store)
    else:
        imitate_expert(model, cfg, settings, envs, progress, store)
    envs.close()


def imitate_expert(
    model: BaseAlgorithm,
    cfg: DictConfig,
    settings: ImitationConfig,
    envs: Sb3VecEnv,
    progress: ProgressFn,
    store: TransitionStore,
) -> None:
    """Alternate between an episode in all rows and a fit to all transitions, or to those of the latest episodes."""
    inner: Any = envs.envs.unwrapped
    rows, steps = settings.rows, -(-settings.transitions // settings.rows)
    envs.seed(FIRST_SEED + cfg.seed)
    first = envs.reset()
    rng = np.random.default_rng(cfg.seed)
    episode_steps = min(settings.episode_steps or steps, inner.max_episode_steps)
    kept_steps = min(steps, settings.keep_episodes * episode_steps or steps)
    if settings.error_weight and kept_steps * rows > MAX_WEIGHTS:
        raise UsageError(
            f"algo.imitation_error_weight draws from at most {MAX_WEIGHTS:,} transitions, got {kept_steps * rows:,}: "
            "lower algo.imitation_transitions or algo.imitation_keep_episodes, or set algo.imitation_error_weight=0"
        )
    # The latest steps of all rows, in a ring: (kept_steps, rows, ...).
    observations = {
        key: store.array(f"observations.{key}", (kept_steps, *value.shape), value.dtype) for key, value in first.items()
    }
    size = cast(spaces.Box, envs.action_space).shape[0]
    expert_actions = store.array("expert_actions", (kept_steps, rows, size), np.dtype(np.float32))
    action_errors = store.array("action_errors", (kept_steps, rows), np.dtype(np.float32))
    store.restore(inner, rng)
    progress(store.done * rows, None, 0.0)
    for begin in range(store.done, steps, episode_steps):
        end, ring_begin = min(begin + episode_steps, steps), begin % kept_steps
        episode = slice(ring_begin, ring_begin + end - begin)
        views = {key: value[episode] for key, value in observations.items()}
        for step in act_and_label(
            model, envs, rng, views, expert_actions[episode], action_errors[episode], policy_acts=begin > 0
        ):
            progress((begin + step) * rows, None, 0.0)
        learnt = {key: flatten_rows(value[:end]) for key, value in observations.items()}
        errors = flatten_rows(action_errors[:end])
        weights = 1.0 + settings.error_weight * errors if settings.error_weight else None
        fit_round(model, settings, inner, learnt, flatten_rows(expert_actions[:end]), end * rows, progress, weights)
        store.save_round(end, inner, rng)


def imitate_dataset(
    model: BaseAlgorithm,
    cfg: DictConfig,
    settings: ImitationConfig,
    envs: Sb3VecEnv,
    progress: ProgressFn,
    store: TransitionStore,
) -> None:
    """Fit to a dataset, in as many passes as there would be rounds of episodes."""
    total, inner = settings.transitions, envs.envs.unwrapped
    episodes = read_dataset(cfg.algo["dataset"], cfg)
    observations = {
        key: np.concatenate([each.observations[key][:-1] for each in episodes])[:total]
        for key in episodes[0].observations
    }
    actions = np.concatenate([each.actions for each in episodes])[:total]
    passes = -(-len(actions) // (settings.rows * len(episodes[0])))
    progress(total * store.done // passes, None, 0.0)
    for done in range(store.done + 1, passes + 1):
        fit_round(model, settings, inner, observations, actions, total * done // passes, progress)
        store.save_round(done)


def fit_round(
    model: BaseAlgorithm,
    settings: ImitationConfig,
    inner: Any,
    observations: Observations,
    expert_actions: np.ndarray,
    count: int,
    progress: ProgressFn,
    sample_weights: np.ndarray | None = None,
) -> None:
    """Fit the policy after a round, at `count` transitions, and report the loss."""
    loss = fit_policy(
        model,
        observations,
        expert_actions,
        logit_slices(inner.task, inner.robot.action_size),
        settings.last_updates if count >= settings.transitions else settings.updates,
        settings.batch_size,
        functools.partial(progress, count, None),
        sample_weights,
    )
    progress(count, loss, 1.0)


def act_and_label(
    model: BaseAlgorithm,
    envs: Sb3VecEnv,
    rng: np.random.Generator,
    observations: Observations,
    expert_actions: np.ndarray,
    action_errors: np.ndarray,
    policy_acts: bool,
) -> Iterator[int]:
    """Act for an episode in all rows, filling the given arrays; yields the number of steps so far.

    Args:
        observations: (steps, rows, ...) each.
        expert_actions: (steps, rows, a), the expert's for these observations.
        action_errors: (steps, rows), distances of the policy's actions from the expert's, without logits.
        policy_acts: whether the policy acts in most rows; otherwise the expert does in all.
    """
    inner: Any = envs.envs.unwrapped
    expert = student_observable_policy(inner.batch)
    observation = envs.reset()
    num_steps, rows, size = map(int, expert_actions.shape)
    arm = inner.robot.action_size
    expert_acts = rng.uniform(size=rows) < (EXPERT_SHARE if policy_acts else 1.0)
    disturbance: np.ndarray = np.zeros((rows, size))
    continuous = continuous_columns(size, logit_slices(inner.task, arm))
    for t in range(num_steps):
        for key, value in observation.items():
            observations[key][t] = value
        expert_actions[t] = expert(inner.state_observation())
        is_new = rng.uniform(size=rows) < 1.0 / NOISE_HOLD_STEPS
        is_on = rng.uniform(size=(rows, 1)) < NOISE_PROBABILITY
        new_disturbance = is_on * NOISE_STD * rng.standard_normal(disturbance.shape)
        disturbance = np.where(is_new[:, None], new_disturbance, disturbance)
        own = model.predict(observation, deterministic=True)[0] if policy_acts else expert_actions[t]
        action_errors[t] = np.linalg.norm((own - expert_actions[t])[:, continuous], axis=1)
        action = np.where(expert_acts[:, None], expert_actions[t], own) + disturbance
        action[:, arm:] = own[:, arm:]  # outputs for the task are always the policy's: it learns from its mistakes
        envs.step_async(np.clip(action, -1.0, 1.0))
        observation = envs.step_wait()[0]
        yield t + 1


def flatten_rows(array: np.ndarray) -> np.ndarray:
    """(steps, rows, ...) as (steps * rows, ...)."""
    return array.reshape(-1, *array.shape[2:])
