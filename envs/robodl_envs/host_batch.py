"""A BatchEnv of another library behind NumPy arrays: everything that works on NumPy works on any simulator."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from robodl_envs.arrays import Array, array, integers, to_numpy
from robodl_envs.engine import BatchEnv


class HostBatch:
    """A BatchEnv whose methods take and give NumPy arrays; its other members are those of `device_batch`."""

    def __init__(self, device_batch: BatchEnv):
        self.device_batch = device_batch
        self.all = np.arange(device_batch.num)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "device_batch":
            raise AttributeError(name)
        return getattr(self.device_batch, name)

    def to_device(self, values: Any) -> Any:
        """Floats as those of the simulator, booleans and integers as they are, in its library and on its device."""
        like = self.device_batch.sim.qpos
        if isinstance(values, Mapping):
            return {key: self.to_device(value) for key, value in values.items()}
        values = np.asarray(values)
        if values.dtype == bool:
            return integers(values, like) > 0
        return integers(values, like) if values.dtype.kind == "i" else array(values, like)

    def reset(self, ids: np.ndarray, seeds: Sequence[int | None] | None = None):
        return to_numpy(self.device_batch.reset(self.to_device(ids), seeds))

    def step(self, action: np.ndarray, reset_mask: np.ndarray | None = None):
        mask = None if reset_mask is None else self.to_device(reset_mask)
        return to_numpy(self.device_batch.step(np.asarray(action), mask))

    def state_observation(self) -> dict[str, np.ndarray]:
        return to_numpy(self.device_batch.state_observation())

    def metrics(self) -> dict[str, np.ndarray]:
        return to_numpy(self.device_batch.metrics())

    def goal_distance(self) -> np.ndarray:
        return to_numpy(self.device_batch.goal_distance())

    def last_goals(self) -> tuple[np.ndarray, np.ndarray]:
        return to_numpy(self.device_batch.last_goals())

    def of_goals(self, achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
        return to_numpy(self.device_batch.of_goals(achieved, desired))

    def policy(self, on_device: Callable[[Any], Array]) -> Callable[[Any], np.ndarray]:
        """A policy for NumPy's observations of one for the device's."""
        return lambda observation: to_numpy(on_device(self.to_device(observation)))
