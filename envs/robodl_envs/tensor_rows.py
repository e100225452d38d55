"""The face of a vector environment whose arrays are torch tensors on its simulator's device."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from robodl_envs.arrays import Array, array, integers, namespace, row_ids, to_numpy, zeros
from robodl_envs.reset_arguments import checked_mask, row_seeds
from robodl_envs.rows import masked


class TensorRows:
    """`reset` and `step` of a RobotTaskVectorEnv with tensors in place of NumPy arrays, actions, masks and infos too.

    Rewards are float32. Where rows begin anew in the step in which they end (SAME_STEP), info["final_obs"] is a dict of
    tensors, (N, ...), of which the rows of "_final_obs" count, and info["final_info"] likewise. Whether an episode has
    ended is read back from the device in each step.
    """

    batch: Any
    num_envs: int
    autoreset_mode: Any
    ended: Array

    def nowhere(self) -> Array:
        """No row, (N,) bool."""
        return zeros(self.batch.sim.qpos, self.num_envs, dtype="bool")

    def reset(self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None):
        with without_gradients(self.batch.sim.qpos):
            return self.reset_rows(seed, options)

    def step(self, actions: Array):
        with without_gradients(self.batch.sim.qpos):
            return self.step_rows(actions)

    def reset_rows(self, seed: int | Sequence[int | None] | None, options: dict | None):
        mask = (options or {}).get("reset_mask")
        rows = checked_mask(None if mask is None else {"reset_mask": to_numpy(mask)}, self.num_envs)
        ids, seeds = np.flatnonzero(rows), row_seeds(seed, self.num_envs)
        on_device = self.nowhere()
        on_device[integers(ids, self.batch.sim.qpos)] = True
        observation, info = self.batch.reset(row_ids(on_device), [seeds[i] for i in ids])
        self.ended = self.ended & ~on_device
        return observation, masked(info, on_device)

    def step_rows(self, actions: Array):
        begins = self.autoreset_mode == AutoresetMode.NEXT_STEP and bool(self.ended.any())
        observation, reward, terminated, truncated, info = self.batch.step(actions, self.ended if begins else None)
        self.ended = terminated | truncated
        info = masked(info, self.ended | True)
        if self.autoreset_mode == AutoresetMode.SAME_STEP and bool(self.ended.any()):
            observation, info = self.reset_ended(observation, info)
            self.ended = self.nowhere()
        return observation, array(reward, self.batch.sim.qpos), terminated, truncated, info

    def reset_ended(self, observation, info):
        """Begin anew in the rows that ended: the last observation and info are the final ones."""
        ended, xp = self.ended, namespace(self.ended)
        new_observation, new = self.batch.reset(row_ids(ended))
        final = {key: value for key, value in info.items() if not key.startswith("_")}
        info = masked({key: xp.where(ended, value, final[key]) for key, value in new.items()}, ended | True)
        info |= {"final_obs": observation, "_final_obs": ended}
        info |= {"final_info": masked(final, ended), "_final_info": ended}
        return new_observation, info


@contextlib.contextmanager
def without_gradients(like: Array) -> Iterator[None]:
    """Have torch record nothing, and make plain tensors: those of its inference mode can't be changed outside it."""
    torch = namespace(like)
    with torch.inference_mode(False), torch.no_grad():
        yield
