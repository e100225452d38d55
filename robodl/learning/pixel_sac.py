"""SAC for pictures, in the shape that learning from pixels wants.

The encoder is trained by the critic alone and runs once an update on each of the two observations: actor and target see
its features, not its pictures. Pictures are shifted at random (Yarats et al., DrQ-v2, ICLR 2022). Part of each batch
may come from demonstrations (Ball et al., RLPD, ICML 2023), which asks for layer norm in the critics.
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
from robodl.vision.augment import shifted


class PixelPolicy(MultiInputPolicy):
    """SAC's policy with one encoder, the critic's, which actor and target critic look through but never train."""

    def _build(self, lr_schedule: Schedule) -> None:
        self.critic = self.make_critic(features_extractor=None)
        for q in self.critic.q_networks:
            norm_first(q)
        encoder = self.critic.features_extractor
        self.actor = self.make_actor(features_extractor=encoder)
        self.critic_target = self.make_critic(features_extractor=encoder)
        for q in self.critic_target.q_networks:
            norm_first(q)
        self.critic_target.load_state_dict(self.critic.state_dict())
        self.critic_target.set_training_mode(False)
        own = [p for name, p in self.actor.named_parameters() if not name.startswith("features_extractor")]
        rate = lr_schedule(1)
        self.actor.optimizer = self.optimizer_class(own, lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]
        learns = [p for p in self.critic.parameters() if p.requires_grad]  # a frozen encoder does not
        self.critic.optimizer = self.optimizer_class(learns, lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]


def norm_first(q: nn.Module) -> None:
    """Put layer norm behind each hidden linear layer of a critic's network."""
    assert isinstance(q, nn.Sequential)
    layers: list[nn.Module] = []
    for layer in q:
        layers.append(layer)
        if isinstance(layer, nn.Linear) and layer.out_features > 1:
            layers.append(nn.LayerNorm(layer.out_features))
    for k, layer in enumerate(layers):
        if k < len(q):
            q[k] = layer
        else:
            q.append(layer)


