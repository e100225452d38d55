"""Feature extractors: what a policy's network sees of an observation."""

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

GOAL_SCALE = 5.0  # 1/m: a goal 20 cm away is a feature of 1


class StateEncoder(BaseFeaturesExtractor):
    """Observation scaled to about [-1, 1] by its bounds, the achieved goal, and the way from it to the desired goal.

    The difference of the goals is what a goal-reaching policy is a function of; given it ready made, the network
    need not spend its first thousands of samples on learning to subtract.
    """

    middle: torch.Tensor  # (k,)
    scale: torch.Tensor  # (k,)

    def __init__(self, observation_space: spaces.Dict):
        observation, goal = observation_space["observation"], observation_space["desired_goal"]
        assert isinstance(observation, spaces.Box) and isinstance(goal, spaces.Box)
        super().__init__(observation_space, features_dim=observation.shape[0] + 2 * goal.shape[0])
        low, high = observation.low.astype(np.float64), observation.high.astype(np.float64)
        self.register_buffer("middle", torch.tensor((low + high) / 2.0, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(2.0 / (high - low), dtype=torch.float32))

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        observation = (observations["observation"] - self.middle) * self.scale  # (B, k)
        achieved, desired = observations["achieved_goal"], observations["desired_goal"]  # (B, g)
        return torch.cat([observation, achieved, GOAL_SCALE * (desired - achieved)], dim=1)
