"""Evaluation of policies: whole episodes, and their score.

`success_rate` in `train`, `evaluate` and the documentation is a score's: the share of episodes with success_at_end.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast

import gymnasium
import numpy as np

from robodl.evaluation.statistics import Samples, Statistics, bootstrap_intervals, wilson_interval
from robodl.evaluation.task_metrics import task_summary
from robodl_envs import Policy, make_policy, make_vec, task_id

FIRST_SEED = 2**31  # of evaluations, far from training's seed + row
SELECTION_SEED_OFFSET = 10**6  # of evaluations that choose a checkpoint, so that the final test has fresh episodes
MAX_ROWS = 250  # simulated together


@dataclass(frozen=True)
class Score:
    """The results of n episodes, one entry an episode."""

    seeds: np.ndarray  # (n,) int, that the episodes were reset with
    success: np.ndarray  # (n,) bool, success_at_end
    success_once: np.ndarray  # (n,) bool
    first_success: np.ndarray  # (n,) control steps until the first success, -1 where there was none
    lengths: np.ndarray  # (n,) control steps
    distance: np.ndarray  # (n,) m, between the goals at the end
    returns: np.ndarray  # (n,) sums of rewards
    has_diverged: np.ndarray  # (n,) bool
    final_metrics: Samples = field(default_factory=dict)  # (n,) each, the task's metrics at the end
    summary: Callable[[Samples], Statistics] = lambda final_metrics: {}  # of these, over all episodes

    @property
    def episodes(self) -> int:
        return len(self.success)

    @property
    def success_rate(self) -> float:
        return float(self.success.mean())

    @property
    def diverged(self) -> int:
        """The number of episodes that diverged."""
        return int(self.has_diverged.sum())

    @functools.cached_property
    def metrics(self) -> Statistics:
        """The task's metrics over all episodes; empty for tasks that are judged by success alone."""
        return self.summary(self.final_metrics)

    @property
    def reported_metrics(self) -> Statistics:
        """Metrics reported beside success: the task's metrics, or the mean distance to the goal."""
        return self.metrics or {"distance_mm": 1e3 * float(self.distance.mean())}

    @property
    def steps_to_success(self) -> tuple[float, int] | None:
        """Control steps to the first success, in episodes that had one: the mean and the 95th percentile."""
        steps = self.first_success[self.first_success >= 0]
        return (float(steps.mean()), int(np.percentile(steps, 95, method="inverted_cdf"))) if len(steps) else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the success rate."""
        return wilson_interval(int(self.success.sum()), self.episodes)

    @functools.cached_property  # takes a fraction of a second, which not every evaluation needs
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % confidence intervals of the task's metrics, of those that have one."""
        return bootstrap_intervals(self.summary, self.final_metrics) if self.metrics else {}


def evaluate_policy(
    policy: Policy, envs: gymnasium.vector.VectorEnv, episodes: int, seed: int, progress: Callable[[int], object] = int
) -> Score:
    """Run whole episodes, as many at once as envs has rows; episode k starts with seed + k.

    Args:
        envs: made with AutoresetMode.DISABLED; a row whose episode is over idles until all are.
        progress: called in each step with the number of episodes behind it; those that run count by their share of the
            time limit.
    """
    scores = []
    for first in range(0, episodes, envs.num_envs):
        count = min(envs.num_envs, episodes - first)

        def on_step(share: float, first: int = first, count: int = count) -> None:
            progress(first + int(share * count))

        scores.append(run_episodes(policy, envs, count, seed + first, on_step))
    return functools.reduce(concat_scores, scores)


def untrained_scores(
    task: str,
    robot: str,
    policies: Sequence[str],
    episodes: int,
    seed: int = 0,
    threads: int = 0,
    progress: Callable[[int], object] = int,
) -> Iterator[tuple[str, Score | None]]:
    """Scores of policies that need no training, by the policy's name, with a task's default settings and time limit.

    None where the task has no such policy. The last arguments are those of evaluate_policy.
    """
    from robodl.tuned import env_settings

    settings = {"robot": robot, "num_envs": min(MAX_ROWS, episodes), "threads": threads, "autoreset_mode": "Disabled"}
    settings["max_episode_steps"] = gymnasium.spec(task_id(task)).max_episode_steps
    envs = make_vec(task, **settings, **env_settings(task))
    for name in policies:
        try:
            policy = make_policy(name, envs, seed)
        except (KeyError, ValueError):
            yield name, None
        else:
            yield name, evaluate_policy(policy, envs, episodes, FIRST_SEED + seed, progress)
    envs.close()


def run_episodes(
    policy: Policy, envs: gymnasium.vector.VectorEnv, count: int, seed: int, on_step: Callable[[float], object] = bool
) -> Score:
    """Run one episode in each of the first `count` rows; the other rows idle.

    Args:
        on_step: called in each step with the share of the time limit that is over, 1 at the end.
    """
    num, inner = envs.num_envs, cast(Any, envs.unwrapped)
    observation, info = envs.reset(seed=seed)
    running, step = np.arange(num) < count, 0
    first_success = np.where(info["is_success"], 0, -1)
    returns, lengths = np.zeros(num), np.zeros(num, int)
    # As the episodes ended:
    at_end = {key: np.zeros(num, bool) for key in ("success_at_end", "success_once", "diverged")}
    metrics = {key: value.copy() for key, value in inner.metrics().items()}
    distance = np.zeros(num)
    while running.any():
        observation, reward, terminated, truncated, info = envs.step(policy(observation))
        returns += reward * running
        lengths += running
        step += 1
        first_success[running & info["is_success"] & (first_success < 0)] = step
        ended = running & (terminated | truncated)
        if ended.any():
            distance[ended] = inner.goal_distance()[ended]
            for key, value in (at_end | metrics).items():
                value[ended] = info[key][ended]
            running &= ~ended
        on_step(step / inner.max_episode_steps if running.any() else 1.0)
    return Score(
        seeds=seed + np.arange(count),
        success=at_end["success_at_end"][:count],
        success_once=at_end["success_once"][:count],
        first_success=first_success[:count],
        lengths=lengths[:count],
        distance=distance[:count],
        returns=returns[:count],
        has_diverged=at_end["diverged"][:count],
        final_metrics={key: value[:count] for key, value in metrics.items()},
        summary=task_summary(inner.task),
    )


def concat_scores(first: Score, second: Score) -> Score:
    """The score of the episodes of two scores."""
    names = [each.name for each in fields(Score) if each.name not in ("final_metrics", "summary")]
    joined = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    metrics = {key: np.concatenate([value, second.final_metrics[key]]) for key, value in first.final_metrics.items()}
    return Score(**joined, final_metrics=metrics, summary=first.summary)
