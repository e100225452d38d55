"""Tasks, robots and the engine run the same lines on NumPy arrays and on tensors that NumPy may not read."""

import numpy as np
import pytest

from robodl_envs import robot_class, task_class
from robodl_envs.engine import BatchEnv
from robodl_envs.randomization.settings import Randomize
from robodl_envs.simulator import CpuSimulator
from tests.envs.robot_support import SUPPORTED
from tests.envs.rollouts import ALL_STATE_NOISE
from tests.envs.tensors import TensorSimulator, tensor, torch, unreadable

NUM, STEPS = 3, 4


@pytest.fixture(autouse=True)
def tensors_are_unreadable(monkeypatch):
    """NumPy can't read tensors, as it can't those of a GPU."""
    monkeypatch.setattr(torch.Tensor, "__array__", unreadable)


def make_batch(task, robot, simulator, control="tool", **settings):
    made = task_class(task)()
    arm = robot_class(robot)(control=control, gripper=made.gripper, rotation=made.rotation)
    return BatchEnv(arm, made, NUM, max_episode_steps=3, threads=1, simulator=simulator, **settings)


def assert_close(result, expected, name):
    """A tensor has the values of an array; floats made of integers are of the library's default precision."""
    assert isinstance(result, torch.Tensor), name
    result = result.numpy()
    assert result.dtype.kind == expected.dtype.kind and result.shape == expected.shape, name
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5, err_msg=name)


def compare(task, robot, **settings):
    """Run an episode and a half of tensors beside one of arrays; libraries round differently."""
    arrays, tensors = (make_batch(task, robot, simulator, **settings) for simulator in (CpuSimulator, TensorSimulator))
    expected, result = arrays.reset(arrays.all, [3, 4, 5]), tensors.reset(tensors.all, [3, 4, 5])
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        for part, expected_part in zip(result, expected, strict=True):
            if isinstance(expected_part, dict):
                for key, values in expected_part.items():
                    assert_close(part[key], values, key)
            else:
                assert_close(part, expected_part, "reward, terminated or truncated")
        action = rng.uniform(-1, 1, (NUM, arrays.action_size))
        mask = np.array([False, True, False]) if arrays.stats.elapsed[1] == 2 else None
        expected = arrays.step(action, mask)
        result = tensors.step(tensor(action), None if mask is None else tensor(mask))
    assert_close(tensors.goal_distance(), arrays.goal_distance(), "goal_distance")
    for name, values in arrays.metrics().items():
        assert_close(tensors.metrics()[name], values, name)
    for key, values in arrays.state_observation().items():
        assert_close(tensors.state_observation()[key], values, key)
    if tensors.perception is not None:
        for name, values in arrays.perception.keypoint_labels().items():
            assert_close(tensors.perception.keypoint_labels()[name], values, name)
    state = tensors.get_state()
    first = tensors.step(tensor(action))[0]
    tensors.set_state(state)
    again = tensors.step(tensor(action))[0]
    assert all((again[key] == values).all() for key, values in first.items())


@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_tasks_and_robots_run_on_tensors(task, robot):
    """With resets of some rows, rewards, metrics, keypoint labels and saved states."""
    compare(task, robot, reward="shaped")


@pytest.mark.parametrize("reward", ["dense", "sparse"])
def test_rewards_of_goals_run_on_tensors(reward):
    compare("push", "panda", reward=reward)


def test_joint_control_runs_on_tensors():
    compare("pick_and_place", "panda", control="joint")


@pytest.mark.parametrize("task", ["push", "slide"])
def test_randomization_runs_on_tensors(task):
    """Of dynamics, of observation vectors and of actions."""
    compare(task, "panda", randomize=Randomize(**ALL_STATE_NOISE))
