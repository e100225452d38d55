"""Feature extractors: what a policy's network sees of an observation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from robodl.learning.vec_env import boxes_of, pictures_of
from robodl.runs.atomic_write import replacing
from robodl.vision.networks import NETWORKS
from robodl_envs import did_you_mean

GOAL_SCALE = 5.0  # 1/m: a goal 20 cm away is a feature of 1
LEAST = 1e-3  # a standard deviation that is less is hardly more than rounding


class Encoder(BaseFeaturesExtractor):
    """Features of an observation, (B, features_dim): its pictures through convolutions, and its vectors, scaled.

    Vectors are scaled to about [-1, 1] by their bounds. Where there are goals, the achieved goal follows, and the way
    from it to the desired goal: what a goal-reaching policy is a function of; given it ready made, the network need
    not spend its first thousands of samples on learning to subtract.

    Args:
        observation_space: vectors and pictures, (channels, height, width); all pictures have one size.
        name: of the network that pictures go through, see robodl.vision.networks; not looked at where there are none.
        frozen: whether that network stays as it is, so that only what comes after it learns.
    """

    middle: torch.Tensor  # (k + 2 g,), of the vector, the achieved goal, and the way to the desired one
    scale: torch.Tensor  # (k + 2 g,)

    def __init__(self, observation_space: spaces.Dict, name: str = "small", frozen: bool = False):
        boxes, pictures = boxes_of(observation_space), pictures_of(observation_space)
        vector = next(key for key in ("observation", "proprioception") if key in boxes)
        size = boxes[vector].shape[0] + (2 * boxes["desired_goal"].shape[0] if "desired_goal" in boxes else 0)
        eyes = ImageEncoder(pictures, name) if pictures else None
        super().__init__(observation_space, features_dim=size + (eyes.features if eyes else 0))
        self.vector, self.eyes, self.goals = vector, eyes, "desired_goal" in boxes
        low, high = boxes[vector].low.astype(np.float64), boxes[vector].high.astype(np.float64)
        goal = np.ones((size - len(low)) // 2)
        self.register_buffer("middle", torch.tensor(np.r_[(low + high) / 2.0, 0.0 * goal, 0.0 * goal]).float())
        self.register_buffer("scale", torch.tensor(np.r_[2.0 / (high - low), goal, GOAL_SCALE * goal]).float())
        self.ask = nn.Linear(size, eyes.asked) if eyes and eyes.asked else None
        if eyes is not None and frozen:
            eyes.requires_grad_(False)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        vector = (self.vectors(observations) - self.middle) * self.scale
        if self.eyes is None:
            return vector
        asked = None if self.ask is None else self.ask(vector)
        return torch.cat([vector, self.eyes(observations, asked)], dim=1)

    def vectors(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """The vector, the achieved goal, and the way from it to the desired one, as they are: (B, k + 2 g)."""
        parts = [observations[self.vector]]
        if self.goals:
            parts += [observations["achieved_goal"], observations["desired_goal"] - observations["achieved_goal"]]
        return torch.cat(parts, dim=1)

    def fit(self, observations: dict[str, np.ndarray]) -> None:
        """Scale vectors by what they are in these observations, (n, ...): to a mean of 0, a standard deviation of 1."""
        names = [self.vector, *(("achieved_goal", "desired_goal") if self.goals else ())]
        data = self.vectors({name: torch.as_tensor(observations[name]) for name in names})
        self.middle.copy_(data.mean(dim=0))
        self.scale.copy_(1.0 / (data.std(dim=0, correction=0) + LEAST))


class ImageEncoder(nn.Module):
    """Pictures through a trunk of convolutions: (B, features).

    Each camera's pictures, of whatever kinds, are joined along their channels; cameras with equally many channels
    share one trunk, because what there is to recognise looks alike from everywhere; a dense head sees them all.
    Colours come in as numbers in [0, 1], depth in metres, segmentation as class numbers, which become one channel a
    class.

    Args:
        boxes: the pictures' spaces, (channels, height, width), all of one height and width.
        name: of the network.
    """

    def __init__(self, boxes: dict[str, spaces.Box], name: str):
        super().__init__()
        if name not in NETWORKS:
            raise ValueError(
                f"no encoder named {name!r}{did_you_mean(name, NETWORKS)}; there are {', '.join(NETWORKS)}"
            )
        network = NETWORKS[name]
        self.name, self.size = name, list(next(iter(boxes.values())).shape[1:])
        self.classes = {key: int(box.high.max()) + 1 for key, box in boxes.items() if is_segmentation(box)}
        self.far = {key: float(box.high.max()) for key, box in boxes.items() if box.dtype == np.float32}
        height, width = self.size
        if min(height, width) < network.least:
            raise ValueError(
                f"encoder={name} needs pictures of at least {network.least} pixels, got {height} x {width}"
            )
        cameras: dict[str, list[str]] = {}
        for key in boxes:
            cameras.setdefault(key.removesuffix("_depth").removesuffix("_segmentation"), []).append(key)
        self.cameras = list(cameras.values())  # the pictures of each
        self.channels = [sum(self.classes.get(key, boxes[key].shape[0]) for key in keys) for keys in self.cameras]
        self.trunks = nn.ModuleDict({str(c): nn.Sequential(*network.trunk(c)) for c in set(self.channels)})
        self.pool = network.pool()
        self.asked = self.pool.asked  # how many numbers say what to look for
        with torch.no_grad():  # a dry run finds the sizes
            dry = [self.trunks[str(c)](torch.zeros(1, c, height, width)) for c in self.channels]
            sizes = [self.pool(x, None).shape[1] for x in dry]
        self.head = nn.Sequential(*network.head(sum(sizes)))
        with torch.no_grad():
            self.features = self.head(torch.zeros(1, sum(sizes))).shape[1]

    @property
    def seen(self) -> str:
        """Which pictures these eyes see, in their order, and of what size: what weights depend on besides shapes."""
        return f"{', '.join(key for keys in self.cameras for key in keys)} of {self.size[0]}x{self.size[1]}"

    def forward(self, observations: dict[str, torch.Tensor], asked: torch.Tensor | None = None) -> torch.Tensor:
        seen = []
        for keys, channels in zip(self.cameras, self.channels, strict=True):
            joined = torch.cat([self.scaled(key, observations[key]) for key in keys], dim=1)
            # With a pixel's channels side by side in memory convolutions take an eighth less time on a CPU.
            x = self.trunks[str(channels)](joined.contiguous(memory_format=torch.channels_last))
            seen.append(self.pool(x, asked))
        return self.head(torch.cat(seen, dim=1))

    def scaled(self, key: str, picture: torch.Tensor) -> torch.Tensor:
        """A picture with values about [-0.5, 0.5]: (B, channels, height, width)."""
        if key in self.classes:
            picture = nn.functional.one_hot(picture[:, 0].long(), self.classes[key]).movedim(-1, 1).float()
        elif key in self.far:
            picture = picture / self.far[key]
        return picture - 0.5


def save_image_encoder(stem: Path, eyes: ImageEncoder, facts: dict[str, Any]) -> None:
    """Write <stem>.safetensors and, beside it for people, <stem>.json with what the network is for and facts."""
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in eyes.state_dict().items()}
    with replacing(stem.with_suffix(".safetensors")) as path:
        save_file(tensors, path, metadata={"seen": eyes.seen})
    content = {"network": eyes.name, "pictures": eyes.cameras, "size": eyes.size, **facts}
    with replacing(stem.with_suffix(".json")) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


def load_image_encoder(eyes: ImageEncoder, path: Path) -> None:
    """Fill the tensors of a file of `save_image_encoder` into a network; ValueError in one line if they do not fit."""
    if not path.is_file():
        raise ValueError(f"encoder.weights must be a .safetensors file that robodl.pretrain left; there is no {path}")
    try:
        tensors = load_file(path, device="cpu")
        with safe_open(path, framework="pt") as file:
            seen = (file.metadata() or {}).get("seen")
    except Exception as error:  # safetensors has its own
        raise ValueError(f"encoder.weights={path} is damaged: {error}") from error
    own = eyes.state_dict()
    wrong = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    if wrong or len(tensors) != len(own):
        made, here = (shapes(each, wrong) for each in (tensors, own))
        raise ValueError(
            f"encoder.weights={path} is of another network, number of cameras or image_size: "
            f"it has {made}, encoder={eyes.name} with these pictures has {here}"
        )
    if seen != eyes.seen:
        raise ValueError(f"encoder.weights={path} learnt from {seen}, and this policy sees {eyes.seen}")
    eyes.load_state_dict(tensors)


def shapes(tensors: dict[str, torch.Tensor], names: list[str]) -> str:
    """The first tensor that does not fit, in words, or how many there are."""
    if names and names[0] in tensors:
        return f"{names[0]} of {' x '.join(map(str, tensors[names[0]].shape))}"
    return f"{len(tensors)} tensors"


def is_segmentation(box: spaces.Box) -> bool:
    return box.dtype == np.uint8 and int(box.high.max()) < 255
