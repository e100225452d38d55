"""PPO's value function learns before the policy does."""

import torch

from robodl.learning.critic_warmup import CriticWarmup
from tests.train.conftest import model_of


def test_critic_warmup(composed):
    """PPO changes the value function alone until the warm-up is over, then the policy too."""
    cfg = composed("env=reach", "algo.n_steps=16", "algo.batch_size=64", "algo.n_epochs=1")
    model = model_of(cfg)
    policy, value = model.policy.action_net.weight, model.policy.value_net.weight
    before = policy.detach().clone(), value.detach().clone()
    model.learn(64, callback=CriticWarmup(64))
    assert torch.equal(policy, before[0]) and not torch.equal(value, before[1])
    model.learn(128, callback=CriticWarmup(64), reset_num_timesteps=False)
    assert not torch.equal(policy, before[0])


def test_a_frozen_encoder_stays_frozen(composed):
    """The end of the warm-up does not unfreeze what was frozen before."""
    cfg = composed("env=reach", "observation=image", "algo.n_steps=8", "algo.batch_size=32", "algo.n_epochs=1")
    model = model_of(cfg)
    encoder = model.policy.features_extractor.image_encoder.requires_grad_(False)
    before = [weight.clone() for weight in encoder.parameters()]
    model.learn(96, callback=CriticWarmup(32))
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))
