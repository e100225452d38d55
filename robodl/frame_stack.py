"""The latest images of each row as one: what moves, and how fast, shows in several images alone."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robodl_envs.arrays import Array, array, concat, copy, integers, row_ids, to_numpy, zeros
from robodl_envs.reset_arguments import checked_mask

Images = dict[str, Array]


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
        inner: Any = env.unwrapped
        like = inner.ended  # NumPy's, or a tensor on the environment's device
        self.images = {key: zeros(like, env.num_envs, *box.shape, dtype=box.dtype.name) for key, box in stacked.items()}

    def reset(self, *, seed=None, options=None):
        observation, info = self.env.reset(seed=seed, options=options)
        self.begin_rows(observation, checked_mask(to_numpy(options), self.num_envs))
        return self.with_stacks(observation), info

    def step(self, actions):
        inner: Any = self.env.unwrapped
        begun = copy(inner.ended)  # in the mode NEXT_STEP
        observation, reward, terminated, truncated, info = self.env.step(actions)
        mode = inner.autoreset_mode
        if mode == AutoresetMode.SAME_STEP and "final_obs" in info:
            begun = info["_final_obs"]
            self.append_final(info["final_obs"], begun)
        for key, stack in self.images.items():
            self.images[key] = appended(stack, observation[key])
        if mode != AutoresetMode.DISABLED and bool(begun.any()):
            self.begin_rows(observation, begun)
        return self.with_stacks(observation), reward, terminated, truncated, info

    def append_final(self, final: Any, rows: Array) -> None:
        """Stack the final images of rows, (N,) bool: of a dict of tensors, (N, ...), or of a dict for each row."""
        for key, stack in self.images.items():
            if isinstance(final, dict):
                final[key] = appended(stack, final[key])
            else:
                for row in np.flatnonzero(rows):
                    final[row][key] = appended(stack[row], final[row][key])

    def begin_rows(self, observation: Images, rows: Any) -> None:
        """Fill the stacks of rows, (N,) bool, with an observation's images."""
        for key, stack in self.images.items():
            ids = integers(np.flatnonzero(rows), stack) if isinstance(rows, np.ndarray) else row_ids(rows)
            stack[ids] = concat([observation[key][ids]] * self.frame_stack)

    def with_stacks(self, observation: Images) -> Images:
        return {**observation, **{key: copy(stack) for key, stack in self.images.items()}}

    def get_state(self) -> dict[str, Any]:
        inner: Any = self.env
        return {**inner.get_state(), "images": {key: copy(stack) for key, stack in self.images.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        inner: Any = self.env
        inner.set_state(state)
        for key, stack in self.images.items():
            stack[:] = array(state["images"][key], stack)


def appended(stack: Array, image: Array) -> Array:
    """A stack, (..., frame_stack * channels), without its oldest image and with a new one, (..., channels)."""
    return concat([stack[..., image.shape[-1] :], image])
