"""Hindsight replay that learns more often from episodes in which something was moved or lifted."""

from typing import Any

import numpy as np
import torch
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize

GRAVITY = 9.81  # m/s^2
MOST_WORK = 2.0  # J/kg, of episodes that are drawn as often as any: a lift by 20 cm
LEAST_WEIGHT = 0.1  # of an episode in which nothing was moved


class EnergyReplayBuffer(HerReplayBuffer):
    """Transitions with hindsight goals, drawn by how much work was done in their episode on what is moved to the goal.

    In most episodes of a beginner nothing moves: each relabelled goal is where the thing lay all the time, reached
    whatever is done, and there is nothing to learn. Work is the sum of all rises of mechanical energy, as in Zhao and
    Tresp, "Energy-Based Hindsight Experience Prioritization", 2018. Its square root is the weight here, between bounds.

    Args:
        control_dt: seconds of a step.
    """

    def __init__(self, *args: Any, control_dt: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.control_dt = control_dt
        self.weights = np.zeros((self.buffer_size, self.n_envs), np.float32)  # 0 of an episode that is not over

    def _compute_episode_length(self, env_idx: int) -> None:
        start, end = self._current_ep_start[env_idx], self.pos
        super()._compute_episode_length(env_idx)
        steps = np.arange(start, end + self.buffer_size * (end < start)) % self.buffer_size
        places = self.next_observations["achieved_goal"][steps, env_idx, :3]
        self.weights[steps, env_idx] = work_weight(places, self.control_dt)

    def sample(  # type: ignore[override]  # as of SB3's own
        self, batch_size: int, env: VecNormalize | None = None
    ) -> DictReplayBufferSamples:
        """A batch of transitions of whole episodes, four of five of them with goals of hindsight where `her` is 4."""
        filled = self.buffer_size if self.full else self.pos
        parts, missing = [], batch_size
        while missing > 0:
            drawn = np.random.randint(filled * self.n_envs, size=4 * batch_size)
            chances = np.where(self.ep_length.reshape(-1)[drawn] > 0, self.weights.reshape(-1)[drawn], 0.0)
            parts.append(drawn[np.random.random(drawn.size) < chances][:missing])
            missing -= parts[-1].size
            if not parts[-1].size and not self.ep_length.any():
                raise RuntimeError("hindsight needs an episode that is over: raise algo.learning_starts")
        entries, rows = np.divmod(np.concatenate(parts), self.n_envs)
        virtual = int(self.her_ratio * batch_size)
        relabelled = self._get_virtual_samples(entries[:virtual], rows[:virtual], env)
        real = self._get_real_samples(entries[virtual:], rows[virtual:], env)
        return joined(real, relabelled)


def joined(first: DictReplayBufferSamples, second: DictReplayBufferSamples) -> DictReplayBufferSamples:
    """Two batches as one."""

    def both(name: str) -> Any:
        one, other = getattr(first, name), getattr(second, name)
        return (
            {key: torch.cat((one[key], other[key])) for key in one}
            if isinstance(one, dict)
            else torch.cat((one, other))
        )

    return DictReplayBufferSamples(
        **{name: both(name) for name in ("observations", "actions", "next_observations", "dones", "rewards")}
    )


def work_weight(places: np.ndarray, dt: float) -> float:
    """The weight by which an episode is drawn, 0.1 to 1.

    Args:
        places: of what is moved to the goal, (T, 3), world frame, metres.
        dt: seconds from one to the next.
    """
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1) / dt
    height = 0.5 * (places[1:, 2] + places[:-1, 2])  # halfway, where an object that falls has that speed
    energy = GRAVITY * height + 0.5 * speed**2  # J/kg
    work = np.clip(np.diff(energy), 0.0, None).sum()
    return LEAST_WEIGHT + (1.0 - LEAST_WEIGHT) * float(np.sqrt(min(work / MOST_WORK, 1.0)))
