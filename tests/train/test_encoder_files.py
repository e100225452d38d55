"""Files of encoders: what is loaded is what was saved, also by version 0.1."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from safetensors.torch import save_file
from torch import nn

from robodl.config import RENAMED_TENSORS
from robodl.vision.encoder import Encoder, load_encoder_weights
from robodl.vision.image_encoder import ImageEncoder, load_image_encoder, save_image_encoder
from tests.train.test_image_encoder import rgb


def test_encoder_weights_go_from_a_file_into_a_policy(tmp_path):
    """Files of another size, camera count or network, and damaged ones, are refused in one line."""
    boxes = {"front": rgb(32, 32), "side": rgb(32, 32)}
    image_encoder = ImageEncoder(boxes, "small")
    save_image_encoder(tmp_path / "encoder", image_encoder, {"error_mm": 1.0})
    path = tmp_path / "encoder.safetensors"
    space = spaces.Dict({**boxes, "proprioception": spaces.Box(-1, 1, (4,), np.float32)})
    encoder = Encoder(space, "small", frozen=True)
    load_encoder_weights(nn.Sequential(encoder), str(path))
    for name, tensor in image_encoder.state_dict().items():
        assert (encoder.image_encoder.state_dict()[name] == tensor).all()
    assert not any(parameter.requires_grad for parameter in encoder.image_encoder.parameters())
    for other, name in (
        ({"front": rgb(32, 32)}, "small"),
        ({k: rgb(40, 40) for k in boxes}, "small"),
        (boxes, "impala"),
    ):
        with pytest.raises(ValueError, match="another network, number of cameras or image_size"):
            load_image_encoder(ImageEncoder(other, name), path)
    with pytest.raises(ValueError, match="learnt from front, side of 32x32, and this policy sees side, front of 32x32"):
        load_image_encoder(ImageEncoder(dict(reversed(boxes.items())), "small"), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        load_image_encoder(ImageEncoder(boxes, "small"), path)
    with pytest.raises(ValueError, match="there is no"):
        load_image_encoder(ImageEncoder(boxes, "small"), tmp_path / "none")


OLD_NAMES = {new: old for old, new in RENAMED_TENSORS.items()}


def with_old_names(tensors):
    """Tensors by the names of version 0.1."""
    return {".".join(OLD_NAMES.get(part, part) for part in name.split(".")): t for name, t in tensors.items()}


def test_an_encoder_of_version_0_1_loads(tmp_path):
    """Its modules had other names, and so had the entry that says which images it is of."""
    encoder, other = (ImageEncoder({"wrist": rgb(32, 32)}, "keypoints") for _ in range(2))
    tensors = with_old_names(encoder.state_dict())
    assert "pool.glance.0.weight" in tensors
    save_file(tensors, tmp_path / "encoder.safetensors", metadata={"seen": "wrist of 32x32"})
    load_image_encoder(other, tmp_path / "encoder.safetensors")
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
