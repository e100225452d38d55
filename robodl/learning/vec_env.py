"""A Stable-Baselines3 VecEnv over a Gymnasium VectorEnv, without a process or a copy in between."""

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
    """The vector environment of a run's configuration, with num rows."""
    settings = {**cfg.env, **settings}
    if "task" not in settings:
        raise ValueError("env has no task")
    task = str(settings.pop("task"))
    task_class(task)  # an unknown task is refused here, with ours and the plugins' names
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
    """The boxes of an environment's observation space, by name."""
    assert isinstance(space, spaces.Dict)
    return dict(space.spaces)


def pictures_of(space: spaces.Space) -> dict[str, Any]:
    """Those of them that are pictures, which have three axes."""
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
    """An observation with pictures as networks want them: (..., channels, height, width)."""
    return {
        key: np.ascontiguousarray(np.moveaxis(value, -1, -3)) if value.ndim >= 3 else value
        for key, value in observation.items()
    }


class Sb3VecEnv(VecEnv):
    """Steps a vector environment made with AutoresetMode.SAME_STEP, which is what Stable-Baselines3 expects.

    An ended row's info has terminal_observation, TimeLimit.truncated and the environment's own final info, except
    that is_success is success_at_end: what Stable-Baselines3 averages into rollout/success_rate then means what
    success_rate means everywhere else.
    """

    def __init__(self, envs: gymnasium.vector.VectorEnv):
        if envs.metadata["autoreset_mode"] != AutoresetMode.SAME_STEP:
            raise ValueError(f"autoreset_mode must be SAME_STEP, got {envs.metadata['autoreset_mode']}")
        self.envs = envs
        self.render_mode = envs.render_mode
        observation_space = channels_first_space(envs.single_observation_space)
        super().__init__(envs.num_envs, observation_space, envs.single_action_space)
        self.seeds: int | None = None  # of the next reset
        self.diverged = 0  # episodes cut short by a diverged simulation

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds of the next reset: row i gets seed + i."""
        self.seeds = seed
        return [None if seed is None else seed + i for i in range(self.num_envs)]

    def reset(self):
        observation, _ = self.envs.reset(seed=self.seeds)
        self.seeds = None
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
        """Call a method of the vector environment once; the rows share it, so each gets the same answer."""
        return [getattr(self.envs, method_name)(*args, **kwargs)] * self.count(indices)

    def env_is_wrapped(self, wrapper_class, indices=None) -> list[bool]:
        return [False] * self.count(indices)

    def count(self, indices) -> int:
        return len(list(self._get_indices(indices)))
