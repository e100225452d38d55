"""Tensors in .safetensors files, with a sum over their values: a damaged file is refused, whichever byte it is."""

import hashlib
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

SUM = "sha256"  # its name among the metadata; files of version 0.1 have none


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> None:
    """Write tensors by name, of any device, and texts that go with them."""
    own = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    save_file(own, path, metadata={**metadata, SUM: sum_of(own)})


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read the tensors of a file, on the CPU, and the texts that go with them.

    Raises:
        ValueError: the file is damaged.
        OSError: it can't be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no mapping
    except OSError:
        raise
    except Exception as error:  # safetensors has its own
        raise ValueError(f"{path} is damaged: {error}") from error
    if metadata.get(SUM, found := sum_of(tensors)) != found:
        raise ValueError(f"{path} is damaged: its {SUM} differs from the one written with it")
    return tensors, metadata


def sum_of(tensors: dict[str, torch.Tensor]) -> str:
    """The SHA-256 of names and values."""
    result = hashlib.sha256()
    for name in sorted(tensors):
        result.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return result.hexdigest()
