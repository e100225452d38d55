"""The feature extractor of policies: from observations to the features that their networks learn from."""

from collections.abc import Sequence
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
NO_DIRECTION = 1e-3  # m: the goal's frame has no axes where what is to be there is much closer than this
MIN_STD = 1e-3  # a smaller standard deviation is little more than rounding


def turned(vectors: torch.Tensor, direction: torch.Tensor, sign: float) -> torch.Tensor:
    """Vectors, (B, 2), turned by the angle of a direction, (B, 2), or, with a sign of -1, back by it."""
    x, y, cosine, sine = vectors[:, 0], vectors[:, 1], direction[:, 0], sign * direction[:, 1]
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine], dim=1)


def direction_of(offset: torch.Tensor) -> torch.Tensor:
    """The horizontal direction of offsets, (B, 2 or more) m: (B, 2), of length 1 but for the shortest."""
    return offset[:, :2] / (offset[:, :2].norm(dim=1, keepdim=True) + NO_DIRECTION)


class Encoder(BaseFeaturesExtractor):
    """Features of an observation, (B, features_dim): its scaled vectors, then its encoded images.

    Vectors are scaled to about [-1, 1] by their bounds. Where there are goals, the achieved goal follows, and the
    offset from it to the desired goal: a goal-reaching policy is a function of that offset, and a network that is given
    it need not spend its first thousands of samples on learning to subtract.

    In the goal's frame, whose x axis points horizontally from the achieved goal to the desired one, follow the given
    vectors and that offset, x and y of each; and last, as two numbers, the direction of that axis in the world. What
    has to be done to bring something somewhere is then the same whichever way that lies.

    Args:
        observation_space: vectors and images, (channels, height, width); all images have one size.
        name: network that images go through, see robodl.vision.networks; ignored without images.
        frozen: whether that network keeps its weights.
        goal_frame: columns of the vector at which vectors along the world's axes begin that are to be seen in the
            goal's frame, too; None for no such frame. Goals must begin with a position or an offset, m.
    """

    center: torch.Tensor  # (k + 2 g,), of the vector, the achieved goal, and the offset to the desired one
    scale: torch.Tensor  # (k + 2 g,)
    half_range: torch.Tensor  # (k + 2 g,), of the bounds; of goals, what is a feature of 1 at first

    def __init__(
        self,
        observation_space: spaces.Dict,
        name: str = "small",
        frozen: bool = False,
        goal_frame: Sequence[int] | None = None,
    ):
        boxes, images = boxes_of(observation_space), image_boxes(observation_space)
        vector = next(key for key in ("observation", "proprioception") if key in boxes)
        size = boxes[vector].shape[0] + (2 * boxes["desired_goal"].shape[0] if "desired_goal" in boxes else 0)
        encoder = ImageEncoder(images, name) if images else None
        more = 0 if goal_frame is None else 2 * (len(goal_frame) + 2)
        super().__init__(observation_space, features_dim=size + more + (encoder.num_features if encoder else 0))
        self.vector_key, self.image_encoder, self.has_goals = vector, encoder, "desired_goal" in boxes
        low, high = boxes[vector].low.astype(np.float64), boxes[vector].high.astype(np.float64)
        goal = np.ones((size - len(low)) // 2)
        self.register_buffer("center", torch.tensor(np.r_[(low + high) / 2.0, 0.0 * goal, 0.0 * goal]).float())
        self.register_buffer("scale", torch.tensor(np.r_[2.0 / (high - low), goal, GOAL_SCALE * goal]).float())
        self.register_buffer("half_range", 1.0 / self.scale, persistent=False)
        # Columns of vectors to turn: those given, and the offset to the desired goal; none without a goal's frame.
        self.turned_columns = [] if goal_frame is None else [*goal_frame, size - len(goal)]
        self.query = nn.Linear(size, encoder.query_size) if encoder and encoder.query_size else None
        if encoder is not None and frozen:
            encoder.requires_grad_(False)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        unscaled = self.vector(observations)
        vector = (unscaled - self.center) * self.scale
        parts = [vector]
        if self.image_encoder is not None:
            parts.append(self.image_encoder(observations, None if self.query is None else self.query(vector)))
        if self.turned_columns:
            parts += self.in_goal_frame(unscaled)
        return torch.cat(parts, dim=1) if len(parts) > 1 else vector

    def in_goal_frame(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """Vectors in the goal's frame, (B, 2) each, scaled alike along both axes, and the direction of its x axis."""
        direction = direction_of(vector[:, self.turned_columns[-1] :])
        parts = [
            turned(vector[:, first : first + 2], direction, -1.0) * self.scale[first : first + 2].mean()
            for first in self.turned_columns
        ]
        return [*parts, direction]

    def direction(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """The direction of the goal's frame, (B, 2)."""
        return direction_of(observations["desired_goal"] - observations["achieved_goal"])

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

        Images, (n, channels, height, width), if given, tell encoders that whiten them what to whiten by.

        Args:
            share: of these observations in all that count; the rest are those that the scale so far is of.
            least: standard deviation to assume at least, as a share of half the bounds' range: what hardly varies yet
                may do so later.
        """
        if self.image_encoder is not None and all(key in observations for key in self.image_encoder.space):
            images = {key: torch.as_tensor(observations[key]) for key in self.image_encoder.space}
            self.image_encoder.fit_whitening(images, torch.arange(len(next(iter(images.values())))))
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
