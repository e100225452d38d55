"""Trained policies that come with the package, for policy=zoo: robodl/zoo/<robot>_<task>.safetensors and .json.

Those that see images have names that end in _image.
They are what acts of a policy, without critics, weights in float16; they can't be trained further.
Their JSON says how they were trained and what they reach, as they are here.
"""

import json
from pathlib import Path
from typing import Any

import torch

from robodl.atomic_write import together
from robodl.options import UsageError
from robodl.tensor_files import read_tensors, write_tensors

ZOO = Path(__file__).parent.parent / "zoo"
# Tensors that do not act; PPO's features_extractor is its pi_features_extractor.
CRITICS = ("value_net.", "mlp_extractor.value_net.", "vf_features_extractor.", "features_extractor.", "critic")


def zoo_name(task: str, robot: str, observation: str) -> str:
    """The name of the files of a policy, by what it sees."""
    return f"{robot}_{task}" if observation == "state" else f"{robot}_{task}_image"


def zoo_stem(task: str, robot: str, observation: str | None = None, folder: Path = ZOO) -> Path:
    """The stem of a policy's files; UsageError, with what there is, if none does this task with this robot.

    Args:
        observation: what it sees, state or image; state if not given, or image where there is no other.
    """
    for kind in (observation,) if observation else ("state", "image"):
        stem = folder / zoo_name(task, robot, kind)
        if stem.with_suffix(".json").is_file():
            return stem
    known = sorted(path.stem.split("_", 1) for path in folder.glob("*.json"))
    there = ", ".join(
        f"{task.removesuffix('_image')} ({robot}{', image' if task.endswith('_image') else ''})"
        for robot, task in known
    )
    kind = f" and observation={observation}" if observation else ""
    raise UsageError(f"the zoo has no policy of {task} with {robot}{kind}; there are {there or 'none yet'}")


def pack(stem: Path, packed: Path, facts: dict[str, Any]) -> None:
    """Write a policy's acting half to the stem `packed`, with facts for its JSON."""
    tensors, _ = read_tensors(stem.with_suffix(".safetensors"))
    kept = {name: smaller(tensor) for name, tensor in tensors.items() if not name.startswith(CRITICS)}
    config = json.loads(stem.with_suffix(".json").read_text())["config"]
    with together() as files:
        write_tensors(files.part(packed.with_suffix(".safetensors")), kept)
        text = json.dumps({**facts, "acts_only": True, "config": config}, indent=1)
        files.part(packed.with_suffix(".json")).write_text(text + "\n")


def smaller(tensor: torch.Tensor) -> torch.Tensor:
    """Matrices in float16; what observations are scaled with, and biases, as they are."""
    return tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
