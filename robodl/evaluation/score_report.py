"""Scores as numbers for JSON files and as lines for the terminal; comparisons of two scores of the same episodes."""

from typing import Any

from robodl.evaluation.rollout import Score
from robodl.evaluation.statistics import paired_difference_interval


def score_facts(score: Score) -> dict[str, Any]:
    """A score's numbers under the names of result.json."""
    low, high = score.interval
    steps, most = score.steps_to_success or (None, None)
    return {
        "success_rate": score.success_rate,
        "success_low": round(low, 4),
        "success_high": round(high, 4),
        "success_once": float(score.success_once.mean()),
        "steps_to_success": None if steps is None else round(steps, 2),
        "steps_to_success_95": most,
        "return": round(float(score.returns.mean()), 4),
        "episodes": score.episodes,
        "diverged": score.diverged,
        **{key: round(value, 5) for key, value in score.reported_metrics.items()},
        **{f"{key}_low": round(low, 5) for key, (low, _) in score.intervals.items()},
        **{f"{key}_high": round(high, 5) for key, (_, high) in score.intervals.items()},
    }


def outcomes(score: Score) -> list[dict[str, Any]]:
    """The outcome of each episode, under the names of score_facts; env.reset(seed=<its seed>) begins it again."""
    metrics = score.final_metrics or {"distance_mm": 1e3 * score.distance}
    return [
        {
            "seed": int(score.seeds[k]),
            "success": bool(score.success[k]),
            "success_once": bool(score.success_once[k]),
            "steps_to_success": int(step) if (step := score.first_success[k]) >= 0 else None,
            "steps": int(score.lengths[k]),
            "return": round(float(score.returns[k]), 4),
            "diverged": bool(score.has_diverged[k]),
            **{key: round(float(values[k]), 5) for key, values in metrics.items()},
        }
        for k in range(score.episodes)
    ]


def comparison_facts(score: Score, other: Score) -> dict[str, Any]:
    """The numbers of a comparison of two policies in the same episodes; `difference` is of their success rates."""
    first, second = score.success, other.success
    counts = [int(rows.sum()) for rows in (first & second, first & ~second, ~first & second, ~first & ~second)]
    low, high = paired_difference_interval(*counts)
    return {
        "success_rate": other.success_rate,
        **dict(zip(("both", "only_first", "only_against", "neither"), counts, strict=True)),
        "difference": round(score.success_rate - other.success_rate, 5),
        "difference_low": round(low, 4),
        "difference_high": round(high, 4),
    }


def comparison_lines(facts: dict[str, Any], other: Score) -> dict[str, str]:
    """A comparison in words, by what they are about."""
    points = [f"{100.0 * facts[key]:+.1f}" for key in ("difference", "difference_low", "difference_high")]
    low, high = other.interval
    return {
        "against": f"{other.success_rate:.1%} of the same episodes (95 % interval {low:.1%} to {high:.1%})",
        "difference": "{} percentage points (95 % interval of pairs {} to {})".format(*points),
        "episodes": f"both succeed in {facts['both']}, only the first in {facts['only_first']},"
        f" only the other in {facts['only_against']}, neither in {facts['neither']}",
    }


def score_lines(score: Score) -> dict[str, str]:
    """A score in words, by what they are about."""
    low, high = score.interval
    lines = {
        "success_rate": f"{score.success_rate:.1%} of {score.episodes} fresh episodes"
        f" (95 % interval {low:.1%} to {high:.1%})",
    }
    for key, value in score.metrics.items():
        interval = " (95 % interval {:.4g} to {:.4g})".format(*score.intervals[key]) if key in score.intervals else ""
        lines[key] = f"{value:.4g}{interval}"
    if not score.metrics:
        lines["distance"] = f"{1e3 * score.distance.mean():.1f} mm from the goal at the end, on average"
    if score.diverged:
        lines["diverged"] = f"{score.diverged} episodes"
    return lines
