"""From a configuration to a Stable-Baselines3 model, and from a model to files that hold no code and back.

A policy is two files: <stem>.safetensors, the tensors of its state dict, and <stem>.json, the configuration it was
built from. Loading builds the same network anew and fills the tensors in; nothing is unpickled.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from safetensors.torch import load_file, save_file
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecMonitor
from torch import nn

from robodl.config import TrainConfig, own_algo_keys, settled
from robodl.learning.pixel_sac import PixelSAC
from robodl.learning.vec_env import Sb3VecEnv, channels_first_space, make_envs
from robodl.runs.atomic_write import replacing
from robodl.vision.image_encoder import Encoder, load_image_encoder
from robodl_envs import did_you_mean

TRUSTED = ("stable_baselines3.", "sb3_contrib.", "robodl.")  # a file may name no class outside these packages
OURS_TO_SET = ("policy", "env", "policy_kwargs", "device", "seed", "tensorboard_log", "_init_setup_model")
RENAMED_TARGETS = {"robodl.algos.PixelSAC": "robodl.learning.pixel_sac.PixelSAC"}  # in policies of version 0.1
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" is CUDA where there is a GPU. ValueError for one that is not here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}") from None
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={name} needs a CUDA GPU and PyTorch sees none; use device=auto or device=cpu")
    return device


def algo_class(algo: DictConfig | dict[str, Any]) -> type[BaseAlgorithm]:
    """The class that `algo._target_` names, after a look at its arguments.

    Raises:
        ValueError: the class is no Stable-Baselines3 algorithm of a trusted package.
        TypeError: the class has no argument of a key's name.
    """
    target = RENAMED_TARGETS.get(str(algo.get("_target_")), str(algo.get("_target_")))
    module, _, name = target.rpartition(".")
    if not target.startswith(TRUSTED):
        raise ValueError(f"algo._target_ must be a class of {', '.join(TRUSTED)}*, got {target!r}")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(f"algo._target_ must name a Stable-Baselines3 algorithm, got {target!r}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, BaseAlgorithm)):
        raise ValueError(f"algo._target_ must name a Stable-Baselines3 algorithm, got {target!r}")
    known = set(inspect.signature(found).parameters) - set(OURS_TO_SET) | set(own_algo_keys())
    for key in algo:
        if key not in known:
            raise TypeError(f"{name} has no setting named {key!r}{did_you_mean(str(key), known)}")
    return found


def build_model(cfg: DictConfig, envs: VecMonitor, device: torch.device) -> BaseAlgorithm:
    """A fresh model of the configuration's algorithm for an SB3 vector environment."""
    algo = dict(cfg.algo)
    found = algo_class(algo)
    own = set(own_algo_keys()) - set(inspect.signature(found).parameters)
    arguments = {key: value for key, value in algo.items() if key not in own}
    if algo.get("anneal"):
        arguments["learning_rate"] = LinearSchedule(algo["learning_rate"], 0.0, 1.0)
    if algo.get("her"):
        if cfg.observation == "image" or cfg.reward == "shaped":
            raise ValueError(
                f"hindsight replay (algo.her={algo['her']}) needs rewards that goals are enough for, got "
                f"observation={cfg.observation} and reward={cfg.reward}: give algo.her=0, or algo=ppo or algo=pixel_sac"
            )
        arguments["replay_buffer_class"] = HerReplayBuffer
        arguments["replay_buffer_kwargs"] = {"n_sampled_goal": algo["her"], "goal_selection_strategy": "future"}
    if algo.get("noise"):
        mean = np.zeros(envs.action_space.shape or ())
        arguments["action_noise"] = NormalActionNoise(mean, np.full_like(mean, algo["noise"]))
    if "learning_starts" in algo and algo.get("her"):
        # Hindsight needs a whole episode in every row before it can relabel one.
        inner: Any = envs.unwrapped
        steps = inner.envs.unwrapped.batch.max_episode_steps * envs.num_envs
        arguments["learning_starts"] = max(algo["learning_starts"], steps)
    if issubclass(found, PixelSAC) and cfg.observation == "state":
        raise ValueError("algo=pixel_sac learns from pictures: give observation=image, or take algo=sac")
    policy = policy_settings(cfg)
    model = found("MultiInputPolicy", envs, policy_kwargs=policy, device=device, seed=cfg.seed, **arguments)
    if cfg.encoder.get("weights") and not cfg.resume:
        begin_with(model.policy, str(cfg.encoder["weights"]))
    return model


