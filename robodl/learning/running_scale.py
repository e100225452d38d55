"""Running scale: the vectors of an observation are scaled by what a policy has seen of them, not by their bounds."""

from collections.abc import Iterator
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from robodl.vision.encoder import Encoder

LEAST_STD = 0.02  # of half the range of a number's bounds


class RunningScale(BaseCallback):
    """Scale PPO's vectors to a mean of 0 and a standard deviation of 1 over all rollouts so far.

    A rollout counts once its updates are done: they need the scale with which it was acted. Between rollouts there is
    nothing to save: what was seen lies in the encoders, and its weight in the number of steps.

    Args:
        active: whether to scale at all.
    """

    def __init__(self, active: bool):
        super().__init__()
        self.active = active
        self.seen: dict[str, Any] | None = None  # observations of the last rollout, (steps, rows, ...)

    def encoders(self) -> Iterator[Encoder]:
        return (module for module in self.model.policy.modules() if isinstance(module, Encoder))

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.active:
            buffer: Any = self.model.rollout_buffer  # type: ignore[attr-defined]
            names = {name for encoder in self.encoders() for name in encoder.vector_names}
            self.seen = {name: buffer.observations[name] for name in names}  # the next rollout has arrays of its own

    def _on_rollout_start(self) -> None:
        self.count_rollout()

    def _on_training_end(self) -> None:
        self.count_rollout()

    def count_rollout(self) -> None:
        """Count the last rollout into the scale, by its share of all steps."""
        if self.seen is not None:
            steps, rows = next(iter(self.seen.values())).shape[:2]
            for encoder in self.encoders():
                encoder.fit_scaling(self.seen, min(1.0, steps * rows / self.model.num_timesteps), LEAST_STD)
            self.seen = None
