"""Statistics of evaluations: confidence intervals, rates and the area under the ROC curve.

A statistic of no samples is NaN, which is not the same as 0.
"""

import math
from collections.abc import Callable

import numpy as np

RESAMPLES = 1_000  # of the bootstrap

Samples = dict[str, np.ndarray]  # (n,) each
Statistics = dict[str, float]


def wilson_interval(successes: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The confidence interval of a rate (Wilson, JASA 22, 1927).

    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with the rate p and n samples.

    Args:
        z: quantile of the normal distribution; 1.96 for 95 %.
    """
    p, n = successes / count, count
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference_interval(successes: int, count: int, other_successes: int, other_count: int) -> tuple[float, float]:
    """The 95 % confidence interval of p1 - p2, rates of success of two policies in episodes of their own.

    Newcombe, Statistics in Medicine 17, 1998, pages 873-890, method 10: with Wilson's intervals l1 to u1 and l2 to u2,
    p1 - p2 - sqrt((p1 - l1)^2 + (u2 - p2)^2) to p1 - p2 + sqrt((u1 - p1)^2 + (p2 - l2)^2).
    """
    p1, (l1, u1) = successes / count, wilson_interval(successes, count)
    p2, (l2, u2) = other_successes / other_count, wilson_interval(other_successes, other_count)
    return p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2)


def paired_difference_interval(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """The 95 % confidence interval of p1 - p2, rates of success of two policies in the same n episodes.

    Newcombe, Statistics in Medicine 17, 1998, pages 2635-2650, method 10. With Wilson's intervals l1 to u1 and l2 to u2
    of the two rates, and the correlation phi of the outcomes, it spans
    p1 - p2 - sqrt((p1 - l1)^2 - 2 phi (p1 - l1) (u2 - p2) + (u2 - p2)^2) to
    p1 - p2 + sqrt((u1 - p1)^2 - 2 phi (u1 - p1) (p2 - l2) + (p2 - l2)^2).

    Args:
        both, only_first, only_second, neither: how many episodes the two succeeded in.
    """
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    p1, (l1, u1) = first / n, wilson_interval(first, n)
    p2, (l2, u2) = second / n, wilson_interval(second, n)
    covariance: float = both * neither - only_first * only_second
    if covariance > 0:
        covariance = max(covariance - 0.5 * n, 0.0)  # his correction for continuity
    variances = first * (n - first) * second * (n - second)
    phi = covariance / math.sqrt(variances) if variances else 0.0

    def half(one: float, other: float) -> float:
        return math.sqrt(max(one**2 - 2.0 * phi * one * other + other**2, 0.0))

    return p1 - p2 - half(p1 - l1, u2 - p2), p1 - p2 + half(u1 - p1, p2 - l2)


def bootstrap_intervals(
    statistics: Callable[[Samples], Statistics], samples: Samples
) -> dict[str, tuple[float, float]]:
    """95 % confidence intervals of statistics of n samples (Efron, Annals of Statistics 7, 1979).

    An interval spans the 2.5th to the 97.5th percentile of the statistic over n samples drawn with replacement.
    No interval if these percentiles agree (a rate of 0, say): the bootstrap says nothing there.
    """
    count = len(next(iter(samples.values())))
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    resampled = [statistics({key: value[ids] for key, value in samples.items()}) for ids in drawn]
    intervals = {}
    for key in resampled[0]:
        values = np.array([each[key] for each in resampled])
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (math.nan, math.nan)
        if low < high:
            intervals[key] = float(low), float(high)
    return intervals


def rate(claims: np.ndarray) -> float:
    """The share of claims, (n,) bool, that are true; NaN of none."""
    return float(claims.mean()) if len(claims) else math.nan


def threshold_at_rate(scores: np.ndarray, max_rate: float) -> float:
    """The least threshold that at most a share `max_rate` of the scores, (n,), exceeds; 1 for no scores."""
    return float(np.sort(scores)[::-1][int(max_rate * len(scores))]) if len(scores) else 1.0


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The area under the ROC curve: how often a positive's score exceeds a negative's, ties counting half.

    Args:
        scores: (n,).
        positive: (n,) bool.

    Returns:
        From 0 to 1; NaN without a positive or without a negative.
    """
    positives, negatives = scores[positive], np.sort(scores[~positive])
    pairs = len(positives) * len(negatives)
    below, not_above = (np.searchsorted(negatives, positives, side).sum() for side in ("left", "right"))
    return float(0.5 * (below + not_above) / pairs) if pairs else math.nan
