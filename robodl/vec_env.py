"""Environments for training: made from a configuration, wrapped for Stable-Baselines3 without a process or a copy."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from omegaconf import DictConfig
from stable_baselines3.common.vec_env import VecEnv

from robodl_envs import make_vec, task_class, task_id


def make_envs(
    cfg: DictConfig, num: int, autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP, **settings
) -> gymnasium.vector.VectorEnv:
    """Make the vector environment of a run's configuration, with num rows.

    Args:
        settings: constructor arguments that take precedence over the configuration's.
    """
    settings = {**cfg.env, **settings}
    if "task" not in settings:
        raise ValueError("env has no task")
    task = str(settings.pop("task"))
    task_class(task)  # refuses an unknown task, with the known names
    settings.setdefault("max_episode_steps", gymnasium.spec(task_id(task)).max_episode_steps)
    return make_vec(
        task,
        num_envs=num,
        robot=cfg.robot["name"],
        control=cfg.control,
        reward=cfg.reward,
        control_dt=cfg.control_dt,
        threads=cfg.threads,
        observation=cfg.observation,
        cameras=None if cfg.cameras is None else list(cfg.cameras),
        image_size=cfg.image_size if isinstance(cfg.image_size, int) else list(cfg.image_size),
        renderer=cfg.renderer,
        randomize=dict(cfg.randomize),
        autoreset_mode=autoreset_mode,
        **settings,
    )


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
    for key, box in boxes.items():
        if len(box.shape) == 3:
            low, high = (np.moveaxis(bound, -1, 0) for bound in (box.low, box.high))
            boxes[key] = spaces.Box(low, high, dtype=box.dtype)
    return spaces.Dict(boxes)


def channels_first(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """An observation with images as PyTorch expects them: (..., channels, height, width)."""
    return {
        key: np.ascontiguousarray(np.moveaxis(value, -1, -3)) if value.ndim >= 3 else value
        for key, value in observation.items()
    }


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
        self.render_mode = envs.render_mode
        observation_space = channels_first_space(envs.single_observation_space)
        super().__init__(envs.num_envs, observation_space, envs.single_action_space)
        self.next_seed: int | None = None  # of row 0 at the next reset
        self.diverged = 0  # episodes cut short by a diverged simulation

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next reset: row i with seed + i."""
        self.next_seed = seed
        return [None if seed is None else seed + i for i in range(self.num_envs)]

    def reset(self):
        observation, _ = self.envs.reset(seed=self.next_seed)
        self.next_seed = None
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

    def get_images(self):
        return list(self.envs.render() or [])

    def get_attr(self, attr_name: str, indices=None) -> list[Any]:
        return [getattr(self.envs, attr_name)] * self.count(indices)

    def set_attr(self, attr_name: str, value: Any, indices=None) -> None:
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *args, indices=None, **kwargs) -> list[Any]:
        """Call a method of the vector environment once; each row gets the same result."""
        return [getattr(self.envs, method_name)(*args, **kwargs)] * self.count(indices)

    def env_is_wrapped(self, wrapper_class, indices=None) -> list[bool]:
        return [False] * self.count(indices)

    def count(self, indices) -> int:
        return len(list(self._get_indices(indices)))
