"""The feature extractor of policies: from observations to the features that their networks learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from robodl.vec_env import boxes_of, image_boxes
from robodl.vision.image_encoder import ImageEncoder, load_image_encoder

GOAL_SCALE = 5.0  # 1/m: an offset of 20 cm to the goal is a feature of 1
MIN_STD = 1e-3  # a smaller standard deviation is little more than rounding


class Encoder(BaseFeaturesExtractor):
    """Features of an observation, (B, features_dim): its scaled vectors, then its encoded images.

    Vectors are scaled to about [-1, 1] by their bounds. Where there are goals, the achieved goal follows, and the
    offset from it to the desired goal: a goal-reaching policy is a function of that offset, and a network that is given
    it need not spend its first thousands of samples on learning to subtract.

    Args:
        observation_space: vectors and images, (channels, height, width); all images have one size.
        name: network that images go through, see robodl.vision.networks; ignored without images.
        frozen: whether that network keeps its weights.
    """

    center: torch.Tensor  # (k + 2 g,), of the vector, the achieved goal, and the offset to the desired one
    scale: torch.Tensor  # (k + 2 g,)
    half_range: torch.Tensor  # (k + 2 g,), of the bounds; of goals, what is a feature of 1 at first

    def __init__(self, observation_space: spaces.Dict, name: str = "small", frozen: bool = False):
        boxes, images = boxes_of(observation_space), image_boxes(observation_space)
        vector = next(key for key in ("observation", "proprioception") if key in boxes)
        size = boxes[vector].shape[0] + (2 * boxes["desired_goal"].shape[0] if "desired_goal" in boxes else 0)
        encoder = ImageEncoder(images, name) if images else None
        super().__init__(observation_space, features_dim=size + (encoder.num_features if encoder else 0))
        self.vector_key, self.image_encoder, self.has_goals = vector, encoder, "desired_goal" in boxes
        low, high = boxes[vector].low.astype(np.float64), boxes[vector].high.astype(np.float64)
        goal = np.ones((size - len(low)) // 2)
        self.register_buffer("center", torch.tensor(np.r_[(low + high) / 2.0, 0.0 * goal, 0.0 * goal]).float())
        self.register_buffer("scale", torch.tensor(np.r_[2.0 / (high - low), goal, GOAL_SCALE * goal]).float())
        self.register_buffer("half_range", 1.0 / self.scale, persistent=False)
        self.query = nn.Linear(size, encoder.query_size) if encoder and encoder.query_size else None
        if encoder is not None and frozen:
            encoder.requires_grad_(False)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        vector = (self.vector(observations) - self.center) * self.scale
        if self.image_encoder is None:
            return vector
        query = None if self.query is None else self.query(vector)
        return torch.cat([vector, self.image_encoder(observations, query)], dim=1)

    def vector(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """The vector, the achieved goal and the offset to the desired goal, unscaled: (B, k + 2 g)."""
        parts = [observations[self.vector_key]]
        if self.has_goals:
            parts += [observations["achieved_goal"], observations["desired_goal"] - observations["achieved_goal"]]
        return torch.cat(parts, dim=1)

    @property
    def vector_names(self) -> list[str]:
        """Names of the observations that `vector` is of."""
        return [self.vector_key, *(("achieved_goal", "desired_goal") if self.has_goals else ())]

    def fit_scaling(self, observations: dict[str, Any], share: float = 1.0, least: float = 0.0) -> None:
        """Scale vectors to a mean of 0 and a standard deviation of 1 over observations, (..., k).

        Args:
            share: of these observations in all that count; the rest are those that the scale so far is of.
            least: standard deviation to assume at least, as a share of half the bounds' range: what hardly varies yet
                may do so later.
        """
        data = self.vector({name: torch.as_tensor(observations[name]).flatten(0, -2) for name in self.vector_names})
        mean, std = data.mean(dim=0), data.std(dim=0, correction=0)
        if share < 1.0:
            shift, earlier_std = mean - self.center, 1.0 / self.scale - MIN_STD
            std = (share * std**2 + (1.0 - share) * (earlier_std**2 + share * shift**2)).sqrt()
            mean = self.center + share * shift
        self.center.copy_(mean)
        self.scale.copy_(1.0 / torch.maximum(std + MIN_STD, least * self.half_range))


def load_encoder_weights(policy: nn.Module, weights: str) -> None:
    """Load a file of robodl.pretrain into all encoders of a policy.

    Call it on a policy that is complete: Stable-Baselines3 initialises the layers after it has made the encoder.

    Raises:
        ValueError: the file is missing, damaged or of another network, or the policy takes no images.
    """
    for encoder in policy.modules():
        if isinstance(encoder, Encoder):
            if encoder.image_encoder is None:
                raise ValueError("encoder.weights is for images: give observation=image or image+state")
            load_image_encoder(encoder.image_encoder, Path(weights))
