"""All that changes while a model trains, as nested dicts of arrays: taken from a model, and put back into one.

Taken between rollouts, it is all that learning depends on: parameters, optimisers, counters, random states, the
environments and the replay buffer. Stable-Baselines3's running averages for rollout/* are not in it.
"""

import json
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from robodl_envs.arrays import Array, array

COUNTERS = ("num_timesteps", "_n_updates", "_episode_num")


def training_state(model: BaseAlgorithm) -> dict[str, Any]:
    """Parameters, optimisers, counters, random states, environments and replay buffer: arrays in nested dicts."""
    _, variables = model._get_torch_save_params()
    monitor: Any = model.env  # VecMonitor over Sb3VecEnv, see robodl.learning.build.training_envs
    state: dict[str, Any] = {
        "parameters": {
            name: value["state"] if "param_groups" in value else value for name, value in model.get_parameters().items()
        },
        "variables": {name: getattr(model, name) for name in variables},
        "counters": {name: getattr(model, name) for name in COUNTERS},
        "last_obs": model._last_obs,
        "last_episode_starts": model._last_episode_starts,
        "monitor": {"returns": monitor.episode_returns, "lengths": monitor.episode_lengths},
        "envs": monitor.unwrapped.envs.get_state(),
        "random": random_state(),
        "action_space": json.dumps(model.action_space.np_random.bit_generator.state),  # draws the first, random actions
        "diverged": monitor.unwrapped.diverged,
    }
    if isinstance(model, OffPolicyAlgorithm):
        state["replay"] = replay_state(model.replay_buffer)
    return state


def restore_training(model: BaseAlgorithm, state: dict[str, Any]) -> None:
    device = model.device
    parameters: dict[str, Any] = model.get_parameters()
    for name, value in parameters.items():
        tensors = as_tensors(state["parameters"].get(name, {}), device)  # an optimiser's is empty before its first step
        parameters[name] = {**value, "state": tensors} if "param_groups" in value else tensors
    model.set_parameters(parameters, device=device)
    for name, value in state.get("variables", {}).items():
        getattr(model, name).data = torch.as_tensor(value, device=device)
    for name, value in state["counters"].items():
        setattr(model, name, int(value))
    if "last_obs" in state:  # it had begun to learn by itself: until then environments are as they are made
        restore_envs(model, state)
    if isinstance(model, OffPolicyAlgorithm):
        restore_replay(model.replay_buffer, state["replay"])
    model.action_space.np_random.bit_generator.state = json.loads(str(state["action_space"]))
    restore_random(state["random"])


def restore_envs(model: BaseAlgorithm, state: dict[str, Any]) -> None:
    monitor: Any = model.env
    first = monitor.reset()
    monitor.episode_returns[:] = array(state["monitor"]["returns"], monitor.episode_returns)
    monitor.episode_lengths[:] = array(state["monitor"]["lengths"], monitor.episode_lengths)
    monitor.unwrapped.envs.set_state(state["envs"])
    monitor.unwrapped.diverged = int(state["diverged"])
    model._last_obs = {key: array(value, first[key]) for key, value in state["last_obs"].items()}
    model._last_original_obs = None
    model._last_episode_starts = state["last_episode_starts"]


def replay_state(buffer) -> dict[str, Any]:
    """The filled part of a replay buffer's arrays, whatever kind of buffer it is."""
    filled = buffer.buffer_size if buffer.full else buffer.pos
    arrays: dict[str, Any] = {"pos": buffer.pos, "full": buffer.full}
    for name, value in vars(buffer).items():
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:  # infos, which no algorithm of ours reads
            ring = value.shape[:2] == (buffer.buffer_size, buffer.n_envs)  # entries first, then rows
            arrays[name] = value[:filled] if ring else value
        elif isinstance(value, dict) and value and all(isinstance(v, np.ndarray) for v in value.values()):
            arrays[name] = {key: v[:filled] for key, v in value.items()}
    return arrays


def restore_replay(buffer, state: dict[str, Any]) -> None:
    buffer.pos, buffer.full = int(state["pos"]), bool(state["full"])
    for name, value in state.items():
        target = getattr(buffer, name)
        if isinstance(value, dict):
            for key, rows in value.items():
                target[key][: len(rows)] = rows
        elif isinstance(target, np.ndarray):
            target[: len(value)] = value


def random_state() -> dict[str, Any]:
    """The states of PyTorch's and NumPy's global generators: Stable-Baselines3 draws from no other."""
    state = {"torch": torch.get_rng_state(), "numpy": np.random.get_state(legacy=False)}
    return state | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def restore_random(state: dict[str, Any]) -> None:
    torch.set_rng_state(torch.from_numpy(state["torch"]))
    words = state["numpy"]
    inner = {"key": words["state"]["key"], "pos": int(words["state"]["pos"])}
    gauss = {"has_gauss": int(words["has_gauss"]), "gauss": float(words["gauss"])}
    np.random.set_state({"bit_generator": "MT19937", "state": inner, **gauss})
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(torch.from_numpy(state["cuda"]))


def flatten(tree: dict, prefix: str = "") -> dict[str, np.ndarray]:
    """Nested dicts and lists of tensors, arrays and numbers as one dict of arrays named by their path."""
    flat: dict[str, np.ndarray] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, (list, tuple)):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            flat |= flatten(value, f"{path}|")
        elif isinstance(value, torch.Tensor):
            flat[path] = value.detach().cpu().numpy()
        elif value is not None:
            flat[path] = np.asarray(value)
    return flat


def unflatten(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """The inverse of `flatten`: names that are numbers become integer keys again."""
    tree: dict[Any, Any] = {}
    for path, value in flat.items():
        *parents, name = (int(part) if part.isdigit() else part for part in path.split("|"))
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return tree


def as_tensors(tree: Any, device: torch.device) -> Any:
    if isinstance(tree, dict):
        return {key: as_tensors(value, device) for key, value in tree.items()}
    return torch.as_tensor(tree, device=device)


def deterministic_actions(policy: Any, observations: dict[str, torch.Tensor]) -> torch.Tensor:
    """A policy's deterministic actions, (B, a), with their gradient."""
    return policy._predict(observations, deterministic=True)


def policy_actions(policy: Any, observation: dict[str, Array]) -> Array:
    """A policy's deterministic actions, (rows, a), in the library and on the device of the observations."""
    if all(isinstance(value, np.ndarray) for value in observation.values()):
        return policy.predict(observation, deterministic=True)[0]
    with torch.no_grad():
        return deterministic_actions(policy, observation).clamp(-1.0, 1.0)
