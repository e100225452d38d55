"""Our feature extractor in plain Stable-Baselines3."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from robodl.vision.image_features import ImageFeatures

CAMERAS = ["front", "side_depth", "top_segmentation"]
IMAGES = {"observation": "image", "cameras": CAMERAS, "image_size": 16}


def make(**settings):
    return gym.make("robodl_envs:robodl/Reach-v0", **{**IMAGES, **settings})


def stacked():
    return gym.wrappers.FrameStackObservation(make(), 3)


def model(envs):
    policy = {"features_extractor_class": ImageFeatures, "net_arch": [16]}
    return PPO("MultiInputPolicy", envs, n_steps=32, batch_size=16, seed=0, device="cpu", policy_kwargs=policy)


def features(policy, observation):
    tensors, _ = policy.obs_to_tensor(observation)
    return policy.extract_features(tensors)


@pytest.mark.parametrize(
    ("envs", "channels"),
    [
        (lambda: DummyVecEnv([make] * 2), [3, 1, 5]),
        (lambda: DummyVecEnv([lambda: make(observation="image+state")] * 2), [3, 1, 5]),
        (lambda: VecFrameStack(DummyVecEnv([make] * 2), 3), [9, 3, 15]),
        (lambda: DummyVecEnv([stacked] * 2), [9, 3, 15]),
    ],
    ids=["image", "image+state", "VecFrameStack", "FrameStackObservation"],
)
def test_plain_sb3_learns_from_every_kind_of_image(envs, channels):
    """No image is flattened: each goes through convolutions, and each pixel matters."""
    made = model(envs())
    encoder = made.policy.features_extractor.encoder.image_encoder
    assert encoder.cameras == [[name] for name in sorted(CAMERAS)]
    assert sorted(encoder.channels) == sorted(channels)
    made.learn(64)
    assert all(weight.isfinite().all() for weight in made.policy.parameters())
    observation = {key: value.copy() for key, value in made.env.reset().items()}
    before = features(made.policy, observation)
    assert before.shape == (2, made.policy.features_dim)
    for name in CAMERAS:
        changed = {key: value.copy() for key, value in observation.items()}
        changed[name][0] = changed[name][0].max() - changed[name][0]
        differs = (features(made.policy, changed) != before).any(dim=1)
        assert differs.tolist() == [True, False]


def test_stacks_of_both_kinds_are_the_same():
    """VecFrameStack's channels and FrameStackObservation's axis give the same features, where both are full."""
    one, other = (model(DummyVecEnv([stacked] * 2)), model(VecFrameStack(DummyVecEnv([make] * 2), 3)))
    other.policy.load_state_dict(one.policy.state_dict())
    found = []
    for each in (one, other):
        each.env.seed(4)
        observation = each.env.reset()
        for _ in range(3):
            observation = each.env.step(np.full((2, 3), 0.5))[0]
        num_features = each.policy.features_extractor.encoder.image_encoder.num_features
        found.append(features(each.policy, observation)[:, -num_features:])
    torch.testing.assert_close(*found, rtol=0, atol=1e-6)


def test_observations_that_are_not_ours_are_refused():
    with pytest.raises(ValueError, match="must be a Dict with observation or proprioception"):
        ImageFeatures(gym.wrappers.FlattenObservation(make()).observation_space)
