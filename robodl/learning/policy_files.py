"""Policy files: <stem>.safetensors holds the tensors of a policy's state dict, <stem>.json its configuration.

Loading builds the network from the configuration and fills in the tensors; nothing is unpickled.
"""

import json
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm

from robodl.atomic_write import FileSet
from robodl.config import TrainConfig, settled, with_current_names
from robodl.learning.build import policy_settings
from robodl.learning.zoo import CRITICS
from robodl.tensor_files import read_tensors, write_tensors
from robodl.vec_env import channels_first_space, make_envs


def save_policy(files: FileSet, stem: Path, model: BaseAlgorithm, cfg: DictConfig, facts: dict[str, Any]) -> None:
    """Write a policy's files and <stem>_sb3.zip, Stable-Baselines3's, as part of a set; `facts` go into the JSON."""
    content = {"config": OmegaConf.to_container(cfg, resolve=True), **facts}
    write_tensors(files.part(stem.with_suffix(".safetensors")), model.policy.state_dict())
    files.part(stem.with_suffix(".json")).write_text(json.dumps(content, indent=1))
    model.save(files.part(stem.with_name(f"{stem.name}_sb3.zip")))


def load_policy(stem: Path, device: torch.device) -> tuple[Any, DictConfig]:
    """Load a policy that `save_policy` wrote, and the configuration it was trained with.

    Raises:
        ValueError: the files are damaged, or of another network.
        OSError: they cannot be read.
    """
    try:
        facts = json.loads(stem.with_suffix(".json").read_text())
        cfg = settled(TrainConfig, facts["config"], warn=False)
        tensors = with_current_names(read_tensors(stem.with_suffix(".safetensors"))[0])
    except OSError:
        raise
    except Exception as error:  # JSON and OmegaConf each have their own
        raise ValueError(f"{stem} is no policy of ours: {error}") from error
    envs = make_envs(cfg, num=1)
    policy_class, settings = policy_settings(cfg, envs)
    policy = policy_class(
        channels_first_space(envs.single_observation_space),
        envs.single_action_space,
        lambda _: 0.0,
        **settings,
    ).to(device)
    envs.close()
    try:
        if facts.get("acts_only"):  # of the zoo: its critics stay as they were made
            made = policy.state_dict()
            tensors = {name: made[name] for name in made if name.startswith(CRITICS)} | tensors
        policy.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{stem}.safetensors does not fit its {stem.name}.json: {error}".split("\n")[0]) from error
    policy.set_training_mode(False)
    return policy, cfg
