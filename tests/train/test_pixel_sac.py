"""SAC from images: what trains the encoder, and files of Stable-Baselines3."""

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecMonitor

from robodl.learning.pixel_sac import PixelSAC
from robodl.vec_env import Sb3VecEnv
from robodl.vision.encoder import Encoder
from robodl_envs import make_vec


@pytest.fixture
def model():
    settings = {"observation": "image", "image_size": 16, "max_episode_steps": 20, "radius": 0.05}
    envs = make_vec("reach", num_envs=4, autoreset_mode=AutoresetMode.SAME_STEP, **settings)
    sizes = {"learning_starts": 40, "batch_size": 16, "buffer_size": 400}
    kwargs = {"features_extractor_class": Encoder, "net_arch": [32]}
    made = PixelSAC(
        "MultiInputPolicy", VecMonitor(Sb3VecEnv(envs)), policy_kwargs=kwargs, seed=0, device="cpu", **sizes
    )
    yield made
    envs.close()


def test_only_the_critic_trains_the_encoder(model):
    """Actor and critics share one encoder, which the actor's optimiser lacks; it runs once on each observation."""
    policy = model.policy
    encoder = policy.critic.features_extractor
    assert policy.actor.features_extractor is encoder is policy.critic_target.features_extractor
    of_actor = {id(p) for group in policy.actor.optimizer.param_groups for p in group["params"]}
    assert not of_actor & {id(p) for p in encoder.parameters()}
    assert {id(p) for p in encoder.parameters()} <= {
        id(p) for group in policy.critic.optimizer.param_groups for p in group["params"]
    }
    model.learn(60)
    grad_enabled = []
    encoder.register_forward_hook(lambda *_: grad_enabled.append(torch.is_grad_enabled()))
    model.update(model.sample_batch(16))
    assert grad_enabled == [True, False]  # one pass with a gradient, one without


def test_saves_loads_and_predicts_as_sb3_does(model, tmp_path):
    model.learn(80)
    before = [p.detach().clone() for p in model.policy.critic.features_extractor.parameters()]
    model.learn(40, reset_num_timesteps=False)
    after = list(model.policy.critic.features_extractor.parameters())
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    observation = model.env.reset()
    model.save(tmp_path / "model")
    again = PixelSAC.load(tmp_path / "model", env=model.env)
    one, other = (each.predict(observation, deterministic=True)[0] for each in (model, again))
    np.testing.assert_array_equal(one, other)
    again.learn(40, reset_num_timesteps=False)
