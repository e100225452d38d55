"""Ablations of motion and images: what they replace, and that the truth is in the images alone."""

import numpy as np
import pytest

from robodl.evaluation.ablation import HOLD_STEPS, replace_images, replace_motion
from robodl_envs.gym_env import make_vec

PERCEPTION = ["read_digit", "inspect", "track"]
TRUTHS = {"read_digit": "digit", "inspect": "kind", "track": "to_target"}  # an observable that images alone tell


def constant_policy(observation):
    return np.tile([0.5, -0.5, 0.25, 0.9], (len(observation["proprioception"]), 1))


def test_motions():
    """The arm moves as the policy says, not at all, or in random directions; the task's outputs are the policy's."""
    observation = {"proprioception": np.zeros((5, 3))}
    assert replace_motion(constant_policy, 3, "own", 0) is constant_policy
    still = replace_motion(constant_policy, 3, "still", 0)
    np.testing.assert_array_equal(still(observation), np.tile([0.0, 0.0, 0.0, 0.9], (5, 1)))
    random = replace_motion(constant_policy, 3, "random", 0)
    actions = np.stack([random(observation) for _ in range(2 * HOLD_STEPS)])
    assert (actions[..., 3] == 0.9).all() and (abs(actions) <= 1.0).all()
    assert (actions[:HOLD_STEPS] == actions[0]).all() and (actions[HOLD_STEPS:, :, :3] != actions[0, :, :3]).all()
    assert len(np.unique(actions[0, :, 0])) == 5


def test_noise_in_place_of_images():
    """Noise has each image's type and range and is new in every step; vectors stay as they are."""
    cameras = ["front", "front_depth", "front_segmentation"]
    envs = make_vec("reach", num_envs=4, observation="image", cameras=cameras, image_size=16)
    observation, _ = envs.reset(seed=0)
    given = []
    noisy = replace_images(lambda observation: given.append(observation), "noise", 0)
    noisy(observation)
    noisy(observation)
    np.testing.assert_array_equal(given[0]["proprioception"], observation["proprioception"])
    for name in cameras:
        space = envs.single_observation_space[name]
        assert given[0][name].dtype == space.dtype and given[0][name].shape == observation[name].shape
        assert (given[0][name] >= space.low).all() and (given[0][name] <= space.high).all()
        assert (given[0][name] != given[1][name]).mean() > 0.5 and len(np.unique(given[0][name])) >= 5


@pytest.mark.parametrize("task", PERCEPTION)
def test_the_truth_is_in_images_alone(task):
    """Episodes that differ in the truth have the same proprioception, bit for bit, under the same actions.

    So a policy with noise in place of images can't do better than one without observations.
    """
    envs = make_vec(task, num_envs=40, observation="image", image_size=16, max_episode_steps=None)
    observation, _ = envs.reset(seed=0)
    truth = envs.state_observation()["observation"][:, envs.state_columns[TRUTHS[task]]]
    assert len(np.unique(truth, axis=0)) >= 5
    known = envs.state_columns.get("target") if task == "track" else None  # which object to track is no secret
    rng = np.random.default_rng(0)
    for _ in range(10):
        proprioception = observation["proprioception"].copy()
        if known is not None:
            proprioception[:, known] = 0.0
        assert (proprioception == proprioception[0]).all()
        action = rng.uniform(-1.0, 1.0, envs.single_action_space.shape)
        observation, *_ = envs.step(np.tile(action, (40, 1)))
