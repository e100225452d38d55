"""Files of image encoders: <stem>.safetensors holds the tensors, <stem>.json tells people what they are of."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from robodl.atomic_write import replacing
from robodl.config import with_current_names
from robodl.vision.encoder import Encoder
from robodl.vision.image_encoder import ImageEncoder


def save_image_encoder(stem: Path, encoder: ImageEncoder, facts: dict[str, Any]) -> None:
    """Write both files of an encoder, each whole or not at all; `facts` go into the JSON."""
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in encoder.state_dict().items()}
    with replacing(stem.with_suffix(".safetensors")) as path:
        save_file(tensors, path, metadata={"inputs": encoder.inputs})
    content = {"network": encoder.name, "images": encoder.cameras, "size": encoder.image_size, **facts}
    with replacing(stem.with_suffix(".json")) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


def load_image_encoder(encoder: ImageEncoder, path: Path) -> None:
    """Load the tensors of a file of `save_image_encoder` into a network.

    Raises:
        ValueError: there is no such file, it is damaged, or it is of another network or other images.
    """
    if not path.is_file():
        raise ValueError(f"encoder.weights must be a .safetensors file that robodl.pretrain left; there is no {path}")
    try:
        tensors = with_current_names(load_file(path, device="cpu"))
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except Exception as error:  # safetensors has its own
        raise ValueError(f"encoder.weights={path} is damaged: {error}") from error
    inputs = metadata.get("inputs", metadata.get("seen"))  # "seen" in version 0.1
    needed = encoder.state_dict()
    wrong = [name for name in needed if name not in tensors or tensors[name].shape != needed[name].shape]
    if wrong or len(tensors) != len(needed):
        in_file, in_network = (first_difference(each, wrong) for each in (tensors, needed))
        raise ValueError(
            f"encoder.weights={path} is of another network, number of cameras or image_size: "
            f"it has {in_file}, encoder={encoder.name} with these images has {in_network}"
        )
    if inputs != encoder.inputs:
        raise ValueError(f"encoder.weights={path} learnt from {inputs}, and this policy sees {encoder.inputs}")
    encoder.load_state_dict(tensors)


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


def first_difference(tensors: dict[str, torch.Tensor], names: list[str]) -> str:
    """The first tensor that does not fit, in words, or the number of tensors."""
    if names and names[0] in tensors:
        return f"{names[0]} of {' x '.join(map(str, tensors[names[0]].shape))}"
    return f"{len(tensors)} tensors"
