"""From a configuration to a Stable-Baselines3 model; the device, threads and memory that it learns with."""

import ctypes
import functools
import importlib
import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from stable_baselines3 import PPO, HerReplayBuffer
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecMonitor
from torch import nn

from robodl.config import own_algo_keys
from robodl.learning.device_ppo import DevicePPO
from robodl.learning.goal_frame import goal_frame_policy
from robodl.learning.hindsight import EnergyReplayBuffer
from robodl.learning.pixel_sac import PixelSAC
from robodl.vec_env import Sb3VecEnv, TensorVecEnv, make_envs
from robodl.vision.encoder import Encoder, load_encoder_weights
from robodl_envs import did_you_mean
from robodl_envs.registry import task_class

TRUSTED_PACKAGES = ("stable_baselines3.", "sb3_contrib.", "robodl.")  # of classes that a file may name
# Arguments of algorithms that `build_model` sets itself.
RESERVED_ARGUMENTS: tuple[str, ...] = ("policy", "env", "policy_kwargs", "device", "seed", "frame_stack")
RESERVED_ARGUMENTS += ("tensorboard_log", "_init_setup_model")
RENAMED_TARGETS = {"robodl.algos.PixelSAC": "robodl.learning.pixel_sac.PixelSAC"}  # since version 0.1
CPU = torch.device("cpu")
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
FREE_MEMORY_LIMIT = 2**30  # bytes that malloc keeps free, and the size from which it maps memory


def pick_device(name: str) -> torch.device:
    """The device of a name; "auto" is CUDA if there is a GPU. ValueError if there is no such device."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={name} needs a CUDA GPU and PyTorch sees none; use device=auto or device=cpu")
    return device


def set_torch_threads(threads: int) -> None:
    """Let PyTorch compute with so many threads and, with the GNU C library, reuse the memory of freed tensors.

    By default that library maps new memory for each large tensor and unmaps it afterwards. The kernel clears these
    pages each time, which took a quarter of the time of learning from 256 images.
    """
    torch.set_num_threads(threads)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, FREE_MEMORY_LIMIT)
        mallopt(M_TRIM_THRESHOLD, FREE_MEMORY_LIMIT)


def algo_class(algo: DictConfig | dict[str, Any]) -> type[BaseAlgorithm]:
    """Import the class that `algo._target_` names, and check that it knows the other keys.

    Raises:
        ValueError: the class is no Stable-Baselines3 algorithm of a trusted package.
        TypeError: the class has no argument of a key's name.
    """
    target = RENAMED_TARGETS.get(str(algo.get("_target_")), str(algo.get("_target_")))
    if not target.startswith(TRUSTED_PACKAGES):
        raise ValueError(f"algo._target_ must be a class of {', '.join(TRUSTED_PACKAGES)}*, got {target!r}")
    module, _, name = target.rpartition(".")
    found, why = None, ""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        why = f": {error}"
    if not (isinstance(found, type) and issubclass(found, BaseAlgorithm)):
        raise ValueError(f"algo._target_ must name a Stable-Baselines3 algorithm, got {target!r}{why}")
    known = set(inspect.signature(found).parameters) - set(RESERVED_ARGUMENTS) | set(own_algo_keys())
    for key in algo:
        if key not in known:
            raise TypeError(f"{name} has no setting named {key!r}{did_you_mean(str(key), known)}")
    return found


def build_model(cfg: DictConfig, envs: Any, device: torch.device) -> BaseAlgorithm:
    """Build an untrained model of the configuration's algorithm."""
    algo = dict(cfg.algo)
    found = algo_class(algo)
    own = set(own_algo_keys()) - set(inspect.signature(found).parameters)
    arguments = {key: value for key, value in algo.items() if key not in own}
    if algo.get("anneal"):
        arguments["learning_rate"] = LinearSchedule(algo["learning_rate"], algo.get("anneal_to", 0.0), 1.0)
    elif algo.get("anneal_to"):
        raise ValueError(f"algo.anneal_to={algo['anneal_to']} is where algo.anneal=true ends: give both or neither")
    if algo.get("her"):
        if cfg.observation == "image" or cfg.reward == "shaped":
            raise ValueError(
                f"hindsight replay (algo.her={algo['her']}) needs rewards that are functions of goals, got "
                f"observation={cfg.observation} and reward={cfg.reward}: give algo.her=0, or algo=ppo or algo=pixel_sac"
            )
        arguments["replay_buffer_class"] = HerReplayBuffer
        arguments["replay_buffer_kwargs"] = {"n_sampled_goal": algo["her"], "goal_selection_strategy": "future"}
        inner: Any = envs.unwrapped.envs.unwrapped
        if algo.get("her_energy"):
            if not inner.batch.goal_is_place:
                raise ValueError(f"algo.her_energy=true needs goals that are places, which {cfg.env['task']}'s are not")
            arguments["replay_buffer_class"] = EnergyReplayBuffer
            arguments["replay_buffer_kwargs"]["control_dt"] = inner.control_dt
        # Hindsight needs a whole episode in every row before it can relabel one.
        steps = inner.max_episode_steps * envs.num_envs
        if algo.get("buffer_size", 2 * steps) < 2 * steps:  # an episode is overwritten while the next one comes
            episodes = f"two episodes of {envs.num_envs} rows, {2 * steps:,} transitions"
            raise ValueError(f"algo.buffer_size must hold {episodes} for hindsight, got {algo['buffer_size']:,}")
        arguments["learning_starts"] = max(algo.get("learning_starts", 0), steps)
    if cfg.total_timesteps and cfg.total_timesteps <= arguments.get("learning_starts", 0):
        raise ValueError(
            f"nothing would be learnt: the first {arguments['learning_starts']:,} steps act at random "
            f"(algo.learning_starts), got total_timesteps={cfg.total_timesteps:,}"
        )
    if algo.get("running_scale") and not issubclass(found, OnPolicyAlgorithm):
        raise ValueError("algo.running_scale=true is for PPO: others learn from what an earlier scale has seen")
    if algo.get("noise"):
        mean = np.zeros(envs.action_space.shape or ())
        arguments["action_noise"] = NormalActionNoise(mean, np.full_like(mean, algo["noise"]))
    if issubclass(found, PixelSAC):
        if cfg.observation == "state":
            raise ValueError("algo=pixel_sac learns from images: give observation=image, or take algo=sac")
        arguments["frame_stack"] = cfg.frame_stack
    if isinstance(envs, TensorVecEnv):
        found = DevicePPO
    policy_class, policy = policy_settings(cfg, envs.unwrapped.envs)
    model = found(policy_class, envs, policy_kwargs=policy, device=device, seed=cfg.seed, **arguments)
    check_memory(model)
    if cfg.encoder.get("weights") and not cfg.resume:
        load_encoder_weights(model.policy, str(cfg.encoder["weights"]))
    return model


