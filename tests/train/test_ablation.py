"""Policies that move another way or see noise: what comparisons with them say, and that nothing leaks past the eyes."""

import numpy as np
import pytest

from robodl.evaluation.ablation import MOST_HOLD, moving, seeing
from robodl_envs.gym_env import make_vec

PERCEPTION = ["read_digit", "inspect", "track"]
TRUTHS = {"read_digit": "digit", "inspect": "kind", "track": "to_target"}  # a field of the state that must be seen


def constant(observation):
    return np.tile([0.5, -0.5, 0.25, 0.9], (len(observation["proprioception"]), 1))


def test_motions():
    """The arm moves its own way, not at all, or at random with directions held; what is said stays as it is."""
    observation = {"proprioception": np.zeros((5, 3))}
    assert moving(constant, 3, "own", 0) is constant
    np.testing.assert_array_equal(moving(constant, 3, "still", 0)(observation), np.tile([0.0, 0.0, 0.0, 0.9], (5, 1)))
    wander = moving(constant, 3, "random", 0)
    actions = np.stack([wander(observation) for _ in range(2 * MOST_HOLD)])
    assert (actions[..., 3] == 0.9).all() and (abs(actions) <= 1.0).all()
    assert (actions[:MOST_HOLD] == actions[0]).all() and (actions[MOST_HOLD:, :, :3] != actions[0, :, :3]).all()
    assert len(np.unique(actions[0, :, 0])) == 5


def test_noise_in_place_of_pictures():
    """Of each kind's type and range, new in every step; vectors stay as they are."""
    cameras = ["front", "front_depth", "front_segmentation"]
    envs = make_vec("reach", num_envs=4, observation="image", cameras=cameras, image_size=16)
    observation, _ = envs.reset(seed=0)
    seen = []
    noisy = seeing(lambda given: seen.append(given), "noise", 0)
    noisy(observation)
    noisy(observation)
    np.testing.assert_array_equal(seen[0]["proprioception"], observation["proprioception"])
    for name in cameras:
        space = envs.single_observation_space[name]
        assert seen[0][name].dtype == space.dtype and seen[0][name].shape == observation[name].shape
        assert (seen[0][name] >= space.low).all() and (seen[0][name] <= space.high).all()
        assert (seen[0][name] != seen[1][name]).mean() > 0.5 and len(np.unique(seen[0][name])) >= 5


@pytest.mark.parametrize("task", PERCEPTION)
def test_what_must_be_seen_is_in_pictures_alone(task):
    """Episodes that differ in the truth feel the same, bit for bit, while the arm does and says the same.

    So a policy that is fed noise in place of pictures can't do better than one that is told nothing.
    """
    envs = make_vec(task, num_envs=40, observation="image", image_size=16, max_episode_steps=None)
    observation, _ = envs.reset(seed=0)
    truth = envs.batch.state_observation()["observation"][:, envs.batch.state_columns()[TRUTHS[task]]]
    assert len(np.unique(truth, axis=0)) >= 5
    named = envs.batch.state_columns().get("target") if task == "track" else None  # which thing: told, not seen
    rng = np.random.default_rng(0)
    for _ in range(10):
        felt = observation["proprioception"].copy()
        if named is not None:
            felt[:, named] = 0.0
        assert (felt == felt[0]).all()
        action = rng.uniform(-1.0, 1.0, envs.single_action_space.shape)
        observation, *_ = envs.step(np.tile(action, (40, 1)))
