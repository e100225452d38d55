"""Episodes of a policy, counted: what `train`, `evaluate` and the README's numbers mean by success_rate."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from robodl_envs import Policy

FIRST_SEED = 2**31  # evaluation's seeds begin here, far from training's seed + row
CHOOSING = 10**6  # and a checkpoint is chosen on seeds this much further on, so that tests see fresh episodes
AT_ONCE = 250  # rows simulated together
RESAMPLED = 1_000  # times that episodes are drawn anew for the intervals of a task's metrics

Metrics = dict[str, float]


@dataclass(frozen=True)
class Score:
    """Result of n episodes, one entry each."""

    success: np.ndarray  # (n,) bool, success_at_end
    once: np.ndarray  # (n,) bool, success_once
    first_success: np.ndarray  # (n,) control steps until the first success, -1 where there was none
    distance: np.ndarray  # (n,) m, between the goals at the end
    returns: np.ndarray  # (n,) sums of rewards
    diverged: int
    last: dict[str, np.ndarray] = field(default_factory=dict)  # (n,) each, what the task's own metrics are made of,
    summary: Callable[[dict[str, np.ndarray]], Metrics] = lambda last: {}  # and how

    @property
    def episodes(self) -> int:
        return len(self.success)

    @property
    def success_rate(self) -> float:
        return float(self.success.mean())

    @functools.cached_property
    def metrics(self) -> Metrics:
        """The task's own, of all episodes together."""
        return self.summary(self.last)

    @property
    def measures(self) -> Metrics:
        """What tells how well it went besides success: the task's metrics, or the mean distance to the goal."""
        return self.metrics or {"distance_mm": 1e3 * float(self.distance.mean())}

    @property
    def steps_to_success(self) -> tuple[float, int] | None:
        """Control steps until the first success, of the episodes that had one: their mean, and what 95 % needed."""
        steps = self.first_success[self.first_success >= 0]
        return (float(steps.mean()), int(np.percentile(steps, 95, method="inverted_cdf"))) if len(steps) else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the success rate (Wilson 1927)."""
        n, p, z = self.episodes, self.success_rate, 1.959964
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @functools.cached_property  # a fraction of a second that not every evaluation needs
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % confidence intervals of the metrics, of those that have one."""
        return intervals(self.summary, self.last) if self.metrics else {}


def evaluate_policy(
    policy: Policy, envs: gymnasium.vector.VectorEnv, episodes: int, seed: int, progress: Callable[[int], object] = int
) -> Score:
    """Run whole episodes, as many at once as envs has rows; episode k begins with seed + k.

    Args:
        envs: made with AutoresetMode.DISABLED; a row whose episode is over idles until its neighbours are done.
        progress: told the number of finished episodes now and then.
    """
    scores = []
    for first in range(0, episodes, envs.num_envs):
        count = min(envs.num_envs, episodes - first)
        scores.append(one_each(policy, envs, count, seed + first))
        progress(first + count)
    success, once, first_success, distance, returns, diverged, metrics = zip(*scores, strict=True)
    join = np.concatenate
    inner: Any = envs.unwrapped
    last = {key: join([part[key] for part in metrics]) for key in metrics[0]}
    each = (join(success), join(once), join(first_success), join(distance), join(returns))
    return Score(*each, sum(diverged), last, inner.batch.task.summary)


def intervals(
    summary: Callable[[dict[str, np.ndarray]], Metrics], last: dict[str, np.ndarray]
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of what a summary makes of episodes, (n,) each: percentiles of what it makes of n
    episodes drawn from these with replacement (Efron, Bootstrap methods, Annals of Statistics 7, 1979).

    None where these agree, as of a share of 0: how far from it the truth may be, drawing does not tell.
    """
    count = len(next(iter(last.values())))
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLED, count))
    made = [summary({key: value[ids] for key, value in last.items()}) for ids in drawn]
    bounds = {}
    for key in made[0]:
        values = np.array([each[key] for each in made])
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (math.nan, math.nan)
        if low < high:
            bounds[key] = float(low), float(high)
    return bounds


def one_each(policy, envs, count, seed):
    """One episode in each of the first `count` rows."""
    num = envs.num_envs
    observation, info = envs.reset(seed=seed)
    running = np.arange(num) < count
    first, step = np.where(info["is_success"], 0, -1), 0
    success, once, diverged = np.zeros(num, bool), np.zeros(num, bool), np.zeros(num, bool)
    distance, returns = np.zeros(num), np.zeros(num)
    batch = envs.unwrapped.batch
    last = {key: value.copy() for key, value in batch.task.metrics().items()}  # as episodes ended
    while running.any():
        observation, reward, terminated, truncated, info = envs.step(policy(observation))
        returns += reward * running
        step += 1
        first[running & info["is_success"] & (first < 0)] = step
        ended = running & (terminated | truncated)
        if ended.any():
            success[ended] = info["success_at_end"][ended]
            once[ended] = info["success_once"][ended]
            diverged[ended] = info["diverged"][ended]
            distance[ended] = batch.distance()[ended]
            for key, value in last.items():
                value[ended] = info[key][ended]
            running &= ~ended
    rows = (values[:count] for values in (success, once, first, distance, returns))
    return *rows, int(diverged[:count].sum()), {key: value[:count] for key, value in last.items()}
