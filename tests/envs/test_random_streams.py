"""Random streams: each row's own, reproducible, random enough, and the same on NumPy arrays and torch tensors."""

import numpy as np
import pytest

from robodl_envs.random_streams import RandomStreams

pytestmark = pytest.mark.unit

SEEDS = np.array([0, 1, 2, 12345, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1], np.uint64)
IDS = np.arange(len(SEEDS))


@pytest.fixture
def streams():
    """Two collections of streams with equal seeds: of NumPy arrays and of torch tensors."""
    torch = pytest.importorskip("torch")
    of_arrays, of_tensors = RandomStreams(len(SEEDS)), RandomStreams(len(SEEDS), torch.zeros(0, dtype=torch.float64))
    of_arrays.seed(IDS, SEEDS)
    of_tensors.seed(torch.tensor(IDS), SEEDS)
    return of_arrays, of_tensors, torch.tensor


def test_bits_are_the_same_on_arrays_and_tensors(streams):
    """64 bits each, for seeds up to 2^64 - 1, of all rows and of some."""
    of_arrays, of_tensors, tensor = streams
    for ids in (IDS, IDS[1::2], IDS):
        bits = of_arrays.bits(ids, 5)
        assert bits.shape == (len(ids), 5) and bits.dtype == np.uint64
        np.testing.assert_array_equal(of_tensors.bits(tensor(ids), 5).numpy().view(np.uint64), bits)
    np.testing.assert_array_equal(of_tensors.state.numpy().view(np.uint64), of_arrays.state)


def test_bits_are_splitmix64(streams):
    """After the seed was mixed twice, as Steele, Lea and Flood have it, in Python's integers."""
    mask = 2**64 - 1

    def mix(x):
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
        x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
        return x ^ x >> 31

    bits = streams[0].bits(IDS, 4)
    for i, seed in enumerate(SEEDS.tolist()):
        state = mix(mix(seed) + 0x9E3779B97F4A7C15 & mask)
        expected = [mix(state + k * 0x9E3779B97F4A7C15 & mask) for k in range(1, 5)]
        assert bits[i].tolist() == expected


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, [1.0, 3.0]), ([[0.0, 1.0]] * 3, 2.0)])
def test_uniform_is_the_same_to_the_bit_on_arrays_and_tensors(streams, low, high):
    of_arrays, of_tensors, tensor = streams
    expected = of_arrays.uniform(IDS, low, high)
    assert expected.shape == (len(IDS), *np.broadcast(low, high).shape)
    np.testing.assert_array_equal(of_tensors.uniform(tensor(IDS), low, high).numpy(), expected)


def test_integers_are_the_same_on_arrays_and_tensors(streams):
    of_arrays, of_tensors, tensor = streams
    for high in (1, 6, 1000):
        expected = of_arrays.integers(IDS, high)
        assert expected.dtype == np.int64 and (expected >= 0).all() and (expected < high).all()
        result = of_tensors.integers(tensor(IDS), high)
        assert str(result.dtype) == "torch.int64"
        np.testing.assert_array_equal(result.numpy(), expected)


def test_normal_is_the_same_to_1e_12_on_arrays_and_tensors(streams):
    """Libraries round logarithms and cosines differently."""
    of_arrays, of_tensors, tensor = streams
    expected = of_arrays.normal(IDS, [1.0, -2.0], 3.0)
    assert expected.shape == (len(IDS), 2)
    np.testing.assert_allclose(of_tensors.normal(tensor(IDS), [1.0, -2.0], 3.0).numpy(), expected, rtol=0, atol=1e-12)


def test_points_apart_are_the_same_on_arrays_and_tensors(streams):
    """Each at least so far from its row's other point, or the farthest of those tried."""
    of_arrays, of_tensors, tensor = streams
    others, box = np.linspace(0.2, 0.8, 3 * len(IDS)).reshape(-1, 3), ([0.0] * 3, [1.0] * 3)
    expected = of_arrays.uniform_apart(IDS, *box, others, 0.4)
    assert (np.linalg.norm(expected - others, axis=1) >= 0.4).all()
    assert (expected >= 0.0).all() and (expected <= 1.0).all()
    result = of_tensors.uniform_apart(tensor(IDS), *box, tensor(others), 0.4)
    np.testing.assert_array_equal(result.numpy(), expected)
    farthest = of_arrays.uniform_apart(IDS, *box, others, 100.0, tries=64)
    assert (np.linalg.norm(farthest - others, axis=1) > 0.5).all()


def test_a_row_draws_the_same_whatever_its_neighbours_draw():
    many, one = RandomStreams(5), RandomStreams(1)
    many.seed(np.arange(5), np.arange(10, 15))
    one.seed(np.array([0]), np.array([13]))
    many.uniform(np.array([0, 1]))  # neighbours draw more often
    for _ in range(4):
        numbers = many.uniform(np.array([1, 3]), [0.0, -1.0], [1.0, 5.0])[1]
        np.testing.assert_array_equal(numbers, one.uniform(np.array([0]), [0.0, -1.0], [1.0, 5.0])[0])
        np.testing.assert_array_equal(many.normal(np.array([3]))[0], one.normal(np.array([0]))[0])
        assert many.integers(np.array([3]), 7)[0] == one.integers(np.array([0]), 7)[0]


def test_a_restored_state_draws_the_same_again():
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
