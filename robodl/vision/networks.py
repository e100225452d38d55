"""Networks that pictures go through: convolutions, what becomes of their outputs, and a dense head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

POINTS, KINDS = 4, 16  # things that `keypoints` looks for at once; numbers that tell what a pixel is like
SHARP = 5.0  # how much a softmax prefers pixels that are alike: with it, places are learnt in a tenth of the steps
AROUND, GLIMPSE = 0.45, 11  # of half a picture, how far a glimpse reaches to each side; its pixels along a side
GLANCE = 32  # numbers that tell what is in a glimpse


@dataclass(frozen=True)
class Network:
    """Convolutions for a number of channels, what becomes of them, a dense head for a number of inputs."""

    trunk: Callable[[int], list[nn.Module]]
    head: Callable[[int], list[nn.Module]]
    least: int  # pixels, of a picture
    pool: Callable[[], Any] = lambda: Flat()


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
        pooled = nn.MaxPool2d(3, stride=2, padding=1)
        layers += [nn.Conv2d(channels, size, 3, padding=1), pooled, Residual(size), Residual(size)]
        channels = size
    return [*layers, nn.ReLU()]


def article(channels: int) -> list[nn.Module]:
    """The introductory example: one convolution of 32 3x3 filters, ReLU, max-pooling 2x2."""
    return [nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]


def keypoints(channels: int) -> list[nn.Module]:
    """What each pixel of half the size is like, from 3x3: for tasks that ask for the places of things."""
    layers: list[nn.Module] = []
    for size, kernel, stride in ((16, 3, 2), (KINDS, 1, 1)):
        layers += [nn.Conv2d(channels, size, kernel, stride, padding=kernel // 2), nn.ReLU()]
        channels = size
    return layers


def dense(features: int) -> Callable[[int], list[nn.Module]]:
    return lambda size: [nn.Linear(size, features), nn.ReLU()]


def normed(features: int) -> Callable[[int], list[nn.Module]]:
    return lambda size: [nn.Linear(size, features), nn.LayerNorm(features), nn.Tanh()]


NETWORKS = {
    "small": Network(small, normed(64), least=8),
    "nature": Network(nature, dense(512), least=36),
    "impala": Network(impala, dense(256), least=8),
    "article": Network(article, dense(128), least=4),
    "keypoints": Network(keypoints, lambda size: [], least=8, pool=lambda: Keypoints()),
}


class Flat(nn.Module):
    """All that convolutions made, side by side."""

    asked = 0

    def forward(self, x: torch.Tensor, asked: torch.Tensor | None) -> torch.Tensor:
        return x.flatten(1)


class Keypoints(nn.Module):
    """Where in a picture the things are that are looked for, to a fraction of a pixel: (B, 3 POINTS + GLANCE).

    A thing is looked for by a query, (KINDS,): the pixels, (B, KINDS, H, W), that are most like it stand out by a
    softmax, and their mean place counts, x and y from -1 to 1, and how like it they are. Queries are learnt; who knows
    what is wanted, as a policy does that is told its target, adds to them. Places by a softmax are those of Finn et
    al., Deep Spatial Autoencoders for Visuomotor Learning, ICRA 2016; queries those of attention.

    What is beside the first thing, GLANCE numbers, comes from a glimpse: the pixels around its place, wherever that is.
    Glimpses are those of Mnih et al., Recurrent Models of Visual Attention, NeurIPS 2014.
    """

    asked = POINTS * KINDS
    grid: torch.Tensor  # (GLIMPSE, GLIMPSE, 2), the places of a glimpse's pixels from its middle

    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(POINTS, KINDS) / KINDS**0.5)
        side = torch.linspace(-AROUND, AROUND, GLIMPSE)
        self.register_buffer("grid", torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=2), persistent=False)
        half = (GLIMPSE - 1) // 2  # what a 3x3 convolution with stride 2 leaves of a side
        convolved = [nn.Conv2d(KINDS, KINDS, 3, stride=2), nn.ReLU(), nn.Flatten()]
        self.glance = nn.Sequential(*convolved, nn.Linear(KINDS * half**2, GLANCE), nn.ReLU())

    def forward(self, x: torch.Tensor, asked: torch.Tensor | None) -> torch.Tensor:
        """Of pixels and what is added to the queries, (B, POINTS * KINDS), or None."""
        height, width = x.shape[2:]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # (B, KINDS, H W): by pixel in memory, as x is
        like = (self.queries if asked is None else self.queries + asked.unflatten(1, (POINTS, KINDS))) @ pixels
        share = (SHARP * like).softmax(dim=2)  # (B, POINTS, H W)
        right = torch.linspace(-1.0, 1.0, width, device=x.device).repeat(height)
        down = torch.linspace(-1.0, 1.0, height, device=x.device).repeat_interleave(width)
        places = share @ torch.stack([right, down], dim=1)  # (B, POINTS, 2)
        # Where it looks is learnt from places alone: what a glimpse would gain from elsewhere says little of that.
        middle = places[:, 0, None, None].detach()
        around = nn.functional.grid_sample(x, middle + self.grid, align_corners=True)
        return torch.cat([places.flatten(1), (share * like).sum(dim=2), self.glance(around)], dim=1)


class Residual(nn.Module):
    """ReLU and convolution, twice, added to what came in."""

    def __init__(self, channels: int):
        super().__init__()
        twice = [layer for _ in range(2) for layer in (nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))]
        self.layers = nn.Sequential(*twice)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)
