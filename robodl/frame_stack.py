"""The latest images of each row as one: what moves, and how fast, shows in several images alone."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robodl_envs.reset_arguments import checked_mask


def stacked_box(box: spaces.Box, frame_stack: int) -> spaces.Box:
    """The space of frame_stack images of a space, (height, width, channels), along their channels."""
    low, high = (np.concatenate([bound] * frame_stack, axis=-1) for bound in (box.low, box.high))
    return spaces.Box(low, high, dtype=box.dtype.type)  # type: ignore[union-attr]


class FrameStack(gymnasium.vector.VectorWrapper):
    """A vector environment of ours whose images are those of the last frame_stack steps.

    They are stacked along their channels, (N, height, width, frame_stack * channels), the oldest first. An episode
    begins with its first image, frame_stack times, in each autoreset mode; final observations have the stack of the
    episode that they end. Vectors stay as they are. The images are part of `get_state`.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv, frame_stack: int):
        super().__init__(env)
        self.frame_stack = frame_stack
        single: Any = env.single_observation_space
        images = {key: box for key, box in single.items() if len(box.shape) == 3}
        stacked = {key: stacked_box(box, frame_stack) for key, box in images.items()}
        self.single_observation_space = spaces.Dict({**single, **stacked})
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self.images = {key: np.zeros((env.num_envs, *box.shape), box.dtype) for key, box in stacked.items()}

    def reset(self, *, seed=None, options=None):
        observation, info = self.env.reset(seed=seed, options=options)
        self.begin_rows(observation, checked_mask(options, self.num_envs))
        return self.with_stacks(observation), info

    def step(self, actions):
        inner: Any = self.env.unwrapped
        begun = inner.ended.copy()  # in the mode NEXT_STEP
        observation, reward, terminated, truncated, info = self.env.step(actions)
        mode = inner.autoreset_mode
        if mode == AutoresetMode.SAME_STEP and "final_obs" in info:
            begun = info["_final_obs"]
            for row in np.flatnonzero(begun):
                final = info["final_obs"][row]
                for key, stack in self.images.items():
                    final[key] = appended(stack[row], final[key])
        for key, stack in self.images.items():
            self.images[key] = appended(stack, observation[key])
        if mode != AutoresetMode.DISABLED and begun.any():
            self.begin_rows(observation, begun)
        return self.with_stacks(observation), reward, terminated, truncated, info

    def begin_rows(self, observation: dict[str, np.ndarray], rows: np.ndarray) -> None:
        """Fill the stacks of rows, (N,) bool, with an observation's images."""
        for key, stack in self.images.items():
            stack[rows] = np.concatenate([observation[key][rows]] * self.frame_stack, axis=-1)

    def with_stacks(self, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**observation, **{key: stack.copy() for key, stack in self.images.items()}}

    def get_state(self) -> dict[str, Any]:
        inner: Any = self.env
        return {**inner.get_state(), "images": {key: stack.copy() for key, stack in self.images.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        inner: Any = self.env
        inner.set_state(state)
        for key, stack in self.images.items():
            stack[:] = state["images"][key]


def appended(stack: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A stack, (..., frame_stack * channels), without its oldest image and with a new one, (..., channels)."""
    return np.concatenate([stack[..., image.shape[-1] :], image], axis=-1)
