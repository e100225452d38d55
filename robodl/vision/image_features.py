"""A feature extractor of our observations for plain Stable-Baselines3, however its wrappers have laid them out."""

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from robodl.vec_env import boxes_of
from robodl.vision.encoder import Encoder

VECTORS = ("observation", "proprioception")


class ImageFeatures(BaseFeaturesExtractor):
    """Features of images, vectors and goals, (B, features_dim), where SB3's own extractor flattens most images.

    PPO("MultiInputPolicy", env, policy_kwargs={"features_extractor_class": ImageFeatures})

    Colour, depth and segmentation go through convolutions, with the channels first or last; so do stacks of the last k
    observations, whether of SB3's VecFrameStack, along the channels, or of gymnasium's FrameStackObservation, along an
    axis of their own, (k, ...). Vectors are scaled by their bounds, whose order VecFrameStack (SB3 2.9) confuses where
    it stacks vectors: prefer FrameStackObservation, or robodl.frame_stack.FrameStack, which stacks images alone.

    Args:
        observation_space: of an environment of ours, as SB3 hands it over, with its default normalize_images=True.
        name: of the network for images: small, nature, impala, article or keypoints.
        frozen: whether that network keeps its weights, see robodl.vision.encoder.load_encoder_weights.
    """

    def __init__(self, observation_space: spaces.Space, name: str = "small", frozen: bool = False):
        if not isinstance(observation_space, spaces.Dict) or not any(
            key in observation_space.spaces for key in VECTORS
        ):
            raise ValueError(f"observations must be a Dict with {' or '.join(VECTORS)}, got {observation_space}")
        boxes = boxes_of(observation_space)
        encoder = Encoder(spaces.Dict({key: plain_box(box) for key, box in boxes.items()}), name, frozen)
        super().__init__(observation_space, encoder.features_dim)
        self.encoder = encoder
        self.channels_last = {key: len(box.shape) > 2 and is_channels_last(box) for key, box in boxes.items()}
        # SB3 divides by 255 what it takes for an image: uint8 with three axes.
        self.scale = {key: 1 / 255 if is_color(box) and not is_image_space(box) else 1.0 for key, box in boxes.items()}

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        plain = {key: self.plain(key, value) for key, value in observations.items()}
        return self.encoder(plain)

    def plain(self, key: str, value: torch.Tensor) -> torch.Tensor:
        """A batch of vectors as (B, k), of images as (B, channels, height, width)."""
        if self.channels_last[key]:
            value = value.movedim(-1, -3)
        value = value.flatten(1, -3) if value.ndim > 3 else value.flatten(1)
        return value if self.scale[key] == 1.0 else value * self.scale[key]


def is_color(box: spaces.Box) -> bool:
    return box.dtype == np.uint8 and box.high.max() == 255


def is_channels_last(box: spaces.Box) -> bool:
    """Test whether the last of an image's three axes is its channels: the shorter one of first and last."""
    return box.shape[-1] < box.shape[-3]


def plain_box(box: spaces.Box) -> spaces.Box:
    """The space of what `ImageFeatures.plain` makes of a space's values, without a batch's axis."""
    low, high = box.low, box.high
    if box.low.ndim > 2:
        if is_channels_last(box):
            low, high = np.moveaxis(low, -1, -3), np.moveaxis(high, -1, -3)
        shape: tuple[int, ...] = (-1, *low.shape[-2:])
    else:
        shape = (-1,)
    return spaces.Box(low.reshape(shape), high.reshape(shape), dtype=box.dtype.type)  # type: ignore[union-attr]
