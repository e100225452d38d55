"""Learning curves of the rows of docs/results/trained.json, as pictures."""

import hashlib
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from robodl.documentation.comparison import named, way_of
from robodl.documentation.results import Row

STAMP = "results"  # text in a picture's file: a hash of the rows that it shows
POINTS = 200  # of a curve's axis
RESAMPLES = 500
MIN_TASKS = 3  # of a mean over tasks
AXES = {"seconds": "seconds since the start of the process, evaluations included", "steps": "control steps"}
COLUMN = {"steps": 0, "seconds": 1, "success": 2}  # of a row's curve


def pictures(rows: Sequence[Row], folder: Path) -> dict[Path, bytes]:
    """PNG files of all rows with curves, by path; those that are up to date are as they were."""
    shown = [row for row in rows if len(row.get("curve", [])) > 1]
    if not shown:
        return {}
    figures: dict[str, Callable[[], Figure]] = {
        "success_by_seconds.png": lambda: by_task(shown, "seconds"),
        "success_by_steps.png": lambda: by_task(shown, "steps"),
    }
    if ways := of_many_tasks(shown):
        figures["all_tasks.png"] = lambda: over_tasks(ways)
    stamp = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
    return {folder / name: png(folder / name, make, stamp) for name, make in figures.items()}


def png(path: Path, make: Callable[[], Figure], stamp: str) -> bytes:
    """The picture as bytes: the file's own where it has the stamp, so that another matplotlib changes nothing."""
    if path.is_file() and stamp_of(path) == stamp:
        return path.read_bytes()
    buffer = io.BytesIO()
    make().savefig(buffer, format="png", metadata={STAMP: stamp, "Software": None})
    return buffer.getvalue()


def stamp_of(path: Path) -> str | None:
    try:
        with Image.open(path) as image:
            return image.info.get(STAMP)
    except OSError:
        return None


def by_task(rows: Sequence[Row], axis: str) -> Figure:
    """Success against steps or seconds: a panel a task, a line a row of several seeds, a band from least to most."""
    tasks = list(dict.fromkeys(row["env"] for row in rows))
    columns = min(3, len(tasks))
    height = -(-len(tasks) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.6 * height), dpi=100, layout="constrained")
    for k, task in enumerate(tasks):
        axes = figure.add_subplot(height, columns, k + 1)
        for name, group in named([row for row in rows if row["env"] == task]).items():
            ticks = np.linspace(0.0, max(row["curve"][-1][COLUMN[axis]] for row in group), POINTS)
            seeds = np.stack([held(row, axis, ticks) for row in group])
            label = f"{way_of(name)}{f', {len(group)} seeds' if len(group) > 1 else ''}"
            (line,) = axes.plot(ticks, 100.0 * seeds.mean(axis=0), linewidth=1.4, label=label)
            low, high = 100.0 * seeds.min(axis=0), 100.0 * seeds.max(axis=0)
            axes.fill_between(ticks, low, high, color=line.get_color(), alpha=0.2)
        axes.set(title=task, ylim=(-2, 102), xlim=(0, None))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="lower right")
    figure.supylabel("success, %", fontsize=9)
    figure.supxlabel(AXES[axis], fontsize=9)
    return figure


def over_tasks(ways: dict[str, list[Row]]) -> Figure:
    """The interquartile mean of all tasks and seeds of a way to learn, against seconds, with its 95 % interval."""
    figure = Figure(figsize=(7, 3.6), dpi=100, layout="constrained")
    axes = figure.subplots()
    for way, group in ways.items():
        tasks = list(dict.fromkeys(row["env"] for row in group))
        ticks = np.geomspace(1.0, max(row["curve"][-1][COLUMN["seconds"]] for row in group), POINTS)
        runs = [np.stack([held(row, "seconds", ticks) for row in group if row["env"] == task]) for task in tasks]
        mean, low, high = interquartile_mean(runs)
        (line,) = axes.plot(ticks, 100.0 * mean, label=f"{way}, {len(tasks)} tasks")
        axes.fill_between(ticks, 100.0 * low, 100.0 * high, color=line.get_color(), alpha=0.2)
    axes.set(xscale="log", ylim=(-2, 102), xlabel=AXES["seconds"], ylabel="interquartile mean of success, %")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    return figure


def of_many_tasks(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by their name after the task's, "default" where there is none; names of few tasks are left out."""
    found: dict[str, list[Row]] = {}
    for name, group in named(rows).items():
        found.setdefault(way_of(name), []).extend(group)
    return {way: group for way, group in found.items() if len({row["env"] for row in group}) >= MIN_TASKS}


def held(row: Row, axis: str, ticks: np.ndarray) -> np.ndarray:
    """A run's success at the ticks of an axis: that of the last evaluation before each, 0 before the first."""
    curve = np.asarray(row["curve"], float)
    last = np.searchsorted(curve[:, COLUMN[axis]], ticks, side="right") - 1
    return np.where(last >= 0, curve[np.maximum(last, 0), COLUMN["success"]], 0.0)


def interquartile_mean(runs: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of the middle half of all runs at each tick, and its 95 % interval: (T,) each, of (seeds, T) of each task.

    Agarwal and others, Deep RL at the edge of the statistical precipice, NeurIPS 2021: the interval is a bootstrap
    that draws seeds anew within each task.
    """
    rng = np.random.default_rng(0)
    drawn = [np.concatenate([task[rng.integers(len(task), size=len(task))] for task in runs]) for _ in range(RESAMPLES)]
    low, high = np.percentile([middle_mean(each) for each in drawn], [2.5, 97.5], axis=0)
    return middle_mean(np.concatenate(runs)), low, high


def middle_mean(values: np.ndarray) -> np.ndarray:
    """Mean of the middle half along the first axis; of fewer than four, of all."""
    cut = math.floor(0.25 * len(values))
    return np.sort(values, axis=0)[cut : len(values) - cut].mean(axis=0)
