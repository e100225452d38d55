"""Array functions: correct, and the same on NumPy arrays and on torch tensors, with any leading axes."""

import mujoco
import numpy as np
import pytest

from robodl_envs import arrays, make_vec
from robodl_envs.arrays import (
    did_you_mean,
    namespace,
    quat_conjugate,
    quat_error_matrix,
    quat_mul,
    quat_right_matrix,
    quat_rotate,
    quat_to_rotvec,
    rotation_angle,
    rotvec_to_quat,
)

pytestmark = pytest.mark.unit

SHAPES = [(2,), (3, 2), (2, 1, 4)]  # leading axes
# Functions of arrays with these last axes: (name, sizes of the last axes, further arguments).
FUNCTIONS = [
    ("norm", [3], ()),
    ("norm", [5], ()),
    ("distance", [2, 2], ()),
    ("cross", [3, 3], ()),
    ("quat_mul", [4, 4], ()),
    ("quat_rotate", [4, 3], ()),
    ("quat_conjugate", [4], ()),
    ("quat_right_matrix", [4], ()),
    ("quat_error_matrix", [4], ()),
    ("rotvec_to_quat", [3], ()),
    ("quat_to_rotvec", [4], ()),
    ("rotation_angle", [4, 4], ()),
    ("clip", [3], (-0.5, 0.25)),
    ("clip", [3, 3], (0.5,)),  # bounds that are arrays
    ("largest", [3], (-1, 0.2)),
    ("copy", [3], ()),
]


def random_quats(rng, *shape):
    quat = rng.normal(size=(*shape, 4))
    return quat / np.linalg.norm(quat, axis=-1, keepdims=True)


def random_arrays(rng, shape, sizes):
    """Arrays, (*shape, size) each; those of size 4 are unit quaternions."""
    return [random_quats(rng, *shape) if size == 4 else rng.normal(size=(*shape, size)) for size in sizes]


def assert_same(result, expected, rtol=1e-13):
    """A tensor has the values, dtype and shape of an array."""
    assert str(result.dtype).removeprefix("torch.") == str(expected.dtype) and tuple(result.shape) == expected.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=rtol, atol=1e-14)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "sizes", "further"), FUNCTIONS)
def test_functions_are_the_same_on_arrays_and_tensors(torch, rng, name, sizes, further, shape):
    """In float64, and each row as if it were alone."""
    function, operands = getattr(arrays, name), random_arrays(rng, shape, sizes)
    expected = function(*operands, *further)
    result = function(*(torch.tensor(each) for each in operands), *further)
    assert namespace(result) is torch and namespace(expected) is np
    assert_same(result, expected)
    last = tuple(side - 1 for side in shape)
    np.testing.assert_array_equal(function(*(each[last] for each in operands), *further), expected[last])


def test_row_functions_are_the_same_on_arrays_and_tensors(torch, rng):
    """Functions of (N, ...) arrays: masks, indices, concatenation, constants, and results written in place."""
    x, mask = rng.normal(size=(4, 3)), np.array([[False, True, True], [False] * 3, [True] * 3, [False, False, True]])
    tensor, tensor_mask = torch.tensor(x), torch.tensor(mask)
    for name, dtype in (("cast", "float32"), ("cast", "int64"), ("cast", "bool"), ("cast", "float64")):
        assert_same(getattr(arrays, name)(tensor, dtype), getattr(arrays, name)(x, dtype))
    assert_same(arrays.row_ids(tensor_mask[:, 2]), arrays.row_ids(mask[:, 2]))
    assert_same(arrays.first_true(tensor_mask), arrays.first_true(mask))
    assert arrays.first_true(mask).tolist() == [1, 0, 0, 2]
    indices = np.array([2, 0, 1, 1])
    assert_same(arrays.one_hot(torch.tensor(indices), 3, tensor), arrays.one_hot(indices, 3, x))
    assert arrays.one_hot(indices, 3, x).argmax(axis=1).tolist() == indices.tolist()
    assert_same(arrays.concat([tensor, 2 * tensor], axis=1), arrays.concat([x, 2 * x], axis=1))
    assert_same(arrays.concat([tensor, tensor], dtype="float32"), arrays.concat([x, x], dtype="float32"))
    assert arrays.sum_of_squares(tensor) == pytest.approx(arrays.sum_of_squares(x), rel=1e-14)
    assert_same(arrays.array([[1, 2]], tensor), arrays.array([[1, 2]], x))
    assert_same(arrays.array(tensor_mask, tensor), arrays.array(mask, x))
    assert_same(arrays.integers([1, 2], tensor), arrays.integers([1, 2], x))
    assert_same(arrays.arange(3, tensor), arrays.arange(3, x))
    assert_same(arrays.zeros(tensor, 2, 3), arrays.zeros(x, 2, 3))
    assert_same(arrays.zeros(tensor, 2, dtype="bool"), arrays.zeros(x, 2, dtype="bool"))
    product, tensor_product = np.zeros((4, 2, 2)), torch.zeros(4, 2, 2, dtype=torch.float64)
    a, b = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3, 2))
    arrays.matmul(a, b, out=product)
    arrays.matmul(torch.tensor(a), torch.tensor(b), out=tensor_product)
    assert_same(tensor_product, product)
    assert arrays.clip(x, -0.5, 0.5, out=x) is x and arrays.clip(tensor, -0.5, 0.5, out=tensor) is tensor
    assert_same(tensor, x)
    duplicate = arrays.copy(x)
    duplicate[:] = 7.0
    assert (x != 7.0).all()


