"""Settings of imitation, from the keys of `algo`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ImitationConfig:
    """Imitation of the task's scripted expert (DAgger), before the policy learns by itself."""

    transitions: int = 0  # that the expert labels; 0 for no imitation
    rows: int = 128  # that act at once; each adds an episode a round
    episode_steps: int = 0  # control steps of an episode, at most; 0 for the task's limit
    updates: int = 1_500  # optimiser steps after each round
    last_updates: int = 1_500  # optimiser steps after the last round
    batch_size: int = 512  # transitions of an optimiser step
    keep_episodes: int = 0  # latest episodes of a row that are learnt from; 0 for all
    error_weight: float = 0.0  # a transition is drawn in proportion to 1 + error_weight * the policy's error there


KEYS = {
    "clone": "transitions",
    "clone_rows": "rows",
    "clone_length": "episode_steps",
    "clone_steps": "updates",
    "clone_last": "last_updates",
    "clone_batch": "batch_size",
    "clone_keep": "keep_episodes",
    "clone_focus": "error_weight",
}


def imitation_config(algo: Mapping[str, Any]) -> ImitationConfig:
    """The settings of imitation among the keys of `algo`."""
    return ImitationConfig(**{name: algo[key] for key, name in KEYS.items() if key in algo})
