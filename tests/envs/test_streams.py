"""Random streams: independent of their neighbours, reproducible, and random enough."""

import numpy as np

from robodl_envs.random_streams import RandomStreams


def test_row_draws_the_same_whatever_its_neighbours():
    many, one = RandomStreams(5), RandomStreams(1)
    many.seed(np.arange(5), np.arange(10, 15))
    one.seed(np.array([0]), np.array([13]))
    many.uniform(np.array([0, 1]))  # neighbours draw more often
    for _ in range(4):
        ours = many.uniform(np.array([1, 3]), [0.0, -1.0], [1.0, 5.0])[1]
        np.testing.assert_array_equal(ours, one.uniform(np.array([0]), [0.0, -1.0], [1.0, 5.0])[0])
        np.testing.assert_array_equal(many.normal(np.array([3]))[0], one.normal(np.array([0]))[0])
        assert many.integers(np.array([3]), 7)[0] == one.integers(np.array([0]), 7)[0]


def test_state_is_all_there_is():
    streams = RandomStreams(3)
    state = streams.state.copy()
    first = streams.uniform(np.arange(3), np.zeros(4), 1.0)
    streams.state[:] = state
    np.testing.assert_array_equal(first, streams.uniform(np.arange(3), np.zeros(4), 1.0))


def test_distributions():
    """Means and spreads over 100,000 rows with neighbouring seeds, and no correlation between rows or draws."""
    num = 100_000
    streams = RandomStreams(num)
    streams.seed(np.arange(num), np.arange(num))
    ids = np.arange(num)
    uniform, normal = streams.uniform(ids, -1.0, 3.0), streams.normal(ids, 2.0, 0.5)
    assert uniform.min() >= -1.0 and uniform.max() < 3.0
    assert abs(uniform.mean() - 1.0) < 0.02 and abs(uniform.std() - 4 / 12**0.5) < 0.02
    assert abs(normal.mean() - 2.0) < 0.01 and abs(normal.std() - 0.5) < 0.01
    assert abs(np.corrcoef(uniform[:-1], uniform[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(uniform, normal)[0, 1]) < 0.02
    counts = np.bincount(streams.integers(ids, 6), minlength=6)
    assert counts.size == 6 and abs(counts / num - 1 / 6).max() < 0.01


def test_streams_without_a_seed_differ():
    assert (RandomStreams(2).state != RandomStreams(2).state).all()
