"""Networks for images: convolutions, a pooling of their outputs, and a dense head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

NUM_KEYPOINTS = 4
PIXEL_FEATURES = 16  # channels of `pixel_features`
INVERSE_TEMPERATURE = 5.0  # of the softmax over pixels: with it, positions are learnt in a tenth of the steps
GLIMPSE_EXTENT, GLIMPSE_SIZE = 0.45, 11  # half a glimpse's width as a share of half an image's; pixels along a side
GLIMPSE_FEATURES = 32
PATCH = 4  # pixels along a patch's side
LEAST_VARIANCE = 1e-3  # of colours in a direction, their whole range being 1: with 1e-5 rare ones make learning diverge


class Flatten(nn.Module):
    """All outputs of the convolutions, as one vector."""

    query_size = 0

    def forward(self, x: torch.Tensor, query: torch.Tensor | None) -> torch.Tensor:
        return x.flatten(1)


class Keypoints(nn.Module):
    """Keypoints of an image, to a fraction of a pixel: (B, 3 NUM_KEYPOINTS + GLIMPSE_FEATURES).

    A keypoint has a query q, (PIXEL_FEATURES,). With the features f of the pixels, its match is m = q f, its weights
    are w = softmax(INVERSE_TEMPERATURE m) over all pixels, its position, x and y from -1 to 1, is the mean by w (Finn
    et al., Deep Spatial Autoencoders for Visuomotor Learning, ICRA 2016), and its score the mean of m by w. Queries are
    learnt; a policy that knows its target adds to them.

    A glimpse, the pixels around the first keypoint, gives GLIMPSE_FEATURES more (Mnih et al., Recurrent Models of
    Visual Attention, NeurIPS 2014).
    """

    query_size = NUM_KEYPOINTS * PIXEL_FEATURES
    grid: torch.Tensor  # (GLIMPSE_SIZE, GLIMPSE_SIZE, 2), offsets of a glimpse's pixels from its centre

    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(NUM_KEYPOINTS, PIXEL_FEATURES) / PIXEL_FEATURES**0.5)
        side = torch.linspace(-GLIMPSE_EXTENT, GLIMPSE_EXTENT, GLIMPSE_SIZE)
        self.register_buffer("grid", torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=2), persistent=False)
        half = (GLIMPSE_SIZE - 1) // 2  # what a 3x3 convolution with stride 2 leaves of a side
        convolution = [nn.Conv2d(PIXEL_FEATURES, PIXEL_FEATURES, 3, stride=2), nn.ReLU(), nn.Flatten()]
        dense = nn.Linear(PIXEL_FEATURES * half**2, GLIMPSE_FEATURES)
        self.glimpse_network = nn.Sequential(*convolution, dense, nn.ReLU())

    def forward(self, x: torch.Tensor, query: torch.Tensor | None) -> torch.Tensor:
        """Find keypoints.

        Args:
            x: (B, PIXEL_FEATURES, H, W).
            query: added to the learnt queries, (B, query_size), or None.
        """
        height, width = x.shape[2:]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # (B, features, H W): by pixel in memory, as x is
        queries = self.queries if query is None else self.queries + query.unflatten(1, (NUM_KEYPOINTS, PIXEL_FEATURES))
        match = queries @ pixels  # (B, keypoints, H W)
        weight = (INVERSE_TEMPERATURE * match).softmax(dim=2)
        right = torch.linspace(-1.0, 1.0, width, device=x.device).repeat(height)
        down = torch.linspace(-1.0, 1.0, height, device=x.device).repeat_interleave(width)
        positions = weight @ torch.stack([right, down], dim=1)  # (B, keypoints, 2)
        # Positions are trained by their own use alone: a glimpse's gradient says little of where to look.
        centre = positions[:, 0, None, None].detach()
        glimpse = functional.grid_sample(x, centre + self.grid, align_corners=True)
        scores = (weight * match).sum(dim=2)
        return torch.cat([positions.flatten(1), scores, self.glimpse_network(glimpse)], dim=1)


class WhitenedPatches(nn.Module):
    """A convolution of patches side by side, of pixels whose channels are whitened: (B, features, H / 4, W / 4).

    Most pixels of a scene are of few colours, so that what matters, a cube or the mark of a goal, is a few pixels that
    differ little from them. Whitened by the mean and covariance of the pixels that were seen, what is rare is what is
    large: in 40 s, from 35,000 images of Push, the goal was told to 13 mm instead of 43.

    Whitening is linear, so it is part of the convolution's weights, and costs nothing.
    """

    mean: torch.Tensor  # (channels,), of pixels
    whitening: torch.Tensor  # (channels, channels): whitened pixels are whitening @ (pixel - mean)

    def __init__(self, channels: int, features: int):
        super().__init__()
        self.convolution = nn.Conv2d(channels, features, PATCH, stride=PATCH)
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("whitening", torch.eye(channels))

    @property
    def is_fitted(self) -> bool:
        return bool(self.mean.any())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernels = torch.einsum("foyx,oc->fcyx", self.convolution.weight, self.whitening)
        bias: Any = self.convolution.bias
        return functional.conv2d(x, kernels, bias - kernels.sum(dim=(2, 3)) @ self.mean, stride=PATCH)

    def fit(self, x: torch.Tensor) -> None:
        """Whiten by the pixels of these images, (B, channels, H, W)."""
        pixels = x.movedim(1, -1).flatten(0, 2)
        values, vectors = torch.linalg.eigh(torch.cov(pixels.T).reshape(len(self.mean), -1))
        self.mean.copy_(pixels.mean(dim=0))
        self.whitening.copy_(vectors / (values.clamp(min=0.0) + LEAST_VARIANCE).sqrt() @ vectors.T)


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


def pixel_features(channels: int) -> list[nn.Module]:
    """Features of each pixel at half the resolution, from 3x3 pixels, for tasks that need positions of objects."""
    layers: list[nn.Module] = []
    for size, kernel, stride in ((16, 3, 2), (PIXEL_FEATURES, 1, 1)):
        layers += [nn.Conv2d(channels, size, kernel, stride, padding=kernel // 2), nn.ReLU()]
        channels = size
    return layers


def patches(channels: int) -> list[nn.Module]:
    """Whitened patches of 4x4 pixels, then a convolution with stride 2."""
    return [WhitenedPatches(channels, 32), nn.ReLU(), nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU()]


def dense(features: int) -> Callable[[int], list[nn.Module]]:
    """A head with ReLU."""
    return lambda size: [nn.Linear(size, features), nn.ReLU()]


def normalized(features: int) -> Callable[[int], list[nn.Module]]:
    """A head with layer norm and tanh."""
    return lambda size: [nn.Linear(size, features), nn.LayerNorm(features), nn.Tanh()]


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
    "patches": Network(patches, dense(128), min_size=8),
    "keypoints": Network(pixel_features, lambda size: [], min_size=8, pool=Keypoints),
}
