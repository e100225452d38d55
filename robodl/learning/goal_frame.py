"""PPO's policy in the goal's frame: what it does is the same whichever way the goal lies."""

from collections.abc import Sequence
from typing import Any

import torch
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor

from robodl.vision.encoder import turned


class GoalFrameMlp(MlpExtractor):
    """Networks of policy and value function; the policy's features end with the direction of the goal's frame."""

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return torch.cat([super().forward_actor(features), features[:, -2:]], dim=1)


class GoalFramePolicy(MultiInputActorCriticPolicy):
    """A policy whose network acts in the frame that its encoder sees in, see robodl.vision.encoder.

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
        mean = self.action_net(latent)
        columns = list(mean.split(1, dim=1))
        for first in self.action_vectors:
            x, y = turned(mean[:, first : first + 2], direction, 1.0).split(1, dim=1)
            columns[first], columns[first + 1] = x, y
        return self.action_dist.proba_distribution(torch.cat(columns, dim=1), self.log_std)