def check_memory(model: BaseAlgorithm) -> None:
    """Refuse a buffer that will not fit: its pages are taken while it fills, and the kernel would end the program."""
    file = Path("/proc/meminfo")  # of Linux
    if file.exists():
        free = 1024 * int(re.findall(r"MemAvailable:\s+(\d+) kB", file.read_text())[0])
        needed = nbytes(getattr(model, "replay_buffer", None)) + nbytes(getattr(model, "rollout_buffer", None))
        if needed > free:
            raise MemoryError(f"its buffer takes {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free")


def nbytes(buffer: Any) -> int:
    """The size of a buffer's arrays."""
    values = list(vars(buffer).values()) if buffer is not None else []
    values += [array for value in values if isinstance(value, dict) for array in value.values()]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def policy_settings(cfg: DictConfig, envs: Any) -> tuple[type[BasePolicy], dict[str, Any]]:
    """The policy's class, and arguments of it: the sizes of its layers and its feature extractor.

    Args:
        envs: environments of the configuration, vectorised.
    """
    algo, encoder = cfg.algo, dict(cfg.encoder)
    weights = encoder.pop("weights", None)
    if encoder.get("frozen") and not weights:
        raise ValueError("encoder.frozen=true needs encoder.weights: an encoder with random weights has to learn")
    settings: dict[str, Any] = {"features_extractor_class": Encoder}
    if algo.get("hidden") is not None:
        settings["net_arch"] = list(algo["hidden"])
    if algo.get("activation") is not None:
        settings["activation_fn"] = ACTIVATIONS[algo["activation"]]
    if algo.get("log_std_init") is not None:
        settings["log_std_init"] = algo["log_std_init"]
    found = algo_class(algo)
    policy_class = found.policy_aliases["MultiInputPolicy"]
    if algo.get("goal_frame") and cfg.observation != "image":  # which shows no goal
        policy_class, batch = goal_frame_policy(found), envs.unwrapped.batch
        if not batch.goal_is_place:
            raise ValueError(f"algo.goal_frame=true needs goals that are places, which {cfg.env['task']}'s are not")
        encoder["goal_frame"] = list(batch.observed_vectors)
        settings["action_vectors"] = list(batch.action_vectors)
    return policy_class, {**settings, "features_extractor_kwargs": encoder}


def training_envs(cfg: DictConfig, num: int, device: torch.device = CPU) -> Any:
    """Make the environments of a configuration for Stable-Baselines3, with episode statistics.

    On backend=warp those of PPO are of tensors on the device, for DevicePPO; those of other algorithms of NumPy arrays.
    """
    if cfg.backend == "warp" and algo_class(cfg.algo) is PPO:
        return TensorVecEnv(
            make_envs(cfg, num, **training_settings(cfg), **on_backend(cfg, cfg.backend, device, "torch"))
        )
    return VecMonitor(Sb3VecEnv(make_envs(cfg, num, **training_settings(cfg), **on_backend(cfg, cfg.backend, device))))


def training_settings(cfg: DictConfig) -> dict[str, Any]:
    """Settings that environments have in training alone; ValueError for one that would change what a policy is of."""
    may_differ = {field.name for field in fields(task_class(cfg.env["task"])) if field.init} | {"max_episode_steps"}
    for key in cfg.train_env:
        if key not in may_differ:
            rule = f"train_env takes the settings of {cfg.env['task']}, and max_episode_steps"
            raise ValueError(f"{rule}, got {key!r}{did_you_mean(str(key), may_differ)}")
    return dict(cfg.train_env)


def on_backend(cfg: DictConfig, backend: str, device: torch.device, arrays: str = "numpy") -> dict[str, Any]:
    """Settings of environments that a backend simulates on a device."""
    if backend == "cpu":
        return {}
    if device.type == "cpu":
        notify_slow()
    return {"backend": backend, "device": str(device), "arrays": arrays, "renderer": "ray"}  # Warp casts rays, too


@functools.cache
def notify_slow() -> None:
    """Say once that MuJoCo Warp is meant for another machine."""
    print("backend=warp runs on the CPU here, slowly: it is made for a CUDA GPU", file=sys.stderr)
