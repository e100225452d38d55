"""SAC from images.

The critic alone trains the encoder, which runs once an update on each of the two observations: actor and target critic
take its features, not the images. Images are shifted at random (Yarats et al., DrQ-v2, ICLR 2022). Part of each batch
may come from demonstrations (Ball et al., RLPD, ICML 2023), which needs layer norm in the critics.
"""

from typing import Any, ClassVar

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.policies import BasePolicy, ContinuousCritic
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.type_aliases import DictReplayBufferSamples, Schedule
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.sac.policies import Actor, MultiInputPolicy
from torch import nn
from torch.nn import functional

from robodl.learning.frame_buffer import FrameBuffer
from robodl.vision.augment import random_shift


class PixelPolicy(MultiInputPolicy):
    """SAC's policy with one encoder, which the critic trains, and layer norm in the critics."""

    def _build(self, lr_schedule: Schedule) -> None:
        self.critic = self.make_critic(features_extractor=None)
        insert_layer_norm(self.critic)
        encoder = self.critic.features_extractor
        self.actor = self.make_actor(features_extractor=encoder)
        self.critic_target = self.make_critic(features_extractor=encoder)
        insert_layer_norm(self.critic_target)
        self.critic_target.load_state_dict(self.critic.state_dict())
        self.critic_target.set_training_mode(False)
        of_actor = [p for name, p in self.actor.named_parameters() if not name.startswith("features_extractor")]
        of_critic = [p for p in self.critic.parameters() if p.requires_grad]  # a frozen encoder's don't
        optimizer_class: Any = self.optimizer_class
        for part, parameters in ((self.actor, of_actor), (self.critic, of_critic)):
            part.optimizer = optimizer_class(parameters, lr=lr_schedule(1), **self.optimizer_kwargs)


def insert_layer_norm(critic: ContinuousCritic) -> None:
    """Insert layer norm after each hidden linear layer of a critic's networks, in place."""
    for q_network in critic.q_networks:
        assert isinstance(q_network, nn.Sequential)
        for index in reversed(range(len(q_network) - 1)):  # the last layer is the output
            if isinstance(layer := q_network[index], nn.Linear):
                q_network.insert(index + 1, nn.LayerNorm(layer.out_features))


