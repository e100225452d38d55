"""Staggered episodes: rows that began together are spread over an episode, so that a rollout shows all of it."""

from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from robodl_envs.arrays import integers


class Stagger(BaseCallback):
    """End the first episodes of a run earlier than others: row i after (N - i) / N of the time limit.

    Otherwise all rows reach for an object in one rollout and hold it in the next, and each update forgets what others
    were about.

    Args:
        active: whether to do so; at the beginning of a run alone.
    """

    def __init__(self, active: bool):
        super().__init__()
        self.active = active

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        envs: Any = self.training_env.unwrapped
        batch = envs.envs.unwrapped.batch
        if self.active and self.model.num_timesteps == 0:
            elapsed = np.arange(batch.num) * batch.max_episode_steps // batch.num
            batch.stats.elapsed[:] = integers(elapsed, batch.stats.elapsed)
