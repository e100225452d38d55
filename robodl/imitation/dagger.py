"""DAgger: a policy acts, the expert labels each observation with its own action, and the policy is fitted to these.

The policy thus learns from the states that its own mistakes lead to (Ross, Gordon and Bagnell, AISTATS 2011).
"""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from omegaconf import DictConfig
from stable_baselines3.common.base_class import BaseAlgorithm

from robodl.config import ImitationConfig, imitation_config
from robodl.imitation.behaviour_cloning import MAX_WEIGHTS, Examples, continuous_columns, fit_policy, logit_slices
from robodl.imitation.demonstrations import FIRST_SEED, read_dataset
from robodl.imitation.state_loss import StateLoss, flat_state
from robodl.imitation.teacher import teacher_policy
from robodl.imitation.transition_store import TransitionStore
from robodl.learning.build import on_backend, training_settings
from robodl.options import UsageError
from robodl.sb3_internals import policy_actions
from robodl.vec_env import channels_first, make_envs
from robodl_envs.arrays import Array, array, clip, namespace, to_numpy, zeros
from robodl_envs.experts.policy import Policy

EXPERT_SHARE = 0.3  # of the rows that the expert acts in, after the first round
NOISE_STD = 0.5  # of a disturbance that is added to actions at times, so that mistakes are corrected
NOISE_PROBABILITY = 0.25  # that a new disturbance is not zero
NOISE_HOLD_STEPS = 5  # that a disturbance lasts, on average

Round = tuple[int, Examples]  # transitions so far, and those that the policy is fitted to
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
    store, settings = store or TransitionStore(), imitation_config(cfg.algo)
    envs: Any = make_envs(
        cfg, settings.rows, **training_settings(cfg), **on_backend(cfg, cfg.backend, model.device, "torch")
    )
    inner = envs.unwrapped
    slices = logit_slices(inner.task, inner.robot.action_size)
    second = None
    if settings.state_weight:
        size = flat_state(inner.state_observation()).shape[1]
        second = StateLoss(model.policy, size, settings.state_weight, cfg.seed)
    if cfg.algo.get("dataset"):
        rounds = dataset_rounds(cfg, settings, progress, store)
    else:
        rounds = expert_rounds(model, cfg, settings, envs, progress, store, second)
    for count, examples in rounds:
        if second is not None and examples.states is not None:
            second.set_states(examples.states)
        updates = settings.last_updates if count >= settings.transitions else settings.updates
        loss = fit_policy(model, examples, slices, settings, updates, functools.partial(progress, count, None), second)
        progress(count, loss, 1.0)
    if second is not None:
        second.remove()
    envs.close()


