"""The feature extractor of policies: any mix of vectors and images."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from robodl.vec_env import channels_first, channels_first_space
from robodl.vision.encoder import Encoder
from robodl_envs import make_vec
from tests.train.test_image_encoder import rgb


def test_vectors_are_queries_for_keypoints():
    """Another vector finds other keypoints in the same image; the small network encodes images alone."""
    vector = spaces.Box(-1.0, 1.0, (5,), np.float32)
    space = spaces.Dict({"proprioception": vector, "wrist": rgb(16, 16)})
    observation = {"proprioception": torch.eye(5), "wrist": torch.rand(1, 3, 16, 16).expand(5, 3, 16, 16)}
    for name, takes_query in (("keypoints", True), ("small", False)):
        features = Encoder(space, name)(observation)[:, 5:]
        assert bool((features[1:] - features[0]).abs().max() > 1e-3) == takes_query


@pytest.mark.parametrize("observation", ["state", "image", "image+state"])
def test_any_observation(observation):
    """Images of every modality and vectors become finite features of size about 1, which differ between rows."""
    cameras = ["front", "front_depth", "front_segmentation", "wrist", "top_depth"]
    images = {} if observation == "state" else {"cameras": cameras, "image_size": 32}
    envs = make_vec("reach", num_envs=3, observation=observation, radius=0.05, **images)
    encoder = Encoder(channels_first_space(envs.single_observation_space), "small")
    observed = channels_first(envs.reset(seed=0)[0])
    tensors = {
        key: torch.as_tensor(value).float() / (255.0 if key in ("front", "wrist") else 1.0)
        for key, value in observed.items()
    }
    features = encoder(tensors)
    assert features.shape == (3, encoder.features_dim) and features.isfinite().all() and features.abs().max() < 10
    assert len(torch.unique(features, dim=0)) == 3
