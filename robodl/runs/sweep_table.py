"""The table at the end of a sweep: each run with its result, and mean and spread of those that differ by seed alone."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

METRICS = ("success_rate", "accuracy", "error_mm")  # of training, and of pretraining by kind of label


class SweptRun(NamedTuple):
    """A run of a sweep: its folder, and its overrides that differ between runs."""

    folder: Path
    overrides: tuple[str, ...]


def sweep_lines(runs: Sequence[SweptRun]) -> list[str]:
    """A line for each run that has a result, then one for each group of seeds."""
    results = {run: json.loads(path.read_text()) for run in runs if (path := run.folder / "result.json").is_file()}
    if not results:
        return []
    metric = next(key for key in METRICS if key in next(iter(results.values())))
    width = max(len(str(run.folder)) for run in results)
    lines = [f"{'run':<{width}}  {metric}"]
    seeds: dict[tuple[str, ...], list[float]] = {}
    for run, result in results.items():
        lines.append(f"{run.folder!s:<{width}}  {in_words(metric, result[metric])}{interval(metric, result)}")
        others = tuple(word for word in run.overrides if not word.startswith("seed="))
        seeds.setdefault(others, []).append(result[metric])
    for others, values in seeds.items():
        if len(values) > 1:
            mean, spread = (in_words(metric, call(values)) for call in (statistics.mean, statistics.stdev))
            low, high = in_words(metric, min(values)), in_words(metric, max(values))
            title = ", ".join((*others, f"{len(values)} seeds"))
            lines.append(f"{title}: mean {mean}, standard deviation {spread}, from {low} to {high}")
    return lines


def in_words(metric: str, value: float) -> str:
    return f"{value:.1f} mm" if metric.endswith("_mm") else f"{value:.1%}"


def interval(metric: str, result: dict[str, Any]) -> str:
    """The 95 % interval of a run's success rate."""
    if metric != "success_rate":
        return ""
    low, high, episodes = (result[key] for key in ("success_low", "success_high", "episodes"))
    return f" of {episodes} episodes (95 % interval {low:.1%} to {high:.1%})"
