"""Environments for training: made from a configuration, wrapped for Stable-Baselines3 without a process or a copy."""

from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.vec_env import VecEnv

from robodl.frame_stack import FrameStack
from robodl_envs import make_vec
from robodl_envs.registry import task_entry
from robodl_envs.time_limits import scaled_limit

STATE_SETTINGS = ["control", "reward", "control_dt", "timestep", "threads", "randomize", "observation"]
IMAGE_SETTINGS = ["cameras", "image_size", "renderer"]


def make_envs(
    cfg: DictConfig, num: int, autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP, **settings
) -> gymnasium.vector.VectorEnv:
    """Make the vector environment of a run's configuration, with num rows, its images stacked by `frame_stack`.

    Args:
        settings: constructor arguments that take precedence over the configuration's.
    """
    observed = settings.get("observation", cfg.observation)
    names = STATE_SETTINGS if observed == "state" else STATE_SETTINGS + IMAGE_SETTINGS
    configured: Any = OmegaConf.to_container(OmegaConf.masked_copy(cfg, names))
    settings = {**configured, **cfg.env, **settings}
    if "task" not in settings:
        raise ValueError("env has no task")
    task = str(settings.pop("task"))
    settings.setdefault("max_episode_steps", scaled_limit(task_entry(task).max_episode_steps, cfg.control_dt))
    frame_stack = cfg.get("frame_stack", 1)
    if frame_stack > 1 and observed == "state":
        way_out = "give observation=image or image+state, or frame_stack=1"
        raise ValueError(f"frame_stack={frame_stack} is of images, which observation=state has none of: {way_out}")
    envs = make_vec(task, num_envs=num, robot=cfg.robot["name"], autoreset_mode=autoreset_mode, **settings)
    return FrameStack(envs, frame_stack) if frame_stack > 1 else envs


def boxes_of(space: spaces.Space) -> dict[str, Any]:
    """The boxes of a dict space, by name."""
    assert isinstance(space, spaces.Dict)
    return dict(space.spaces)


def image_boxes(space: spaces.Space) -> dict[str, Any]:
    """The boxes of a dict space that are images, by name: those with three axes."""
    return {key: box for key, box in boxes_of(space).items() if len(box.shape) == 3}


def channels_first_space(space: spaces.Space) -> spaces.Dict:
    """The space of what `channels_first` returns."""
    boxes = boxes_of(space)
    for key, box in image_boxes(space).items():
        boxes[key] = spaces.Box(np.moveaxis(box.low, -1, 0), np.moveaxis(box.high, -1, 0), dtype=box.dtype)
    return spaces.Dict(boxes)


def channels_first(observation: dict[str, Any]) -> dict[str, Any]:
    """An observation with images as PyTorch expects them: (..., channels, height, width)."""

    def moved(image: Any) -> Any:
        if isinstance(image, np.ndarray):
            return np.ascontiguousarray(np.moveaxis(image, -1, -3))
        return image.movedim(-1, -3).contiguous()

    return {key: moved(value) if value.ndim >= 3 else value for key, value in observation.items()}


