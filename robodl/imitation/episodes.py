"""Episodes as arrays: recorded from a policy, or replayed from their seeds and actions.

A replay gives the same bits, in a batch of any size and on any number of threads. Another version of MuJoCo, or another
kind of processor, may make a difference, which `first_difference` finds.
"""

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
    def success(self) -> bool:
        """Success that lasted at the end: success_at_end."""
        return bool(self.infos["success_at_end"][-1])


def make_rows(settings: Mapping[str, Any], episodes: int, threads: int = 0):
    """Make a vector environment of these settings, task among them, to play so many episodes once each."""
    others = dict(settings)
    task = others.pop("task")
    task_class(task)  # refuses an unknown task, with the known names
    return make_vec(task, num_envs=min(MAX_ROWS, episodes), threads=threads, autoreset_mode="Disabled", **others)


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


def replay(envs, episodes: Sequence[Episode], progress: Callable[[int], object] = int) -> list[Episode]:
    """Play the seeds and actions of episodes again; envs and progress as in `record`."""
    replayed: list[Episode] = []
    for batch in in_batches(episodes, envs.num_envs):
        actions = np.zeros((max(map(len, batch)), *envs.action_space.shape), np.float32)  # (T, N, a)
        for row, episode in enumerate(batch):
            actions[: len(episode), row] = episode.actions

        def act(step, observation, actions=actions):
            return actions[step]

        replayed += play(envs, [episode.seed for episode in batch], act, max_steps=len(actions))
        progress(len(replayed))
    return replayed


def in_batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Items in order, at most `size` at a time."""
    return (items[first : first + size] for first in range(0, len(items), size))


def play(envs, seeds: Sequence[Any], act: ActFn, max_steps: float = math.inf) -> list[Episode]:
    """Play an episode of at most max_steps in each of the first rows, from these seeds; the other rows idle."""
    num, count = envs.num_envs, len(seeds)
    observation, info = envs.reset(seed=[*seeds, *[seeds[0]] * (num - count)])
    observations, infos = [observation], [info]
    steps: list[dict[str, np.ndarray]] = []
    lengths, running = np.zeros(num, int), np.arange(num) < count
    while running.any() and len(steps) < max_steps:
        action = act(len(steps), observation)
        observation, reward, terminated, truncated, info = envs.step(action)
        observations.append(observation)
        infos.append(info)
        steps.append({"actions": action, "rewards": reward, "terminated": terminated, "truncated": truncated})
        lengths += running
        running &= ~(terminated | truncated)
    # All rows' arrays, (T, N, ...), then each row's up to the end of its episode:
    observation_arrays = {key: np.stack([each[key] for each in observations]) for key in observation}
    info_arrays = {key: np.stack([each[key] for each in infos]) for key in info if not key.startswith("_")}
    step_arrays: dict[str, Any] = {key: np.stack([each[key] for each in steps]) for key in steps[0]}
    return [
        Episode(
            observations={key: value[: length + 1, row].copy() for key, value in observation_arrays.items()},
            **{key: value[:length, row].copy() for key, value in step_arrays.items()},
            infos={key: value[: length + 1, row].copy() for key, value in info_arrays.items()},
            seed=seed,
        )
        for row, (seed, length) in enumerate(zip(seeds, lengths[:count], strict=True))
    ]


def first_difference(recorded: Episode, replayed: Episode) -> str | None:
    """The first observation or reward that is not the same, bit for bit, and its step, in words; None if all are."""
    pairs = {
        key: (value, replayed.observations[key][: len(recorded) + 1]) for key, value in recorded.observations.items()
    }
    pairs["reward"] = (recorded.rewards, replayed.rewards[: len(recorded)])
    found = []
    for key, (values, others) in pairs.items():
        differs = (bits(values)[: len(others)] != bits(others)).any(axis=1)
        index = int(differs.argmax()) if differs.any() else len(others) if len(others) < len(values) else None
        if index is not None:
            found.append((index + (key == "reward"), key))  # the first reward is of the first step
    return "{1} from step {0} on".format(*min(found)) if found else None


def bits(values: np.ndarray) -> np.ndarray:
    """The bytes of n values, (n, bytes): unlike numbers, they tell 0 from -0, and NaN equals itself."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
