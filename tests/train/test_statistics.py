"""Intervals, rates and the area under the ROC curve."""

import numpy as np
import pytest

from robodl.evaluation.statistics import auroc, bootstrap_intervals, rate, threshold_at_rate, wilson_interval


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (500, 500, 0.9924, 1.0)],
)
def test_wilson_interval(successes, episodes, low, high):
    """Known values, with bounds that stay in [0, 1]."""
    np.testing.assert_allclose(wilson_interval(successes, episodes), (low, high), atol=1e-4)


def test_bootstrap_intervals():
    """A mean's interval agrees with its standard error; statistics that hardly vary, or are NaN, have none."""
    values = np.random.default_rng(3).exponential(size=400)

    def statistics(samples):
        mean = float(samples["values"].mean())
        sometimes_nan = mean if samples["values"][0] > 0.5 else np.nan
        rare = float(samples["values"][0] == values.max())
        return {"mean": mean, "constant": 1.0, "nan": np.nan, "sometimes_nan": sometimes_nan, "rare": rare}

    intervals = bootstrap_intervals(statistics, {"values": values})
    half = 1.96 * values.std() / 20.0
    assert intervals["mean"] == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    assert intervals["sometimes_nan"] == pytest.approx(intervals["mean"], abs=0.2 * half)
    assert set(intervals) == {"mean", "sometimes_nan"}


def test_rate():
    assert rate(np.array([True, False, False, False])) == 0.25 and np.isnan(rate(np.zeros(0, bool)))


def test_auroc():
    """The share of pairs of a positive and a negative in the right order; NaN without pairs."""
    positive = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.8, 0.1, 0.2]), positive) == 1.0
    assert auroc(np.array([0.1, 0.2, 0.9, 0.8]), positive) == 0.0
    assert auroc(np.full(4, 0.3), positive) == 0.5
    assert auroc(np.array([0.9, 0.2, 0.2, 0.1]), positive) == 0.875  # 3 of 4 pairs, and half of a tie
    for one_kind in (True, False):
        assert np.isnan(auroc(np.ones(2), np.full(2, one_kind)))


def test_threshold_at_rate():
    """At most the given share of scores exceeds it."""
    scores = np.arange(40) / 40
    assert threshold_at_rate(scores, 0.05) == 37 / 40 and (scores > threshold_at_rate(scores, 0.05)).sum() == 2
    assert threshold_at_rate(scores, 0.0) == 39 / 40 and threshold_at_rate(scores[:0], 0.05) == 1.0