@pytest.mark.parametrize(("name", "sizes"), [("cross", (3, 3)), ("quat_mul", (4, 4)), ("quat_rotate", (4, 3))])
@pytest.mark.parametrize("shapes", [((), (5,)), ((5,), ()), ((2, 1), (3,)), ((5, 1), (5, 4))])
def test_leading_axes_broadcast_on_arrays_and_tensors(torch, rng, name, sizes, shapes):
    function = getattr(arrays, name)
    a, b = (random_arrays(rng, shape, [size])[0] for shape, size in zip(shapes, sizes, strict=True))
    expected = function(a, b)
    assert expected.shape[:-1] == np.broadcast_shapes(*shapes)
    assert_same(function(torch.tensor(a), torch.tensor(b)), expected)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="NumPy arrays or torch tensors, got list"):
        namespace([1.0])


def test_lengths_are_those_of_numpy(rng):
    a, b = rng.normal(size=(2, 4, 5, 3))
    np.testing.assert_allclose(arrays.distance(a, b), np.linalg.norm(a - b, axis=-1), rtol=1e-15)


@pytest.mark.parametrize("shapes", [[(3,), (5, 3)], [(5, 3), (5, 3)], [(5, 1, 3), (5, 4, 3)]])
def test_cross_is_numpys_to_the_bit(rng, shapes):
    a, b = (rng.normal(size=shape) for shape in shapes)
    np.testing.assert_array_equal(arrays.cross(a, b), np.cross(a, b))


def test_quaternions_are_mujocos(rng):
    a, b = random_quats(rng, 2, 5)
    rotvec, vector = rng.uniform(-1.0, 1.0, (5, 3)), rng.normal(size=(5, 3))
    product, of_rotvec, rotated, expected = quat_mul(a, b), rotvec_to_quat(rotvec), quat_rotate(a, vector), np.zeros(4)
    for i in range(5):
        mujoco.mju_mulQuat(expected, a[i], b[i])
        np.testing.assert_allclose(product[i], expected, atol=1e-15)
        angle = np.linalg.norm(rotvec[i])
        mujoco.mju_axisAngle2Quat(expected, rotvec[i] / angle, angle)
        np.testing.assert_allclose(of_rotvec[i], expected, atol=1e-15)
        mujoco.mju_rotVecQuat(expected[:3], vector[i], a[i])
        np.testing.assert_allclose(rotated[i], expected[:3], atol=1e-14)
    np.testing.assert_allclose(rotation_angle(a, quat_mul(of_rotvec, a)), np.linalg.norm(rotvec, axis=1), rtol=1e-13)
    np.testing.assert_allclose(rotation_angle(a, -a), 0.0, atol=1e-15)  # the same orientation


def test_quaternion_matrices_multiply_as_quat_mul(rng):
    """The matrix of `quat_right_matrix` takes q to q * quat, that of `quat_error_matrix` to (quat * conj(q))[1:]."""
    quat, q = random_quats(rng, 2, 3, 4)
    np.testing.assert_allclose((quat_right_matrix(quat) @ q[..., None])[..., 0], quat_mul(q, quat), atol=1e-15)
    error = quat_mul(quat, quat_conjugate(q))[..., 1:]
    np.testing.assert_allclose((quat_error_matrix(quat) @ q[..., None])[..., 0], error, atol=1e-15)


def test_a_quaternion_times_its_conjugate_is_the_identity(rng):
    """To the bit in the vector part."""
    quat = random_quats(rng, 6)
    product = quat_mul(quat, quat_conjugate(quat))
    np.testing.assert_array_equal(product[:, 1:], np.zeros((6, 3)))
    np.testing.assert_allclose(product[:, 0], 1.0, rtol=1e-15)


def test_rotation_vectors_and_quaternions_are_inverse(rng):
    """For angles up to pi, also at zero; the quaternion of an angle up to pi has w >= 0."""
    axis = rng.normal(size=(2, 7, 3))
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    rotvec = axis * np.array([0.0, 1e-12, 1e-6, 0.3, 1.5, 3.0, np.pi - 1e-9])[:, None]
    quat = rotvec_to_quat(rotvec)
    assert (quat[..., 0] >= 0.0).all()
    np.testing.assert_allclose(np.linalg.norm(quat, axis=-1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(quat_to_rotvec(quat), rotvec, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(quat_to_rotvec(-quat), rotvec, rtol=1e-9, atol=1e-15)  # the same orientation
    np.testing.assert_array_equal(quat_to_rotvec(quat[:, :1]), np.zeros((2, 1, 3)))
    longer = rotvec_to_quat(1.2 * np.pi * axis)  # the shorter way round
    np.testing.assert_allclose(quat_to_rotvec(longer), -0.8 * np.pi * axis, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_orientations_are_zero_apart(dtype, rng):
    """To the bit: a reward at the goal is zero."""
    quat = rng.normal(size=(50, 4)).astype(dtype)
    np.testing.assert_array_equal(rotation_angle(quat, quat), np.zeros(50))


def test_rewards_and_successes_of_tasks_run_on_tensors(torch, task):
    """And agree with those of arrays; half of the goals are met."""
    envs = make_vec(task, num_envs=6)
    observation, _ = envs.reset(seed=0)
    achieved, desired = (observation[key].astype(np.float64) for key in ("achieved_goal", "desired_goal"))
    desired[:3] = achieved[:3]
    tensors = torch.tensor(achieved), torch.tensor(desired)
    success = envs.task.success(achieved, desired)
    assert_same(envs.task.reward(*tensors), envs.task.reward(achieved, desired))
    assert_same(envs.task.success(*tensors), success)
    assert success.tolist() == [True] * 3 + [False] * 3


def test_did_you_mean():
    assert did_you_mean("panada", ["panda", "ur5e"]) == "; did you mean 'panda'?"
    assert did_you_mean("xyz", ["panda"]) == ""