def expert_rounds(
    model: BaseAlgorithm,
    cfg: DictConfig,
    settings: ImitationConfig,
    envs: Any,
    progress: ProgressFn,
    store: TransitionStore,
    state_loss: StateLoss | None = None,
) -> Iterator[Round]:
    """Act for an episode in all rows, then yield all transitions, or those of the latest episodes.

    The state is saved when the next round is asked for: when the policy has learnt from this one.
    """
    inner = envs.unwrapped
    rows, steps = settings.rows, -(-settings.transitions // settings.rows)
    first = to_numpy(channels_first(envs.reset(seed=FIRST_SEED + cfg.seed)[0]))
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
    shapes = {"expert_actions": inner.single_action_space.shape, "action_errors": ()}
    if state_loss is not None:
        shapes["states"] = flat_state(inner.state_observation()).shape[1:]
    labels = {name: store.array(name, (kept_steps, rows, *shape)) for name, shape in shapes.items()}
    if store.state:
        envs.set_state(store.state["envs"])
        rng.bit_generator.state = json.loads(str(store.state["rng"]))
        if state_loss is not None:
            state_loss.restore(store.state["state_loss"])
    teacher = teacher_policy(cfg, envs, model.device)
    progress(store.done * rows, None, 0.0)
    for begin in range(store.done, steps, episode_steps):
        end, ring_begin = min(begin + episode_steps, steps), begin % kept_steps
        part = slice(ring_begin, ring_begin + end - begin)
        views, labelled = ({key: value[part] for key, value in kept.items()} for kept in (observations, labels))
        acting = act_and_label(model, envs, teacher, rng, views, labelled, begin > 0)
        for step in acting:
            progress((begin + step) * rows, None, 0.0)
        flat = {key: flatten_rows(value[:end]) for key, value in labels.items()}
        yield (
            end * rows,
            Examples(
                {key: flatten_rows(value[:end]) for key, value in observations.items()},
                flat["expert_actions"],
                1.0 + settings.error_weight * flat["action_errors"] if settings.error_weight else None,
                flat.get("states"),
            ),
        )
        state = {"done": end, "envs": envs.get_state(), "rng": json.dumps(rng.bit_generator.state)}
        store.save(state if state_loss is None else {**state, "state_loss": state_loss.saved()})


def dataset_rounds(
    cfg: DictConfig, settings: ImitationConfig, progress: ProgressFn, store: TransitionStore
) -> Iterator[Round]:
    """Yield a dataset's transitions, as often as there would be rounds of episodes."""
    total, episodes = settings.transitions, read_dataset(cfg.algo["dataset"], cfg)
    observations = {
        key: np.concatenate([each.observations[key][:-1] for each in episodes])[:total]
        for key in episodes[0].observations
    }
    actions = np.concatenate([each.actions for each in episodes])[:total]
    passes = -(-len(actions) // (settings.rows * len(episodes[0])))
    progress(total * store.done // passes, None, 0.0)
    for done in range(store.done + 1, passes + 1):
        yield total * done // passes, Examples(observations, actions)
        store.save({"done": done})


def act_and_label(
    model: BaseAlgorithm,
    envs: Any,
    teacher: Policy,
    rng: np.random.Generator,
    observations: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    policy_acts: bool,
) -> Iterator[int]:
    """Act for an episode in all rows, filling the given arrays; yields the number of steps so far.

    Args:
        envs: of NumPy arrays or of tensors, which stay on their device until the episode's end.
        observations: (steps, rows, ...) each.
        labels: expert_actions, (steps, rows, a), the expert's for these observations; action_errors, (steps, rows),
            distances of the policy's actions from these, without logits; and, if wanted, states, (steps, rows, k).
        policy_acts: whether the policy acts in most rows; otherwise the expert does in all.
    """
    inner = envs.unwrapped
    observation = channels_first(envs.reset()[0])
    num_steps, rows, size = map(int, labels["expert_actions"].shape)
    arm, like = inner.robot.action_size, inner.batch.sim.qpos
    xp = namespace(like)
    expert_acts = array(rng.uniform(size=(rows, 1)) < (EXPERT_SHARE if policy_acts else 1.0), like) > 0
    disturbance: np.ndarray = np.zeros((rows, size))
    continuous = continuous_columns(size, logit_slices(inner.task, arm))
    kept = {**observations, **labels}
    filled: dict[str, Array] = kept
    if xp is not np:
        filled = {key: zeros(like, *host.shape, dtype=host.dtype.name) for key, host in kept.items()}
    for t in range(num_steps):
        for key, value in observation.items():
            filled[key][t] = value
        wanted = filled["expert_actions"][t]
        state = inner.state_observation()
        wanted[...] = teacher(state)
        if "states" in labels:
            filled["states"][t] = flat_state(state)
        is_new = rng.uniform(size=rows) < 1.0 / NOISE_HOLD_STEPS
        is_on = rng.uniform(size=(rows, 1)) < NOISE_PROBABILITY
        new_disturbance = is_on * NOISE_STD * rng.standard_normal(disturbance.shape)
        disturbance = np.where(is_new[:, None], new_disturbance, disturbance)
        own = policy_actions(model.policy, observation) if policy_acts else wanted
        errors = (own - wanted)[:, continuous]
        filled["action_errors"][t] = xp.sqrt((errors * errors).sum(axis=1))
        added = disturbance if xp is np else array(disturbance, like)
        action = xp.where(expert_acts, wanted, own) + added
        action[:, arm:] = own[:, arm:]  # outputs for the task are always the policy's: it learns from its mistakes
        observation = channels_first(envs.step(clip(action, -1.0, 1.0))[0])
        yield t + 1
    if filled is not kept:
        for key, host in kept.items():
            host[...] = to_numpy(filled[key])


def flatten_rows(array: np.ndarray) -> np.ndarray:
    """(steps, rows, ...) as (steps * rows, ...)."""
    return array.reshape(-1, *array.shape[2:])
