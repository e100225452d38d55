"""Episodes as plain arrays: a scripted expert's, recorded, played again and counted.

The same seed and the same actions give the same bits, in a batch of any size and on any number of threads. Only another
version of what simulates, or another kind of processor, may make a difference; `difference` finds it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodl.evaluation.rollout import MAX_ROWS, Score
from robodl_envs import Policy, make_vec, task_class

Act = Callable[[int, dict[str, np.ndarray]], np.ndarray]  # steps so far, observation -> actions, (N, a) float32


@dataclass(frozen=True, eq=False)
class Episode:
    """T control steps, from a reset to the end."""

    observations: dict[str, np.ndarray]  # (T + 1, k) each, that of the reset first
    actions: np.ndarray  # (T, a) float32, as taken
    rewards: np.ndarray  # (T,) float64
    terminated: np.ndarray  # (T,) bool
    truncated: np.ndarray  # (T,) bool
    infos: dict[str, np.ndarray]  # (T + 1,) bool each, as the environment names them
    seed: int | None = None  # of the reset; None where nobody noted it

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def is_success(self) -> np.ndarray:
        """The claim of each instant, (T + 1,) bool."""
        return self.infos["is_success"]

    @property
    def success(self) -> bool:
        """Whether success lasted at the end."""
        return bool(self.infos["success_at_end"][-1])


def make_rows(settings: Mapping[str, Any], episodes: int, threads: int = 0):
    """A vector environment of these settings, task among them, for so many episodes to be played once each."""
    task = settings["task"]
    task_class(task)  # an unknown task is refused here, with ours and the plugins' names
    others = {name: value for name, value in settings.items() if name != "task"}
    num = min(MAX_ROWS, episodes)
    return make_vec(task, num_envs=num, threads=threads, autoreset_mode="Disabled", **others)


def record(
    policy: Policy, envs, episodes: int, seed: int, noise: float = 0.0, progress: Callable[[int], object] = int
) -> list[Episode]:
    """Episodes of a policy, as many at once as envs has rows; episode k begins with seed + k.

    Args:
        envs: from `make_rows`.
        noise: standard deviation of what is added to the actions. An episode's noise is drawn from its seed.
        progress: told the number of finished episodes now and then.
    """
    shape = envs.action_space.shape
    recorded: list[Episode] = []
    for seeds in portions(range(seed, seed + episodes), envs.num_envs):
        streams = [np.random.default_rng(own) for own in seeds]

        def act(step, observation, streams=streams):
            action = policy(observation)
            if noise:
                shift = np.zeros(shape)
                shift[: len(streams)] = [stream.standard_normal(shape[1]) for stream in streams]
                action = np.clip(action + noise * shift, -1.0, 1.0)
            return action.astype(np.float32)

        recorded += play(envs, seeds, act)
        progress(len(recorded))
    return recorded


def replay(envs, episodes: Sequence[Episode], progress: Callable[[int], object] = int) -> list[Episode]:
    """What comes of the seeds and the actions of episodes in envs, from `make_rows`: episodes to compare with them."""
    played: list[Episode] = []
    for some in portions(episodes, envs.num_envs):
        actions = np.zeros((max(map(len, some)), *envs.action_space.shape), np.float32)  # (T, N, a)
        for row, episode in enumerate(some):
            actions[: len(episode), row] = episode.actions

        def act(step, observation, actions=actions):
            return actions[step]

        played += play(envs, [episode.seed for episode in some], act, most=len(actions))
        progress(len(played))
    return played


def portions(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Items in order, at most `size` at a time."""
    return (items[first : first + size] for first in range(0, len(items), size))


def play(envs, seeds: Sequence[Any], act: Act, most: float = math.inf) -> list[Episode]:
    """One episode of at most so many steps in each of the first rows, begun with these seeds; the other rows idle."""
    num, count = envs.num_envs, len(seeds)
    observation, info = envs.reset(seed=[*seeds, *[seeds[0]] * (num - count)])
    observations, infos = [observation], [info]
    steps: list[tuple[np.ndarray, ...]] = []
    lengths, running = np.zeros(num, int), np.arange(num) < count
    while running.any() and len(steps) < most:
        action = act(len(steps), observation)
        observation, reward, terminated, truncated, info = envs.step(action)
        observations.append(observation)
        infos.append(info)
        steps.append((action, reward, terminated, truncated))
        lengths += running
        running &= ~(terminated | truncated)
    seen = {key: np.stack([each[key] for each in observations], axis=1) for key in observation}  # (N, T + 1, k)
    told = {key: np.stack([each[key] for each in infos], axis=1) for key in info if not key.startswith("_")}
    acted = [np.stack(each, axis=1) for each in zip(*steps, strict=True)]  # (N, T, ...)
    episodes = []
    for row, (seed, length) in enumerate(zip(seeds, lengths[:count], strict=True)):
        action, reward, terminated, truncated = (value[row, :length].copy() for value in acted)
        observation = {key: value[row, : length + 1].copy() for key, value in seen.items()}
        info = {key: value[row, : length + 1].copy() for key, value in told.items()}
        episodes.append(Episode(observation, action, reward, terminated, truncated, info, seed))
    return episodes


def difference(recorded: Episode, played: Episode) -> str | None:
    """Where an episode's observations and rewards stop to be equal, bit for bit, in words; None if they are."""
    pairs = {
        key: (value, played.observations[key][: len(recorded) + 1]) for key, value in recorded.observations.items()
    }
    pairs["reward"] = (recorded.rewards, played.rewards[: len(recorded)])
    found = []
    for key, (one, other) in pairs.items():
        apart = bits(one)[: len(other)] != bits(other)
        first = int(apart.any(axis=1).argmax()) if apart.any() else len(other) if len(other) < len(one) else None
        if first is not None:
            found.append((first + (key == "reward"), key))  # the first reward is of the first step
    return "{1} from step {0} on".format(*min(found)) if found else None


def bits(values: np.ndarray) -> np.ndarray:
    """The bytes of each of n values, (n, bytes): unlike numbers, they tell 0 from -0, and NaN equals itself."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def scored(envs, episodes: Sequence[Episode]) -> Score:
    """The score of episodes that envs have played."""
    first = [int(each.is_success.argmax()) if each.is_success.any() else -1 for each in episodes]
    ends = [
        np.stack([each.observations[key][-1] for each in episodes]) for key in ("achieved_goal", "desired_goal")
    ]  # (n, g)
    return Score(
        success=np.array([each.success for each in episodes]),
        success_once=np.array([each.is_success.any() for each in episodes]),
        first_success=np.array(first),
        distance=np.asarray(envs.unwrapped.batch.task.distance(*ends)),
        returns=np.array([each.rewards.sum() for each in episodes]),
        diverged=sum(bool(each.infos["diverged"].any()) for each in episodes),
    )