class PixelSAC(SAC):
    """Soft actor-critic from pictures.

    Args:
        n_steps: transitions that a return sums rewards over.
        shift: pixels by which pictures are moved at random; 0 for none.
        demonstrations: transitions of an expert to begin with; `demonstrate` brings them.
        demonstration_share: of each batch, while there are demonstrations.
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
        demonstrations: int = 0,
        demonstration_share: float = 0.25,
        ent_coef: str | float = "auto_0.1",
        target_entropy: str | float = "auto",
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ):
        if not 0.0 < demonstration_share < 1.0:
            raise ValueError(f"demonstration_share must be more than 0 and less than 1, got {demonstration_share}")
        self.shift, self.demonstrations, self.demonstration_share = shift, demonstrations, demonstration_share
        self.shown: FrameBuffer | None = None  # the expert's transitions
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
            replay_buffer_kwargs={"n_steps": n_steps, "gamma": gamma},
            ent_coef=ent_coef,
            target_entropy=target_entropy,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )
        self.returns_over = n_steps

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "shown"]

    def _setup_learn(self, *args, **kwargs):
        seen = self._last_obs
        result = super()._setup_learn(*args, **kwargs)
        if self._last_obs is not seen and isinstance(self.replay_buffer, FrameBuffer):
            self.replay_buffer.cut()  # the environments were reset: SB3 does so at each `learn` that counts anew
        return result

    def demonstrate(self, shown: FrameBuffer) -> None:
        """Take part of each batch from these transitions."""
        self.shown = shown

    def batch(self, size: int) -> DictReplayBufferSamples:
        """Transitions to learn from, demonstrations last."""
        buffer = self.replay_buffer
        assert isinstance(buffer, FrameBuffer)
        if self.shown is None:
            return buffer.sample(size)
        borrowed = max(1, round(size * self.demonstration_share))
        own, shown = buffer.sample(size - borrowed), self.shown.sample(borrowed)
        return DictReplayBufferSamples(*(joined(a, b) for a, b in zip(own, shown, strict=True)))

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        self.policy.set_training_mode(True)
        optimizers = [self.actor.optimizer, self.critic.optimizer]
        self._update_learning_rate(optimizers + ([self.ent_coef_optimizer] if self.ent_coef_optimizer else []))
        sums: dict[str, float] = {}
        for _ in range(gradient_steps):
            for name, value in self.update(self.batch(batch_size)).items():
                sums[name] = sums.get(name, 0.0) + value
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        for name, value in sums.items():
            self.logger.record(f"train/{name}", value / gradient_steps)

    def update(self, data: DictReplayBufferSamples) -> dict[str, float]:
        """One step of critic and encoder, then of actor and entropy coefficient; returns what to log."""
        temperature = self.temperature()
        features = self.encode(data.observations)
        with torch.no_grad():
            next_features = self.encode(data.next_observations)
            next_action, next_log_prob = act(self.actor, next_features)
            following = lowest(self.critic_target, next_features, next_action) - temperature * next_log_prob
            assert data.discounts is not None
            target = data.rewards + (1.0 - data.dones) * data.discounts * following

        estimates = values(self.critic, features, data.actions)
        critic_loss = 0.5 * sum(functional.mse_loss(estimate, target) for estimate in estimates)
        assert isinstance(critic_loss, torch.Tensor)
        self.critic.optimizer.zero_grad()
        critic_loss.backward()
        self.critic.optimizer.step()

        seen = features.detach()
        action, log_prob = act(self.actor, seen)
        actor_loss = (temperature * log_prob - lowest(self.critic, seen, action)).mean()
        self.actor.optimizer.zero_grad()
        actor_loss.backward()
        self.actor.optimizer.step()

        if self.ent_coef_optimizer is not None:
            assert self.log_ent_coef is not None and isinstance(self.target_entropy, float)
            loss = -(self.log_ent_coef * (log_prob.detach() + self.target_entropy)).mean()
            self.ent_coef_optimizer.zero_grad()
            loss.backward()
            self.ent_coef_optimizer.step()
        for online, slow in zip(self.critic.q_networks, self.critic_target.q_networks, strict=True):
            polyak_update(online.parameters(), slow.parameters(), self.tau)
        losses = {"critic_loss": critic_loss.item(), "actor_loss": actor_loss.item()}
        return {**losses, "ent_coef": float(temperature), "q": float(estimates[0].mean().detach())}

    def temperature(self) -> torch.Tensor:
        return self.ent_coef_tensor if self.log_ent_coef is None else self.log_ent_coef.detach().exp()

    def encode(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """Features of observations, (B, f), their pictures shifted at random."""
        if self.shift:
            pictures = {key: value for key, value in observations.items() if value.ndim == 4}
            observations = {**observations, **shifted(pictures, self.shift)}
        prepared = preprocess_obs(observations, self.observation_space, self.policy.normalize_images)
        return self.critic.features_extractor(prepared)


def act(actor: Actor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Actions, (B, a), drawn by an actor that sees features, and the logarithm of their density, (B, 1)."""
    latent = actor.latent_pi(features)
    log_std = torch.clamp(actor.log_std(latent), -20.0, 2.0)  # type: ignore[operator]
    distribution: Any = actor.action_dist
    action, log_prob = distribution.log_prob_from_params(actor.mu(latent), log_std)
    return action, log_prob[:, None]


def values(critic: ContinuousCritic, features: torch.Tensor, action: torch.Tensor) -> list[torch.Tensor]:
    """What each of a critic's networks makes of actions: (B, 1) each."""
    together = torch.cat([features, action], dim=1)
    return [q(together) for q in critic.q_networks]


def lowest(critic: ContinuousCritic, features: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return torch.cat(values(critic, features, action), dim=1).min(dim=1, keepdim=True).values


def joined(a, b):
    """Two parts of a batch as one: tensors, or dicts of them."""
    if isinstance(a, dict):
        return {key: torch.cat([a[key], b[key]]) for key in a}
    return None if a is None else torch.cat([a, b])
