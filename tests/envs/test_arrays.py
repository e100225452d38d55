"""Array functions: right, and the same lines on NumPy and torch."""

import mujoco
import numpy as np
import pytest

from robodl_envs import make_vec
from robodl_envs.arrays import (
    cross,
    did_you_mean,
    distance,
    namespace,
    quat_mul,
    quat_to_rotvec,
    rotation_angle,
    rotvec_to_quat,
)


def test_distance_any_leading_axes(rng):
    a, b = rng.normal(size=(2, 4, 5, 3))
    expected = np.linalg.norm(a - b, axis=-1)
    np.testing.assert_allclose(distance(a, b), expected, rtol=1e-15)
    np.testing.assert_array_equal(distance(a[1, 2], b[1, 2]), distance(a, b)[1, 2])


@pytest.mark.parametrize("shapes", [[(3,), (5, 3)], [(5, 3), (5, 3)], [(5, 1, 3), (5, 4, 3)]])
def test_cross_is_numpys_to_the_bit(rng, shapes):
    a, b = (rng.normal(size=shape) for shape in shapes)
    np.testing.assert_array_equal(cross(a, b), np.cross(a, b))


def test_quaternions_are_mujocos(rng):
    quats = rng.normal(size=(2, 5, 4))
    a, b = quats / np.linalg.norm(quats, axis=-1, keepdims=True)
    turn = rng.uniform(-1.0, 1.0, (5, 3))
    product, of_turn, expected = quat_mul(a, b), rotvec_to_quat(turn), np.zeros(4)
    for i in range(5):
        mujoco.mju_mulQuat(expected, a[i], b[i])
        np.testing.assert_allclose(product[i], expected, atol=1e-15)
        angle = np.linalg.norm(turn[i])
        mujoco.mju_axisAngle2Quat(expected, turn[i] / angle, angle)
        np.testing.assert_allclose(of_turn[i], expected, atol=1e-15)
    np.testing.assert_allclose(quat_to_rotvec(of_turn), turn, rtol=1e-13)
    np.testing.assert_allclose(rotation_angle(a, quat_mul(of_turn, a)), np.linalg.norm(turn, axis=1), rtol=1e-13)
    np.testing.assert_allclose(rotation_angle(a, -a), 0.0, atol=1e-15)  # the same orientation
    np.testing.assert_array_equal(quat_to_rotvec(np.array([[1.0, 0.0, 0.0, 0.0]])), [[0.0, 0.0, 0.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_turn_is_left_between_equal_orientations(dtype, rng):
    """To the bit: a reward at the goal is zero."""
    quat = rng.normal(size=(50, 4)).astype(dtype)
    np.testing.assert_array_equal(rotation_angle(quat, quat), np.zeros(50))


def test_torch_runs_the_same_lines(task):
    """A task's reward and success on tensors that share memory with the arrays."""
    torch = pytest.importorskip("torch")
    envs = make_vec(task, num_envs=6)
    observation, _ = envs.reset(seed=0)
    achieved, desired = (observation[key].astype(np.float64) for key in ("achieved_goal", "desired_goal"))
    desired[:3] = achieved[:3]
    tensors = torch.from_numpy(achieved), torch.from_numpy(desired)
    assert namespace(tensors[0]) is torch and namespace(achieved) is np
    reward, success = envs.task.reward(achieved, desired), envs.task.success(achieved, desired)
    np.testing.assert_allclose(envs.task.reward(*tensors).numpy(), reward, rtol=1e-13)
    np.testing.assert_array_equal(envs.task.success(*tensors).numpy(), success)
    assert success.tolist() == [True] * 3 + [False] * 3


def test_did_you_mean():
    assert did_you_mean("panada", ["panda", "ur5e"]) == "; did you mean 'panda'?"
    assert did_you_mean("xyz", ["panda"]) == ""
