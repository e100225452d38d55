"""Policies in the goal's frame: what they do is the same whichever way the goal lies, see robodl.vision.encoder."""

from collections.abc import Sequence
from typing import Any

import torch
from sb3_contrib import TQC
from sb3_contrib.tqc import policies as tqc
from stable_baselines3 import SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy, ContinuousCritic, MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.sac import policies as sac

from robodl.vision.encoder import turned


def goal_frame_policy(algorithm: type[BaseAlgorithm]) -> type[BasePolicy]:
    """The class of an algorithm's policies that act in the goal's frame; ValueError if there is none."""
    if issubclass(algorithm, OnPolicyAlgorithm):
        return GoalFramePolicy
    classes: dict[type, type[BasePolicy]] = {SAC: SACPolicy, TQC: TQCPolicy}
    if algorithm not in classes:
        raise ValueError(f"algo.goal_frame=true is for PPO, SAC and TQC, and for imitation; got {algorithm.__name__}")
    return classes[algorithm]


def turned_actions(actions: torch.Tensor, direction: torch.Tensor, vectors: Sequence[int], sign: float) -> torch.Tensor:
    """Actions, (B, a), whose vectors, at these columns, are turned by the angle of a direction, or back by it."""
    columns = list(actions.split(1, dim=1))
    for first in vectors:
        columns[first : first + 2] = turned(actions[:, first : first + 2], direction, sign).split(1, dim=1)
    return torch.cat(columns, dim=1)


class GoalFrameMlp(MlpExtractor):
    """Networks of policy and value function; the policy's features end with the direction of the goal's frame."""

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([super().forward_actor(features), features[:, -2:]], dim=1)


class GoalFramePolicy(MultiInputActorCriticPolicy):
    """A policy of PPO.

    Args:
        action_vectors: columns of an action at which vectors along the world's axes begin: these are turned.
    """

    def __init__(self, *args: Any, action_vectors: Sequence[int], **kwargs: Any):
        self.action_vectors = tuple(action_vectors)
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = GoalFrameMlp(self.features_dim, self.net_arch, self.activation_fn, self.device)

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor):
        latent, direction = latent_pi[:, :-2], latent_pi[:, -2:]
        mean = turned_actions(self.action_net(latent), direction, self.action_vectors, 1.0)
        return self.action_dist.proba_distribution(mean, self.log_std)


class Turns:
    """Parts of an actor-critic policy that turn actions."""

    action_vectors: tuple[int, ...] = ()
    features_extractor: Any

    def turned(self, obs: Any, actions: torch.Tensor, sign: float) -> torch.Tensor:
        return turned_actions(actions, self.features_extractor.direction(obs), self.action_vectors, sign)


class Acts(Turns):
    def get_action_dist_params(self, obs: Any):
        mean, *others = super().get_action_dist_params(obs)  # type: ignore[misc]
        return self.turned(obs, mean, 1.0), *others


class Judges(Turns):
    def forward(self, obs: Any, actions: torch.Tensor):
        return super().forward(obs, self.turned(obs, actions, -1.0))  # type: ignore[misc]


class SACActor(Acts, sac.Actor):
    """SAC's actor, in the goal's frame."""


class SACCritic(Judges, ContinuousCritic):
    """SAC's critics, in the goal's frame."""


class TQCActor(Acts, tqc.Actor):
    """TQC's actor, in the goal's frame."""


class TQCCritic(Judges, tqc.Critic):
    """TQC's critics, in the goal's frame."""


class MakesTurning:
    """A policy made of an actor and critics that turn actions."""

    actor_class: type[Any]
    critic_class: type[Any]

    def __init__(self, *args: Any, action_vectors: Sequence[int], **kwargs: Any):
        self.action_vectors = tuple(action_vectors)
        super().__init__(*args, **kwargs)

    def make_actor(self: Any, features_extractor: Any = None):
        return self.made(self.actor_class, self.actor_kwargs, features_extractor)

    def make_critic(self: Any, features_extractor: Any = None):
        return self.made(self.critic_class, self.critic_kwargs, features_extractor)

    def made(self: Any, part: type[Any], arguments: dict[str, Any], features_extractor: Any):
        found = part(**self._update_features_extractor(arguments, features_extractor)).to(self.device)
        found.action_vectors = self.action_vectors
        return found


class SACPolicy(MakesTurning, sac.MultiInputPolicy):
    actor_class, critic_class = SACActor, SACCritic


class TQCPolicy(MakesTurning, tqc.MultiInputPolicy):
    actor_class, critic_class = TQCActor, TQCCritic
