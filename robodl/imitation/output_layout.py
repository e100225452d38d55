"""Layout of actions that hold outputs for the task: which numbers are logits of classes, and which are continuous."""

from collections.abc import Sequence
from typing import Any

from robodl.evaluation.task_table import old_hook


def logit_slices(task: Any, first: int) -> list[slice]:
    """The slices of an action that hold logits: of several classes, or a single number, whose sign is a yes or no.

    Args:
        task: whose `outputs()` say what its share of an action is.
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
