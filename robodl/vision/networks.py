"""Networks for images: convolutions, a pooling of their outputs, and a dense head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from robodl.vision.keypoints import PIXEL_FEATURES, Keypoints


class Flatten(nn.Module):
    """All outputs of the convolutions, as one vector."""

    query_size = 0

    def forward(self, x: torch.Tensor, query: torch.Tensor | None) -> torch.Tensor:
        return x.flatten(1)


@dataclass(frozen=True)
class Network:
    """The layers of a network for images."""

    trunk: Callable[[int], list[nn.Module]]  # channels -> convolutions
    head: Callable[[int], list[nn.Module]]  # inputs -> dense layers
    min_size: int  # pixels, of an image
    pool: Callable[[], Any] = Flatten  # a module with query_size, called with the convolutions' outputs and a query


def small(channels: int) -> list[nn.Module]:
    """Three convolutions with stride 2."""
    layers: list[nn.Module] = []
    for size in (16, 32, 32):
        layers += [nn.Conv2d(channels, size, 3, stride=2, padding=1), nn.ReLU()]
        channels = size
    return layers


def nature(channels: int) -> list[nn.Module]:
    """Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015."""
    first = [nn.Conv2d(channels, 32, 8, stride=4), nn.ReLU()]
    return [*first, nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU()]


def impala(channels: int) -> list[nn.Module]:
    """Espeholt et al., IMPALA, ICML 2018, figure 3 right, without the LSTM."""
    layers: list[nn.Module] = []
    for size in (16, 32, 32):
        pooling = nn.MaxPool2d(3, stride=2, padding=1)
        layers += [nn.Conv2d(channels, size, 3, padding=1), pooling, Residual(size), Residual(size)]
        channels = size
    return [*layers, nn.ReLU()]


def article(channels: int) -> list[nn.Module]:
    """The introductory example: one convolution of 32 3x3 filters, ReLU, max-pooling 2x2."""
    return [nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]


def keypoints(channels: int) -> list[nn.Module]:
    """Features of each pixel at half the resolution, from 3x3 pixels, for tasks that need positions of objects."""
    layers: list[nn.Module] = []
    for size, kernel, stride in ((16, 3, 2), (PIXEL_FEATURES, 1, 1)):
        layers += [nn.Conv2d(channels, size, kernel, stride, padding=kernel // 2), nn.ReLU()]
        channels = size
    return layers


def dense(features: int) -> Callable[[int], list[nn.Module]]:
    """A head with ReLU."""
    return lambda size: [nn.Linear(size, features), nn.ReLU()]


def normalized(features: int) -> Callable[[int], list[nn.Module]]:
    """A head with layer norm and tanh."""
    return lambda size: [nn.Linear(size, features), nn.LayerNorm(features), nn.Tanh()]


def no_head(size: int) -> list[nn.Module]:
    """The pooled features themselves."""
    return []


class Residual(nn.Module):
    """ReLU and convolution, twice, added to the input."""

    def __init__(self, channels: int):
        super().__init__()
        twice = [layer for _ in range(2) for layer in (nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))]
        self.layers = nn.Sequential(*twice)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


NETWORKS = {
    "small": Network(small, normalized(64), min_size=8),
    "nature": Network(nature, dense(512), min_size=36),
    "impala": Network(impala, dense(256), min_size=8),
    "article": Network(article, dense(128), min_size=4),
    "keypoints": Network(keypoints, no_head, min_size=8, pool=Keypoints),
}
