"""Image encoders: images of any number of cameras as one vector of features."""

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from robodl.vision.networks import NETWORKS
from robodl_envs import did_you_mean


class ImageEncoder(nn.Module):
    """Images through a trunk of convolutions, a pooling and a dense head: (B, num_features).

    All images of a camera, colour, depth and segmentation, are stacked along their channels. Cameras with equally many
    channels share one trunk, because objects look alike from everywhere; the head takes the outputs of all cameras.

    Colours come in as numbers in [0, 1], depth in metres, segmentation as class numbers, which become one channel a
    class.

    Args:
        boxes: the images' spaces, (channels, height, width), all of one height and width.
        name: of the network, see robodl.vision.networks.

    Raises:
        ValueError: there is no such network, or the images are too small for it.
    """

    def __init__(self, boxes: dict[str, spaces.Box], name: str):
        super().__init__()
        if name not in NETWORKS:
            raise ValueError(
                f"no encoder named {name!r}{did_you_mean(name, NETWORKS)}; there are {', '.join(NETWORKS)}"
            )
        network = NETWORKS[name]
        self.name, self.image_size = name, list(next(iter(boxes.values())).shape[1:])
        self.num_classes = {key: int(box.high.max()) + 1 for key, box in boxes.items() if is_segmentation(box)}
        self.max_depth = {key: float(box.high.max()) for key, box in boxes.items() if box.dtype == np.float32}
        height, width = self.image_size
        if min(height, width) < network.min_size:
            raise ValueError(
                f"encoder={name} needs images of at least {network.min_size} pixels, got {height} x {width}"
            )
        cameras: dict[str, list[str]] = {}
        for key in boxes:
            cameras.setdefault(key.removesuffix("_depth").removesuffix("_segmentation"), []).append(key)
        self.cameras = list(cameras.values())  # the names of the images of each
        self.channels = [sum(self.num_classes.get(key, boxes[key].shape[0]) for key in keys) for keys in self.cameras]
        self.trunks = nn.ModuleDict({str(c): nn.Sequential(*network.trunk(c)) for c in set(self.channels)})
        self.pool = network.pool()
        self.query_size = self.pool.query_size  # numbers that say what to look for; 0 for most networks
        with torch.no_grad():  # a dry run finds the sizes
            outputs = [self.trunks[str(c)](torch.zeros(1, c, height, width)) for c in self.channels]
            sizes = [self.pool(x, None).shape[1] for x in outputs]
        self.head = nn.Sequential(*network.head(sum(sizes)))
        with torch.no_grad():
            self.num_features = self.head(torch.zeros(1, sum(sizes))).shape[1]

    @property
    def inputs(self) -> str:
        """The images, in their order, and their size: weights depend on these besides shapes."""
        height, width = self.image_size
        return f"{', '.join(key for keys in self.cameras for key in keys)} of {height}x{width}"

    def forward(self, observations: dict[str, torch.Tensor], query: torch.Tensor | None = None) -> torch.Tensor:
        """Features, (B, num_features), of images, (B, channels, height, width) each, and a query, (B, query_size)."""
        pooled = []
        for keys, channels in zip(self.cameras, self.channels, strict=True):
            images = torch.cat([self.normalized(key, observations[key]) for key in keys], dim=1)
            # With a pixel's channels side by side in memory convolutions take an eighth less time on a CPU.
            x = self.trunks[str(channels)](images.contiguous(memory_format=torch.channels_last))
            pooled.append(self.pool(x, query))
        return self.head(torch.cat(pooled, dim=1))

    def normalized(self, key: str, image: torch.Tensor) -> torch.Tensor:
        """An image with values in about [-0.5, 0.5]: (B, channels, height, width)."""
        if key in self.num_classes:
            image = nn.functional.one_hot(image[:, 0].long(), self.num_classes[key]).movedim(-1, 1).float()
        elif key in self.max_depth:
            image = image / self.max_depth[key]
        return image - 0.5


def is_segmentation(box: spaces.Box) -> bool:
    return box.dtype == np.uint8 and int(box.high.max()) < 255
