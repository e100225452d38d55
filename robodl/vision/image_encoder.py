"""Image encoders: images of any number of cameras as one vector of features; and their files.

<stem>.safetensors holds the tensors, <stem>.json tells people what they are of.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import preprocess_obs
from torch import nn

from robodl.atomic_write import together
from robodl.config import with_current_names
from robodl.tensor_files import read_tensors, write_tensors
from robodl.vision.networks import NETWORKS, WhitenedPatches
from robodl_envs import did_you_mean

WHITENING_IMAGES = 500  # at most, of a camera, that colours are whitened by


class ImageEncoder(nn.Module):
    """Images through a trunk of convolutions, a pooling and a dense head: (B, num_features).

    All images of a camera, colour, depth and segmentation, of one step or several, are stacked along their channels.
    Cameras with equally many channels share one trunk, because objects look alike from everywhere; the head takes the
    outputs of all cameras.

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
        self.name, self.space = name, spaces.Dict({**boxes})
        self.image_size = list(next(iter(boxes.values())).shape[1:])
        high = {key: float(box.high.max()) for key, box in boxes.items()}
        is_depth = {key: box.dtype == np.float32 for key, box in boxes.items()}
        self.num_classes = {key: int(high[key]) + 1 for key in boxes if not is_depth[key] and high[key] < 255}
        self.max_depth = {key: high[key] for key in boxes if is_depth[key]}
        height, width = self.image_size
        if min(height, width) < network.min_size:
            raise ValueError(
                f"encoder={name} needs images of at least {network.min_size} pixels, got {height} x {width}"
            )
        cameras: dict[str, list[str]] = {}
        for key in boxes:
            cameras.setdefault(key.removesuffix("_depth").removesuffix("_segmentation"), []).append(key)
        self.cameras = list(cameras.values())  # the names of the images of each
        channels = {key: self.num_classes.get(key, 1) * box.shape[0] for key, box in boxes.items()}
        self.channels = [sum(channels[key] for key in keys) for keys in self.cameras]
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
        for images in self.of_cameras(observations):
            # With a pixel's channels side by side in memory convolutions take an eighth less time on a CPU.
            x = self.trunks[str(images.shape[1])](images.contiguous(memory_format=torch.channels_last))
            pooled.append(self.pool(x, query))
        return self.head(torch.cat(pooled, dim=1))

    def of_cameras(self, observations: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """The images of each camera, (B, channels, height, width)."""
        return [torch.cat([self.normalized(key, observations[key]) for key in keys], dim=1) for keys in self.cameras]

    @torch.no_grad()
    def fit_whitening(self, observations: dict[str, torch.Tensor], ids: torch.Tensor) -> None:
        """Whiten by some of these images, as they are stored, (n, channels, height, width), if the network does.

        A frozen encoder keeps the whitening that its weights were learnt with.

        Args:
            ids: of images that may be taken.

        Raises:
            KeyError: there are no images of one of the cameras.
        """
        layers = list(self.whitening_layers())
        if not layers or not any(parameter.requires_grad for parameter in self.parameters()):
            return
        some = ids[:: len(ids) // WHITENING_IMAGES + 1]
        prepared: Any = preprocess_obs({key: observations[key][some] for key in self.space}, self.space)
        images = self.of_cameras(prepared)
        for channels, layer in layers:
            layer.fit(torch.cat([each for each in images if each.shape[1] == channels]))

    @property
    def is_fitted(self) -> bool:
        """True if each layer that whitens has been fitted."""
        return all(layer.is_fitted for _, layer in self.whitening_layers())

    def whitening_layers(self) -> Iterator[tuple[int, WhitenedPatches]]:
        """Layers that whiten, each with the number of its channels."""
        for channels, trunk in self.trunks.items():
            yield from ((int(channels), layer) for layer in trunk.children() if isinstance(layer, WhitenedPatches))

    def normalized(self, key: str, image: torch.Tensor) -> torch.Tensor:
        """An image with values in about [-0.5, 0.5]: (B, channels, height, width)."""
        if key in self.num_classes:
            image = nn.functional.one_hot(image.long(), self.num_classes[key]).movedim(-1, 2).flatten(1, 2).float()
        elif key in self.max_depth:
            image = image / self.max_depth[key]
        return image - 0.5


def save_image_encoder(stem: Path, encoder: ImageEncoder, facts: dict[str, Any]) -> None:
    """Write both files of an encoder, whole or not at all; `facts` go into the JSON."""
    content = {"network": encoder.name, "images": encoder.cameras, "size": encoder.image_size, **facts}
    with together() as files:
        write_tensors(files.part(stem.with_suffix(".safetensors")), encoder.state_dict(), inputs=encoder.inputs)
        files.part(stem.with_suffix(".json")).write_text(json.dumps(content, indent=1) + "\n")


def load_image_encoder(encoder: ImageEncoder, path: Path) -> None:
    """Load the tensors of a file of `save_image_encoder` into a network.

    Raises:
        ValueError: there is no such file, it is damaged, or it is of another network or other images.
    """
    if not path.is_file():
        raise ValueError(f"encoder.weights must be a .safetensors file that robodl.pretrain left; there is no {path}")
    try:
        tensors, metadata = read_tensors(path)
    except ValueError as error:
        raise ValueError(f"encoder.weights={error}") from error
    tensors = with_current_names(tensors)
    inputs = metadata.get("inputs", metadata.get("seen"))  # "seen" in version 0.1
    needed = encoder.state_dict()
    wrong = [name for name in needed if name not in tensors or tensors[name].shape != needed[name].shape]
    if wrong or len(tensors) != len(needed):
        in_file, in_network = (first_difference(each, wrong) for each in (tensors, needed))
        raise ValueError(
            f"encoder.weights={path} is of another network, number of cameras or image_size, "
            "or of single images (frame_stack=1): "
            f"it has {in_file}, encoder={encoder.name} with these images has {in_network}"
        )
    if inputs != encoder.inputs:
        raise ValueError(f"encoder.weights={path} learnt from {inputs}, and this policy sees {encoder.inputs}")
    encoder.load_state_dict(tensors)


def first_difference(tensors: dict[str, torch.Tensor], names: list[str]) -> str:
    """The first tensor that does not fit, in words, or the number of tensors."""
    if names and names[0] in tensors:
        return f"{names[0]} of {' x '.join(map(str, tensors[names[0]].shape))}"
    return f"{len(tensors)} tensors"