class PixelSAC(SAC):
    """Soft actor-critic from images.

    Args:
        n_steps: transitions whose rewards a return sums.
        shift: pixels by which images are shifted at random; 0 for none.
        demonstration_share: share of each batch that comes from `demo_buffer`, where that is set.
        frame_stack: images of an observation's stacks, see robodl.frame_stack, which replay stores once each.
        Others: as SAC's.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MultiInputPolicy": PixelPolicy}
    policy: PixelPolicy

    def __init__(
        self,
        policy: str | type[PixelPolicy],
        env,
        learning_rate: float | Schedule = 3e-4,
        buffer_size: int = 100_000,
        learning_starts: int = 1_000,
        batch_size: int = 256,
        tau: float = 0.01,
        gamma: float = 0.95,
        train_freq: int | tuple[int, str] = 1,
        gradient_steps: int = 1,
        n_steps: int = 3,
        shift: int = 2,
        demonstration_share: float = 0.25,
        ent_coef: str | float = "auto_0.1",
        target_entropy: str | float = "auto",
        frame_stack: int = 1,
        policy_kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ):
        if not 0.0 < demonstration_share < 1.0:
            raise ValueError(f"demonstration_share must be more than 0 and less than 1, got {demonstration_share}")
        self.shift, self.demonstration_share = shift, demonstration_share
        self.demo_buffer: FrameBuffer | None = None
        super().__init__(
            policy,
            env,
            learning_rate,
            buffer_size,
            learning_starts,
            batch_size,
            tau,
            gamma,
            train_freq,
            gradient_steps,
            replay_buffer_class=FrameBuffer,
            replay_buffer_kwargs={"n_steps": n_steps, "gamma": gamma, "frame_stack": frame_stack},
            ent_coef=ent_coef,
            target_entropy=target_entropy,
            policy_kwargs=policy_kwargs,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "demo_buffer"]

    def _setup_learn(self, *args, **kwargs):
        last_observation = self._last_obs
        result = super()._setup_learn(*args, **kwargs)
        if self._last_obs is not last_observation and isinstance(self.replay_buffer, FrameBuffer):
            self.replay_buffer.end_episodes()  # SB3 has reset the environments, as it does where it resets its counters
        return result

    def sample_batch(self, size: int) -> DictReplayBufferSamples:
        """Draw transitions to learn from, demonstrations last."""
        buffer = self.replay_buffer
        assert isinstance(buffer, FrameBuffer)
        if self.demo_buffer is None:
            return buffer.sample(size)
        demo_size = max(1, round(size * self.demonstration_share))
        own, demos = buffer.sample(size - demo_size), self.demo_buffer.sample(demo_size)
        return DictReplayBufferSamples(*(concat_batches(a, b) for a, b in zip(own, demos, strict=True)))

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        self._update_learning_rate(optimizers + ([self.ent_coef_optimizer] if self.ent_coef_optimizer else []))
        updates = [self.update(self.sample_batch(batch_size)) for _ in range(gradient_steps)]
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name in updates[0]:
            self.logger.record(f"train/{name}", sum(each[name] for each in updates) / gradient_steps)

    def update(self, data: DictReplayBufferSamples) -> dict[str, float]:
        """Update critic and encoder, then actor, then entropy coefficient, by one step each.

        Returns:
            Numbers to log, by name.
        """
        temperature = self.ent_coef_tensor if self.log_ent_coef is None else self.log_ent_coef.detach().exp()
        features = self.encode(data.observations)
        with torch.no_grad():
            next_features = self.encode(data.next_observations)
            next_action, next_log_prob = sample_actions(self.actor, next_features)
            next_value = min_q(self.critic_target, next_features, next_action) - temperature * next_log_prob
            assert data.discounts is not None
            target = data.rewards + (1.0 - data.dones) * data.discounts * next_value

        estimates = q_values(self.critic, features, data.actions)
        critic_loss = 0.5 * sum(functional.mse_loss(estimate, target) for estimate in estimates)
        assert isinstance(critic_loss, torch.Tensor)
        self.critic.optimizer.zero_grad()
        critic_loss.backward()
        self.critic.optimizer.step()

        features = features.detach()
        action, log_prob = sample_actions(self.actor, features)
        actor_loss = (temperature * log_prob - min_q(self.critic, features, action)).mean()
        self.actor.optimizer.zero_grad()
        actor_loss.backward()
        self.actor.optimizer.step()

        if self.ent_coef_optimizer is not None:
            assert self.log_ent_coef is not None and isinstance(self.target_entropy, float)
            loss = -(self.log_ent_coef * (log_prob.detach() + self.target_entropy)).mean()
            self.ent_coef_optimizer.zero_grad()
            loss.backward()
            self.ent_coef_optimizer.step()
        for online, target_network in zip(self.critic.q_networks, self.critic_target.q_networks, strict=True):
            polyak_update(online.parameters(), target_network.parameters(), self.tau)
        losses = {"critic_loss": critic_loss.item(), "actor_loss": actor_loss.item()}
        return {**losses, "ent_coef": float(temperature), "q": float(estimates[0].mean().detach())}

    def encode(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """Features of observations, (B, f), with images shifted at random."""
        if self.shift:
            images = {key: value for key, value in observations.items() if value.ndim == 4}
            observations = {**observations, **random_shift(images, self.shift)}
        prepared = preprocess_obs(observations, self.observation_space, self.policy.normalize_images)
        return self.critic.features_extractor(prepared)


def sample_actions(actor: Actor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw actions, (B, a), with the logarithm of their density, (B, 1)."""
    latent = actor.latent_pi(features)
    log_std = torch.clamp(actor.log_std(latent), -20.0, 2.0)  # type: ignore[operator]
    distribution: Any = actor.action_dist
    action, log_prob = distribution.log_prob_from_params(actor.mu(latent), log_std)
    return action, log_prob[:, None]


def q_values(critic: ContinuousCritic, features: torch.Tensor, action: torch.Tensor) -> list[torch.Tensor]:
    """The estimates of a critic's networks, (B, 1) each."""
    inputs = torch.cat([features, action], dim=1)
    return [q_network(inputs) for q_network in critic.q_networks]


def min_q(critic: ContinuousCritic, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """The least of a critic's estimates, (B, 1)."""
    return torch.cat(q_values(critic, features, action), dim=1).min(dim=1, keepdim=True).values


def concat_batches(a, b):
    """Concatenate a part of two batches: tensors, dicts of tensors, or None."""
    if isinstance(a, dict):
        return {key: torch.cat([a[key], b[key]]) for key in a}
    return None if a is None else torch.cat([a, b])