class Sb3VecEnv(VecEnv):
    """Stable-Baselines3's view of a vector environment made with AutoresetMode.SAME_STEP.

    The info of an ended row has terminal_observation, TimeLimit.truncated and the environment's final info, except
    that is_success is success_at_end: rollout/success_rate, which Stable-Baselines3 averages from it, then agrees with
    success_rate everywhere else.
    """

    def __init__(self, envs: gymnasium.vector.VectorEnv):
        if envs.metadata["autoreset_mode"] != AutoresetMode.SAME_STEP:
            raise ValueError(f"autoreset_mode must be SAME_STEP, got {envs.metadata['autoreset_mode']}")
        self.envs = envs
        observation_space = channels_first_space(envs.single_observation_space)
        for key, box in image_boxes(observation_space).items():
            if box.shape[0] > min(box.shape[1:]):  # Stable-Baselines3 takes the shortest axis for the channels
                shape = " x ".join(map(str, box.shape[1:]))
                rule = "an image must have at most as many channels as pixels along a side"
                raise ValueError(f"{rule}, got {box.shape[0]} and {shape} of {key}: give a larger image_size")
        super().__init__(envs.num_envs, observation_space, envs.single_action_space)
        self.diverged = 0  # episodes cut short by a diverged simulation

    def reset(self):
        observation, _ = self.envs.reset(seed=self._seeds[0])  # row i has seed + i
        self._reset_seeds()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return channels_first(observation)

    def step_async(self, actions: np.ndarray) -> None:
        self.actions = actions

    def step_wait(self):
        observation, reward, terminated, truncated, info = self.envs.step(self.actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            final = {key: value for key, value in info["final_info"].items() if not key.startswith("_")}
            self.diverged += int(final["diverged"].sum())
            for i in np.flatnonzero(done):
                infos[i] = {key: value[i] for key, value in final.items()}
                infos[i]["is_success"] = bool(final["success_at_end"][i])
                infos[i]["terminal_observation"] = channels_first(info["final_obs"][i])
                infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
        return channels_first(observation), reward.astype(np.float32), done, infos

    def close(self) -> None:
        self.envs.close()

    def get_attr(self, attr_name: str, indices=None) -> list[Any]:
        return [getattr(self.envs.unwrapped, attr_name)] * self.count(indices)

    def set_attr(self, attr_name: str, value: Any, indices=None) -> None:
        setattr(self.envs.unwrapped, attr_name, value)

    def env_method(self, method_name: str, *args, indices=None, **kwargs) -> list[Any]:
        """Call a method of the vector environment once; each row gets the same result."""
        return [getattr(self.envs.unwrapped, method_name)(*args, **kwargs)] * self.count(indices)

    def env_is_wrapped(self, wrapper_class, indices=None) -> list[bool]:
        return [False] * self.count(indices)

    def count(self, indices) -> int:
        return len(list(self._get_indices(indices)))


class TensorStep(NamedTuple):
    """Results of a step of a TensorVecEnv: tensors, (N, ...)."""

    observation: dict[str, Any]
    reward: Any
    terminated: Any
    truncated: Any
    final_observation: dict[str, Any] | None = None  # of rows that ended; None where none did
    returns: Any = None  # of the episodes so far, the step's reward included
    lengths: Any = None
    success: Any = None  # success_at_end

    def episodes(self) -> tuple[list[float], list[int], list[bool]]:
        """Returns, lengths and successes of the episodes that ended."""
        ended = self.terminated | self.truncated
        return self.returns[ended].tolist(), self.lengths[ended].tolist(), self.success[ended].tolist()


class TensorVecEnv(Sb3VecEnv):
    """Stable-Baselines3's view of a vector environment of tensors; `step_tensors` is its step."""

    def __init__(self, envs: gymnasium.vector.VectorEnv):
        super().__init__(envs)
        unwrapped: Any = envs.unwrapped
        self.episode_returns = unwrapped.batch.sim.zeros()
        self.episode_lengths = unwrapped.batch.sim.zeros(dtype="int64")

    def reset(self):
        self.episode_returns.zero_()
        self.episode_lengths.zero_()
        return super().reset()

    def step_tensors(self, actions: Any) -> TensorStep:
        """Advance all rows by actions, (N, a), on the device; rows whose episode ends begin anew."""
        observation, reward, terminated, truncated, info = self.envs.step(actions)
        self.episode_returns += reward
        self.episode_lengths += 1
        step = TensorStep(channels_first(observation), reward, terminated, truncated)
        if "final_obs" not in info:
            return step
        final, ended = info["final_info"], terminated | truncated
        self.diverged += int(final["diverged"].sum())
        step = step._replace(
            final_observation=channels_first(info["final_obs"]),
            returns=self.episode_returns.clone(),
            lengths=self.episode_lengths.clone(),
            success=final["success_at_end"],
        )
        self.episode_returns[ended] = 0.0
        self.episode_lengths[ended] = 0
        return step

    def step_async(self, actions: Any) -> None:
        raise NotImplementedError("environments of tensors are for algorithms that call step_tensors")
