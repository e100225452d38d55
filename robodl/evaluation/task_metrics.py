"""Summaries of the metrics that tasks are judged by besides success, and success rates of blind guesses.

Plugins add theirs with `register_summary` and `register_chance_success_rate`.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from robodl.evaluation.statistics import Samples, Statistics, auroc, rate, threshold_at_rate
from robodl.evaluation.task_table import TaskTable, old_hook

# A task, and its metrics at the end of n episodes, (n,) each -> what an evaluation reports. The first paragraph of
# the docstring goes into the documentation.
Summary = Callable[[Any, Samples], Statistics]


def summarize_read_digit(task, last: Samples) -> Statistics:
    """`accuracy`, the share of right answers, final or not; `final`, that of final ones; `steps_used` till then."""
    return {
        "accuracy": float(last["is_right"].mean()),
        "final": float(last["is_final"].mean()),
        "steps_used": float(last["steps_used"].mean()),
    }


def summarize_inspect(task, last: Samples) -> Statistics:
    """`auroc` of the evidence; `escape_rate`, the share of bad parts passed; `overkill`, that of good parts
    rejected; `escape_at_5`, the former with the threshold that rejects 5 % of the good parts; `threshold_at_5`,
    that threshold; `views`, how many faces were viewed.
    """
    evidence, bad = last["evidence"], last["is_bad"].astype(bool)
    threshold_at_5 = threshold_at_rate(evidence[~bad], 0.05)
    return {
        "auroc": auroc(evidence, bad),
        "escape_rate": rate(evidence[bad] <= task.threshold),
        "overkill": rate(evidence[~bad] > task.threshold),
        "escape_at_5": rate(evidence[bad] <= threshold_at_5),
        "threshold_at_5": threshold_at_5,
        "views": float(last["views"].mean()),
    }


def summarize_track(task, last: Samples) -> Statistics:
    """`position_rmse_mm` and `velocity_rmse_cm_s` while the target was in view, and `in_view`, the share of time in
    which it was, of all steps after the first second, of all episodes together.
    """
    in_view, counted = last["steps_in_view"].sum(), last["steps_counted"].sum()

    def pooled(rmse: np.ndarray) -> float:
        return math.sqrt((rmse**2 * last["steps_in_view"]).sum() / in_view) if in_view else math.nan

    return {
        "position_rmse_mm": 1000.0 * pooled(last["position_rmse"]),
        "velocity_rmse_cm_s": 100.0 * pooled(last["velocity_rmse"]),
        "in_view": float(in_view / counted) if counted else math.nan,
    }


def summarize_by_means(task, last: Samples) -> Statistics:
    """The mean of each metric at the end of episodes."""
    return {name: float(values.mean()) for name, values in last.items()}


SUMMARIES: TaskTable[Summary] = TaskTable(
    {"read_digit": summarize_read_digit, "inspect": summarize_inspect, "track": summarize_track}
)
CHANCE_SUCCESS_RATES: TaskTable[float] = TaskTable({"read_digit": 0.1})  # of blind guesses
register_summary = SUMMARIES.register
register_chance_success_rate = CHANCE_SUCCESS_RATES.register


def summary_function(task: Any) -> Summary:
    """The summary of a task, an instance or a class, with its docstring."""
    if found := SUMMARIES.get(task):
        return found
    hook = old_hook(task, "summary", "robodl.evaluation.task_metrics.register_summary")
    if hook is None:
        return summarize_by_means
    return functools.wraps(hook)(lambda task, last: task.summary(last))


def task_summary(task: Any) -> Callable[[Samples], Statistics]:
    """The summary of a task's metrics at the end of n episodes."""
    return functools.partial(summary_function(task), task)


def chance_success_rate(task: Any) -> float:
    """The success rate of a blind guess in a task, an instance or a class; 0 unless the task asks for an answer."""
    found = CHANCE_SUCCESS_RATES.get(task)
    if found is None:
        found = old_hook(task, "chance", "robodl.evaluation.task_metrics.register_chance_success_rate")
    return found or 0.0
