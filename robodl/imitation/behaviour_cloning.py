"""Behaviour cloning: a policy's deterministic actions are fitted to an expert's by supervised learning."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn
from torch.nn import functional

from robodl.config import ImitationConfig
from robodl.evaluation.task_table import old_hook
from robodl.sb3_internals import deterministic_actions
from robodl.vision.encoder import Encoder
from robodl_envs import SHARPNESS

LEARNING_RATE = 1e-3  # at the beginning of a fit; it falls to zero along half a cosine
MAX_WEIGHTS = 2**24  # that torch.multinomial draws from


class Examples(NamedTuple):
    """Transitions that a policy is fitted to: its observations in them, and an expert's actions there."""

    observations: dict[str, np.ndarray]  # (n, ...) each
    expert_actions: np.ndarray  # (n, a)
    sample_weights: np.ndarray | None = None  # (n,), in proportion to which they are drawn; uniformly without
    states: np.ndarray | None = None  # (n, k), to be told from images


def fit_policy(
    model: BaseAlgorithm,
    examples: Examples,
    slices: Sequence[slice],
    settings: ImitationConfig,
    updates: int,
    on_step: Callable[[float], object] = lambda share: None,
    second_loss: nn.Module | None = None,
) -> float:
    """Fit a policy to the actions of an expert.

    Args:
        slices: of an action, see `logit_slices`.
        settings: the transitions of an optimiser step, and the loss of actions.
        updates: optimiser steps.
        on_step: called after each step with the share of the steps that is done.
        second_loss: of the ids of transitions, (B,), that the policy has just acted in; its parameters are fitted, too.

    Returns:
        The mean loss of the last tenth of the steps.
    """
    policy: Any = model.policy
    policy.set_training_mode(True)
    for module in policy.modules():
        if isinstance(module, Encoder):
            module.fit_scaling(examples.observations)
    inputs = {key: torch.as_tensor(value, device=model.device) for key, value in examples.observations.items()}
    targets = torch.as_tensor(examples.expert_actions, device=model.device)
    parameters = [p for p in policy.parameters() if p.requires_grad]
    if second_loss is not None:
        parameters += second_loss.parameters()
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    losses = []
    batches = sample_batches(len(targets), updates, settings.batch_size, examples.sample_weights)
    for step, drawn in enumerate(batches):
        ids = drawn.to(model.device)
        batch = {key: value[ids] for key, value in inputs.items()}
        loss = imitation_loss(deterministic_actions(policy, batch), targets[ids], slices, settings.loss)
        optimizer.zero_grad()
        (loss if second_loss is None else loss + second_loss(ids)).backward()
        optimizer.step()
        schedule.step()
        if step >= min(0.9 * updates, updates - 1):
            losses.append(loss.item())
        on_step((step + 1) / updates)
    policy.set_training_mode(False)
    return float(np.mean(losses))


def encoder_of(policy: Any) -> Encoder:
    """The encoder of what a policy acts by: with SAC and TD3 the actor's own."""
    encoder = getattr(policy, "actor", policy).features_extractor
    assert isinstance(encoder, Encoder)
    return encoder


def sample_batches(count: int, updates: int, size: int, sample_weights: np.ndarray | None) -> Iterator[torch.Tensor]:
    """Draw the transitions of each optimiser step, with replacement: ids below `count`, (size,)."""
    if sample_weights is None:
        return (torch.randint(count, (size,)) for _ in range(updates))
    return iter(torch.multinomial(torch.as_tensor(sample_weights), updates * size, replacement=True).split(size))


def imitation_loss(
    actions: torch.Tensor, expert_actions: torch.Tensor, slices: Sequence[slice], kind: str = "l1"
) -> torch.Tensor:
    """The mean absolute error of continuous numbers, or squared error, plus the cross-entropy of each slice of logits.

    A policy that can't see what its expert decides by learns the expert's median by "l1", and its mean by "l2": where
    the expert mostly waits, and now and then goes on, the median waits for ever and the mean goes on slowly.

    The expert's class is the one with its greatest logit; a single logit is a yes if it is positive. Logits outside
    [-1, 1] would be clipped, and could then tie: the mean distance from these bounds is part of the loss.

    Args:
        actions, expert_actions: (n, a).
        kind: "l1" or "l2".
    """
    loss = actions.new_zeros(())
    for part in slices:
        logits, expert_logits = actions[:, part], expert_actions[:, part]
        scaled = SHARPNESS * logits
        if logits.shape[1] == 1:
            loss = loss + functional.binary_cross_entropy_with_logits(scaled, (expert_logits > 0.0).float())
        else:
            loss = loss + functional.cross_entropy(scaled, expert_logits.argmax(dim=1))
        loss = loss + functional.relu(logits.abs() - 1.0).mean()
    columns = continuous_columns(actions.shape[1], slices)
    error = functional.mse_loss if kind == "l2" else functional.l1_loss
    return loss + error(actions[:, columns], expert_actions[:, columns])


def logit_slices(task: Any, first: int) -> list[slice]:
    """The slices of an action that hold logits: of several classes, or a single number, whose sign is a yes or no.

    Args:
        task: whose `outputs()`, if it has any, say what its share of an action is.
        first: index in an action where the task's share begins: after the robot's numbers.
    """
    if not hasattr(task, "outputs"):
        hook = old_hook(task, "choices", "outputs, see robodl_envs.PerceptionTask")
        return [slice(first + part.start, first + part.stop) for part in hook()] if hook else []
    slices = []
    for output in task.outputs():
        if output.kind in ("logits", "binary"):
            slices.append(slice(first, first + output.size))
        first += output.size
    return slices


def continuous_columns(size: int, slices: Sequence[slice]) -> list[int]:
    """The indices of an action of that size that are no logits."""
    logits = {column for part in slices for column in range(part.start, part.stop)}
    return [column for column in range(size) if column not in logits]