def begin_with(policy: nn.Module, weights: str) -> None:
    """Fill a file that robodl.pretrain left into a policy's encoders.

    Only now: Stable-Baselines3 initialises a policy's layers after its feature extractor has been made.

    Raises:
        ValueError: the file is missing, damaged or of another network.
    """
    for encoder in policy.modules():
        if isinstance(encoder, Encoder):
            if encoder.eyes is None:
                raise ValueError("encoder.weights is for pictures: give observation=image or image+state")
            load_image_encoder(encoder.eyes, Path(weights))


def policy_settings(cfg: DictConfig) -> dict[str, Any]:
    """Arguments of the policy's class: the sizes of its layers and what they see."""
    hidden = cfg.algo["hidden"]
    if not OmegaConf.is_list(hidden) or not all(isinstance(size, int) and size > 0 for size in hidden):
        raise ValueError(f"algo.hidden must be a list of layer sizes such as [64,64], got {hidden}")
    encoder = {str(key): value for key, value in cfg.encoder.items()}
    known = ("name", "weights", "frozen")
    for key in set(encoder) - set(known):
        raise TypeError(f"encoder has no setting named {key!r}{did_you_mean(key, known)}")
    if not isinstance(encoder.get("frozen", False), bool):
        raise ValueError(f"encoder.frozen must be true or false, got {encoder['frozen']!r}")
    if encoder.get("frozen") and not encoder.get("weights"):
        raise ValueError("encoder.frozen=true needs encoder.weights: an encoder that begins at random has to learn")
    encoder.pop("weights", None)
    settings: dict[str, Any] = {
        "net_arch": list(hidden),
        "features_extractor_class": Encoder,
        "features_extractor_kwargs": encoder,
    }
    if "activation" in cfg.algo:
        if cfg.algo["activation"] not in ACTIVATIONS:
            raise ValueError(f"algo.activation must be one of {', '.join(ACTIVATIONS)}, got {cfg.algo['activation']!r}")
        settings["activation_fn"] = ACTIVATIONS[cfg.algo["activation"]]
    if "log_std_init" in cfg.algo:
        settings["log_std_init"] = cfg.algo["log_std_init"]
    return settings


def training_envs(cfg: DictConfig, num: int) -> VecMonitor:
    """SB3's view of the environments of a configuration, with episode statistics."""
    return VecMonitor(Sb3VecEnv(make_envs(cfg, num)))


def save_policy(stem: Path, model: BaseAlgorithm, cfg: DictConfig, facts: dict[str, Any]) -> None:
    """Write <stem>.safetensors and <stem>.json, each at once or not at all."""
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in model.policy.state_dict().items()}
    content = {"config": OmegaConf.to_container(cfg, resolve=True), **facts}
    with replacing(stem.with_suffix(".safetensors")) as path:
        save_file(tensors, path)
    with replacing(stem.with_suffix(".json")) as path:
        path.write_text(json.dumps(content, indent=1))


def load_policy(stem: Path, device: torch.device):
    """The policy of two files written by `save_policy`, and the configuration it was trained with.

    Raises:
        ValueError: the files are damaged, or of another network.
        OSError: they can't be read.
    """
    try:
        cfg = settled(TrainConfig, json.loads(stem.with_suffix(".json").read_text())["config"], warn=False)
        tensors = load_file(stem.with_suffix(".safetensors"), device="cpu")
    except OSError:
        raise
    except Exception as error:  # JSON, OmegaConf and safetensors each have their own
        raise ValueError(f"{stem} is no policy of ours: {error}") from error
    envs = make_envs(cfg, num=1)
    policy_class = algo_class(cfg.algo).policy_aliases["MultiInputPolicy"]
    policy = policy_class(
        channels_first_space(envs.single_observation_space),
        envs.single_action_space,
        lambda _: 0.0,
        **policy_settings(cfg),
    ).to(device)
    envs.close()
    try:
        policy.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{stem}.safetensors does not fit its {stem.name}.json: {error}".split("\n")[0]) from error
    policy.set_training_mode(False)
    return policy, cfg
