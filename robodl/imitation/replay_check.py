"""Replay of recorded episodes: the same seeds and actions must give the same bits.

They do in a batch of any size and on any number of threads. Another version of MuJoCo, or another kind of processor,
may make a difference, which `first_difference` finds.
"""

from collections.abc import Callable, Sequence

import numpy as np

from robodl.evaluation.rollout import Score
from robodl.imitation.episodes import Episode, in_batches, play
from robodl_envs.arrays import distance


def replay(envs, episodes: Sequence[Episode], progress: Callable[[int], object] = int) -> list[Episode]:
    """Play the seeds and actions of episodes again.

    Args:
        envs: from `make_rows`.
        progress: called now and then with the number of finished episodes.
    """
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


def score_episodes(envs, episodes: Sequence[Episode]) -> Score:
    """The score of episodes that were played in envs."""
    first = [int(each.is_success.argmax()) if each.is_success.any() else -1 for each in episodes]
    goals = [
        np.stack([each.observations[key][-1] for each in episodes]) for key in ("achieved_goal", "desired_goal")
    ]  # (n, g)
    size = envs.unwrapped.task.goal_observables()[0].size  # the distance is that of the goal's first observable
    return Score(
        success=np.array([each.success for each in episodes]),
        success_once=np.array([each.is_success.any() for each in episodes]),
        first_success=np.array(first),
        distance=np.asarray(distance(*(goal[:, :size] for goal in goals))),
        returns=np.array([each.rewards.sum() for each in episodes]),
        diverged=sum(bool(each.infos["diverged"].any()) for each in episodes),
    )
