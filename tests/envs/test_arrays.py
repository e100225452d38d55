"""Array functions: right, and the same lines on NumPy and torch."""

import numpy as np
import pytest

from robodl_envs.arrays import did_you_mean, distance, namespace


def test_distance_any_leading_axes(rng):
    a, b = rng.normal(size=(2, 4, 5, 3))
    expected = np.linalg.norm(a - b, axis=-1)
    np.testing.assert_allclose(distance(a, b), expected, rtol=1e-15)
    np.testing.assert_array_equal(distance(a[1, 2], b[1, 2]), distance(a, b)[1, 2])


def test_torch_runs_the_same_lines(rng):
    """A task's reward and success on tensors that share memory with the arrays."""
    torch = pytest.importorskip("torch")
    from robodl_envs.tasks.reach import Reach

    achieved, desired = rng.normal(size=(2, 6, 3))
    desired[:3] = achieved[:3] + 0.001
    tensors = torch.from_numpy(achieved), torch.from_numpy(desired)
    assert namespace(tensors[0]) is torch and namespace(achieved) is np
    task = Reach()
    np.testing.assert_allclose(task.reward(*tensors).numpy(), task.reward(achieved, desired), rtol=1e-15)
    np.testing.assert_array_equal(task.success(*tensors).numpy(), task.success(achieved, desired))
    assert task.success(*tensors).tolist() == [True] * 3 + [False] * 3


def test_did_you_mean():
    assert did_you_mean("panada", ["panda", "ur5e"]) == "; did you mean 'panda'?"
    assert did_you_mean("xyz", ["panda"]) == ""
