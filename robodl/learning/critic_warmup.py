"""Critic warm-up: PPO's value function learns first, while the policy stays as imitation left it."""

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn


class CriticWarmup(BaseCallback):
    """Train only the value function for the first `steps` steps; 0 for no warm-up.

    Advantages of an untrained value function would spoil the policy.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps
        self.actor_parameters: list[nn.Parameter] = []  # those that learn at all: a frozen encoder's don't

    def _on_training_start(self) -> None:
        policy = self.model.policy
        if self.steps and isinstance(policy, ActorCriticPolicy):
            parts = (policy.features_extractor, policy.mlp_extractor.policy_net, policy.action_net)
            trained = [parameter for part in parts for parameter in part.parameters() if parameter.requires_grad]
            self.actor_parameters = [*trained, policy.log_std]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        for parameter in self.actor_parameters:
            parameter.requires_grad_(self.num_timesteps >= self.steps)

    def _on_training_end(self) -> None:
        for parameter in self.actor_parameters:
            parameter.requires_grad_(True)
