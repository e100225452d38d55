"""A learning rate that falls along a line: over all steps of a run, or anew over those by which it is prolonged."""

import sys
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import FloatSchedule, LinearSchedule

from robodl.options import UsageError


def line_of(model: BaseAlgorithm) -> list[float] | None:
    """The learning rates at step 0 and at the last one; None if the learning rate is not annealed."""
    line = model.learning_rate
    return [line.start, line.end] if isinstance(line, LinearSchedule) else None


def go_on(model: BaseAlgorithm, total: int, earlier_total: int, line: Any, anneal_to: float | None) -> None:
    """Set the learning rate's line of a resumed run, and warn if the rate jumps.

    Args:
        total: steps of the whole run now, and `earlier_total` before.
        line: the two rates of `line_of` when the state was saved; None if an earlier version saved it.
        anneal_to: learning rate that the steps left lower it to, from what it is now; None to keep the line.

    Raises:
        UsageError: `anneal_to` is given and the learning rate is not annealed.
    """
    first = line_of(model)
    if first is None:
        if anneal_to is not None:
            raise UsageError("algo.anneal_to is for a run whose learning rate is annealed: this one's is constant")
        return
    start, end = (float((line or first)[i]) for i in range(2))
    done = model.num_timesteps
    now = LinearSchedule(start, end, 1.0)(1.0 - done / earlier_total)
    if anneal_to is not None and total > done:
        start, end = anneal_to + (now - anneal_to) * total / (total - done), anneal_to
    model.learning_rate = LinearSchedule(start, end, 1.0)
    model.lr_schedule = FloatSchedule(model.learning_rate)
    after = model.learning_rate(1.0 - done / total)
    if anneal_to is None and after != now:
        print(
            f"warning: the learning rate is annealed over all steps: with total_timesteps={total} it goes on at "
            f"{after:.2g} after {now:.2g}; algo.anneal_to=0 lowers it from {now:.2g} to 0 instead",
            file=sys.stderr,
        )
