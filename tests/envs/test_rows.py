"""Rows of vector environments, as code written for gymnasium.vector.SyncVectorEnv asks for them."""

import gymnasium as gym
import numpy as np
import pytest

import robodl_envs
from robodl_envs.gym_env import RobotTaskVectorEnv, make, make_vec


@pytest.fixture(scope="module")
def envs():
    envs = make_vec("reach", num_envs=3, max_episode_steps=7, render_mode="rgb_array")
    envs.reset(seed=5)
    envs.step(np.full(envs.action_space.shape, 0.3))
    yield envs
    envs.close()


def single(seed):
    env = make("reach", max_episode_steps=7, render_mode="rgb_array")
    env.reset(seed=seed)
    env.step(np.full(env.action_space.shape, 0.3))
    return env


def test_call_gives_what_single_environments_give(envs):
    """Attributes and methods, row by row, to the last bit; SyncVectorEnv gives the same tuples."""
    singles = [single(5 + row) for row in range(3)]
    assert envs.get_attr("max_episode_steps") == envs.call("_max_episode_steps") == (7, 7, 7)
    assert envs.call("task_description") == ("Bring the tool to a point in space.",) * 3
    for name in ("goal_distance", "render"):
        for value, env in zip(envs.call(name), singles, strict=True):
            np.testing.assert_array_equal(value, getattr(env, name)())
    for value, env in zip(envs.call("state_observation"), singles, strict=True):
        for key, expected in env.state_observation().items():
            np.testing.assert_array_equal(value[key], expected)
    goals = np.zeros((2, 3)), np.ones((2, 3))
    for value, env in zip(envs.call("compute_reward", *goals, {}), singles, strict=True):
        np.testing.assert_array_equal(value, env.compute_reward(*goals, {}))


def test_metrics_are_of_the_row():
    envs = make_vec("track", num_envs=2)
    envs.reset(seed=0)
    for _ in range(20):
        envs.step(np.full(envs.action_space.shape, [[-1.0], [1.0]]))
    for row, values in enumerate(envs.call("metrics")):
        assert {name: value.tolist() for name, value in values.items()} == {
            name: [value[row]] for name, value in envs.metrics().items()
        }


def test_rows_have_the_single_environments_spaces(envs):
    env = make("reach")
    for row in envs.envs:
        assert row.unwrapped.observation_space == env.observation_space
        assert row.action_space == env.action_space
        assert row.has_wrapper_attr("task") and row.get_wrapper_attr("robot") is envs.robot
        assert not hasattr(row, "no_such_name")


@pytest.mark.parametrize("name", ["reset", "step", "get_state", "set_state", "close"])
def test_what_concerns_all_rows_is_refused_for_one(envs, name):
    before = envs.state_observation()["observation"]
    with pytest.raises(NotImplementedError, match="of all of them"):
        envs.call(name)
    np.testing.assert_array_equal(envs.state_observation()["observation"], before)


def test_set_attr_sets_what_rows_share():
    """And refuses different values, which rows can't have."""
    envs = make_vec("reach", num_envs=2)
    envs.reset(seed=0)
    assert envs.call("render") == (None, None)
    envs.set_attr("render_mode", ["rgb_array", "rgb_array"])
    assert [image.shape for image in envs.call("render")] == [(480, 480, 3)] * 2
    envs.set_attr("render_mode", None)
    assert envs.call("render") == (None, None)
    for values in ([None, "rgb_array"], ["rgb_array"]):
        with pytest.raises(ValueError, match="rows share render_mode"):
            envs.set_attr("render_mode", values)
    assert envs.render_mode is None


def test_gymnasiums_classes_are_direct_bases(task):
    """skrl's wrap_env looks at no others, and did not know our vector environments."""
    for env, base in ((gym.make(robodl_envs.task_id(task)), gym.Env), (make_vec(task), gym.vector.VectorEnv)):
        assert base in type(env.unwrapped).__bases__


def test_an_environment_that_was_refused_closes_silently():
    """Older versions of Gymnasium close a vector environment whose constructor has raised."""
    RobotTaskVectorEnv.__new__(RobotTaskVectorEnv).close()
