"""Ablations of motion and images: what they replace, and that the truth is in the images alone."""

import numpy as np
import pytest

from robodl.evaluation.ablation import HOLD_STEPS, replace_images, replace_motion
from robodl.evaluation.rollout import evaluate_policy
from robodl_envs.gym_env import make_vec

PERCEPTION = ["read_digit", "inspect", "track"]
TRUTHS = {"read_digit": "digit", "inspect": "kind", "track": "to_target"}  # an observable that images alone tell


def constant_policy(observation):
    return np.tile([0.5, -0.5, 0.25, 0.9], (len(observation["proprioception"]), 1))


def test_motions():
    """The arm moves as the policy says, not at all, or in random directions; the task's outputs are the policy's."""
    envs = make_vec("reach", num_envs=5)
    observation, _ = envs.reset(seed=0)
    observation["proprioception"] = np.zeros((5, 3))
    assert replace_motion(constant_policy, envs, "own", 0) is constant_policy
    still = replace_motion(constant_policy, envs, "still", 0)
    np.testing.assert_array_equal(still(observation), np.tile([0.0, 0.0, 0.0, 0.9], (5, 1)))
    random, actions = replace_motion(constant_policy, envs, "random", 0), []
    for _ in range(2 * HOLD_STEPS):
        actions.append(random(observation))
        envs.step(np.zeros(envs.action_space.shape))
    actions = np.stack(actions)
    assert (actions[..., 3] == 0.9).all() and (abs(actions) <= 1.0).all()
    assert (actions[:HOLD_STEPS] == actions[0]).all() and (actions[HOLD_STEPS:, :, :3] != actions[0, :, :3]).all()
    assert len(np.unique(actions[0, :, 0])) == 5


def test_noise_in_place_of_images():
    """Noise has each image's type and range and is new in every step; vectors stay as they are."""
    cameras = ["front", "front_depth", "front_segmentation"]
    envs = make_vec("reach", num_envs=4, observation="image", cameras=cameras, image_size=16)
    observation, _ = envs.reset(seed=0)
    given = []
    noisy = replace_images(lambda observation: given.append(observation), envs, "noise", 0)
    noisy(observation)
    noisy(envs.step(np.zeros(envs.action_space.shape))[0])
    np.testing.assert_array_equal(given[0]["proprioception"], observation["proprioception"])
    for name in cameras:
        space = envs.single_observation_space[name]
        assert given[0][name].dtype == space.dtype and given[0][name].shape == observation[name].shape
        assert (given[0][name] >= space.low).all() and (given[0][name] <= space.high).all()
        assert (given[0][name] != given[1][name]).mean() > 0.5 and len(np.unique(given[0][name])) >= 5


def mean_colour(observation):
    """Actions that depend on all that an image shows."""
    return observation["front"].mean(axis=(1, 2)) / 255.0 - 0.5


@pytest.mark.parametrize(("motion", "sight"), [("random", "own"), ("own", "noise"), ("random", "noise")])
def test_ablated_episodes_do_not_depend_on_the_number_of_rows(motion, sight):
    """Random motion and noise are functions of the episode: alone, or among others, it goes the same way."""
    settings = {"observation": "image", "cameras": ["front"], "image_size": 16}
    settings |= {"autoreset_mode": "Disabled", "max_episode_steps": 2 * HOLD_STEPS}
    ends = []
    for num in (1, 5, 8):
        envs = make_vec("reach", num_envs=num, **settings)
        policy = replace_motion(replace_images(mean_colour, envs, sight, 3), envs, motion, 3)
        score = evaluate_policy(policy, envs, 8, seed=5)
        ends.append((score.distance, score.returns))
    for end in ends[1:]:
        np.testing.assert_array_equal(end, ends[0])
    assert len(np.unique(ends[0][0])) == 8


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
