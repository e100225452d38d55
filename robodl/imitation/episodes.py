"""Episodes as arrays: recorded from a policy, or played from given actions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodl.evaluation.rollout import MAX_ROWS
from robodl_envs import Policy, make_vec, task_class

ActFn = Callable[[int, dict[str, np.ndarray]], np.ndarray]  # steps so far, observation -> actions, (N, a) float32


@dataclass(frozen=True, eq=False)
class Episode:
    """One episode of T control steps, from a reset to the end."""

    observations: dict[str, np.ndarray]  # (T + 1, k) each, the one of the reset first
    actions: np.ndarray  # (T, a) float32, as taken
    rewards: np.ndarray  # (T,) float64
    terminated: np.ndarray  # (T,) bool
    truncated: np.ndarray  # (T,) bool
    infos: dict[str, np.ndarray]  # (T + 1,) each, by the environment's names
    seed: int | None = None  # of the reset; None if unknown

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def is_success(self) -> np.ndarray:
        """Success at each instant, (T + 1,) bool."""
        return self.infos["is_success"]

    @property
    def success(self) -> bool:
        """Success that lasted at the end: success_at_end."""
        return bool(self.infos["success_at_end"][-1])


def make_rows(settings: Mapping[str, Any], episodes: int, threads: int = 0):
    """Make a vector environment of these settings, task among them, to play so many episodes once each."""
    task = settings["task"]
    task_class(task)  # refuses an unknown task, with the known names
    others = {name: value for name, value in settings.items() if name != "task"}
    num = min(MAX_ROWS, episodes)
    return make_vec(task, num_envs=num, threads=threads, autoreset_mode="Disabled", **others)


def record(
    policy: Policy, envs, episodes: int, seed: int, noise: float = 0.0, progress: Callable[[int], object] = int
) -> list[Episode]:
    """Record episodes of a policy, as many at once as envs has rows; episode k starts with seed + k.

    Args:
        envs: from `make_rows`.
        noise: standard deviation of Gaussian noise on the actions, drawn from each episode's seed.
        progress: called now and then with the number of finished episodes.
    """
    shape = envs.action_space.shape
    recorded: list[Episode] = []
    for seeds in in_batches(range(seed, seed + episodes), envs.num_envs):
        streams = [np.random.default_rng(seed) for seed in seeds]

        def act(step, observation, streams=streams):
            action = policy(observation)
            if noise:
                disturbance = np.zeros(shape)
                disturbance[: len(streams)] = [stream.standard_normal(shape[1]) for stream in streams]
                action = np.clip(action + noise * disturbance, -1.0, 1.0)
            return action.astype(np.float32)

        recorded += play(envs, seeds, act)
        progress(len(recorded))
    return recorded


def in_batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Items in order, at most `size` at a time."""
    return (items[first : first + size] for first in range(0, len(items), size))


def play(envs, seeds: Sequence[Any], act: ActFn, max_steps: float = math.inf) -> list[Episode]:
    """Play an episode of at most max_steps in each of the first rows, from these seeds; the other rows idle."""
    num, count = envs.num_envs, len(seeds)
    observation, info = envs.reset(seed=[*seeds, *[seeds[0]] * (num - count)])
    observations, infos = [observation], [info]
    steps: list[tuple[np.ndarray, ...]] = []
    lengths, running = np.zeros(num, int), np.arange(num) < count
    while running.any() and len(steps) < max_steps:
        action = act(len(steps), observation)
        observation, reward, terminated, truncated, info = envs.step(action)
        observations.append(observation)
        infos.append(info)
        steps.append((action, reward, terminated, truncated))
        lengths += running
        running &= ~(terminated | truncated)
    # All rows' arrays, (N, T, ...), then each row's up to the end of its episode:
    observations_of_rows = {key: np.stack([each[key] for each in observations], axis=1) for key in observation}
    infos_of_rows = {key: np.stack([each[key] for each in infos], axis=1) for key in info if not key.startswith("_")}
    steps_of_rows = [np.stack(each, axis=1) for each in zip(*steps, strict=True)]
    episodes = []
    for row, (seed, length) in enumerate(zip(seeds, lengths[:count], strict=True)):
        action, reward, terminated, truncated = (value[row, :length].copy() for value in steps_of_rows)
        observation = {key: value[row, : length + 1].copy() for key, value in observations_of_rows.items()}
        info = {key: value[row, : length + 1].copy() for key, value in infos_of_rows.items()}
        episodes.append(Episode(observation, action, reward, terminated, truncated, info, seed))
    return episodes
