"""A replay buffer that keeps each observation once, in its own type, and samples returns over n steps.

Each row of the environments has a ring of entries, one an observation. A transition leads from an entry to the next;
an episode's last observation has an entry of its own, from which none leads.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

TRIES = 100  # draws for a full batch; almost every draw is good


class FrameBuffer(ReplayBuffer):
    """Replay of dict observations, pictures as bytes.

    Args:
        buffer_size: entries of all rows together.
        n_steps: transitions that a return sums rewards over; fewer where the episode ends, or time does, before.
        gamma: discount of each.
        Others: as Stable-Baselines3's DictReplayBuffer's.
    """

    observation_space: spaces.Dict
    observations: dict[str, np.ndarray]  # type: ignore[assignment]

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Dict,
        action_space: spaces.Box,
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        n_steps: int = 1,
        gamma: float = 0.99,
    ):
        super(ReplayBuffer, self).__init__(buffer_size, observation_space, action_space, device, n_envs=n_envs)
        if n_steps < 1:
            raise ValueError(f"n_steps must be at least 1, got {n_steps}")
        self.buffer_size = max(buffer_size // n_envs, n_steps + 2)
        self.n_steps, self.gamma = n_steps, gamma
        shape = (self.buffer_size, n_envs)
        self.observations = {
            key: np.zeros((*shape, *(box.shape or ())), box.dtype) for key, box in observation_space.spaces.items()
        }
        self.actions = np.zeros((*shape, self.action_dim), np.float32)
        self.rewards = np.zeros(shape, np.float32)
        # Of each entry: whether a transition begins here, is its episode's last, leads to what is worth nothing more.
        self.leads, self.ends, self.terminal = (np.zeros(shape, bool) for _ in range(3))
        self.where = np.zeros(n_envs, np.int64)  # the entry that each row writes next
        self.count = np.zeros(n_envs, np.int64)  # entries that each row holds

    def add(self, obs, next_obs, action, reward, done, infos) -> None:  # type: ignore[override]
        """Store a transition of every row; next_obs is the episode's own last where it is done."""
        rows = np.arange(self.n_envs)
        at = self.where
        truncated = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        self.actions[at, rows] = np.asarray(action).reshape(self.n_envs, -1)
        self.rewards[at, rows] = reward
        self.leads[at, rows], self.ends[at, rows], self.terminal[at, rows] = True, done, done & ~truncated
        self.write(obs)
        self.advance(rows)
        self.write(next_obs)  # the next transition writes it again, unless a new episode begins
        self.leads[self.where, rows] = False
        self.advance(np.flatnonzero(done))
        self.pos, self.full = int(self.count.max()), bool((self.count == self.buffer_size).any())

    def write(self, obs: dict[str, np.ndarray]) -> None:
        for key, kept in self.observations.items():
            kept[self.where, np.arange(self.n_envs)] = obs[key]

    def advance(self, rows: np.ndarray) -> None:
        self.where[rows] = (self.where[rows] + 1) % self.buffer_size
        self.count[rows] = np.minimum(self.count[rows] + 1, self.buffer_size)

    def cut(self) -> None:
        """End all episodes where they are: what comes next does not follow from what came last."""
        open_ = np.flatnonzero(self.count > 0)
        newest = (self.where - 1) % self.buffer_size
        open_ = open_[self.leads[newest[open_], open_] & ~self.ends[newest[open_], open_]]
        self.ends[newest[open_], open_] = True
        self.advance(open_)

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.where[:] = self.count[:] = 0
        self.leads[:] = False

    def size(self) -> int:
        """Entries of all rows together."""
        return int(self.count.sum())

    def sample(self, batch_size: int, env=None) -> DictReplayBufferSamples:  # type: ignore[override]
        return self.gather(*self.draw(batch_size))

    def draw(self, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Entries and rows, (batch_size,), of transitions, drawn uniformly.

        Raises:
            ValueError: there are none.
        """
        found: list[tuple[np.ndarray, np.ndarray]] = []
        missing = batch_size
        oldest = min(int(self.count.max()), self.buffer_size - 1)
        for _ in range(TRIES if oldest else 0):
            row = np.random.randint(self.n_envs, size=2 * missing)
            age = np.random.randint(1, oldest + 1, size=2 * missing)  # 1 is the newest transition's
            at = (self.where[row] - age) % self.buffer_size
            good = np.flatnonzero(self.leads[at, row] & (age <= self.count[row]))[:missing]
            found.append((at[good], row[good]))
            missing -= len(good)
            if not missing:
                at, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
                return at, row
        raise ValueError("the replay buffer holds no transition yet")

    def gather(self, at: np.ndarray, row: np.ndarray) -> DictReplayBufferSamples:
        """What follows from entries `at` of rows `row`, (B,)."""
        total, discount = np.zeros(len(at), np.float32), np.ones(len(at), np.float32)
        last, going = at.copy(), np.ones(len(at), bool)
        terminal = np.zeros(len(at), bool)
        for _ in range(self.n_steps):
            total += going * discount * self.rewards[last, row]
            discount = np.where(going, discount * self.gamma, discount).astype(np.float32)
            terminal |= going & self.terminal[last, row]
            ended = self.ends[last, row]
            last = np.where(going, (last + 1) % self.buffer_size, last)
            going &= ~ended & (last != self.where[row])  # the newest observation ends a return as well
        return DictReplayBufferSamples(
            observations={key: self.to_torch(kept[at, row]) for key, kept in self.observations.items()},
            actions=self.to_torch(self.actions[at, row]),
            next_observations={key: self.to_torch(kept[last, row]) for key, kept in self.observations.items()},
            dones=self.to_torch(terminal[:, None].astype(np.float32)),
            rewards=self.to_torch(total[:, None]),
            discounts=self.to_torch(discount[:, None]),
        )

    def to_torch(self, array: Any, copy: bool = False) -> torch.Tensor:  # fancy indexing has copied already
        return torch.as_tensor(array, device=self.device)
