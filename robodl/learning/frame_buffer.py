"""A replay buffer that stores each observation once, in its own type, and samples n-step returns.

Each row of the environments has a ring of entries, one an observation. A transition leads from an entry to the next;
an episode's last observation has an entry without a transition.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import DictReplayBufferSamples

MAX_DRAWS = 100  # for a full batch; almost every drawn entry has a transition


class FrameBuffer(ReplayBuffer):
    """Replay of dict observations, with images as bytes, of which stacks hold each once.

    Args:
        buffer_size: entries of all rows together.
        n_steps: transitions whose rewards a return sums; fewer where the episode ends before, or the stored part of it.
        gamma: discount of a step.
        frame_stack: images along the channels of each image, (frame_stack * channels, height, width), the oldest first;
            an episode's first image stands for those before it.
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
        frame_stack: int = 1,
    ):
        super(ReplayBuffer, self).__init__(buffer_size, observation_space, action_space, device, n_envs=n_envs)
        if n_steps < 1:
            raise ValueError(f"n_steps must be at least 1, got {n_steps}")
        self.buffer_size = max(buffer_size // n_envs, n_steps + frame_stack + 1)
        self.n_steps, self.gamma, self.frame_stack = n_steps, gamma, frame_stack
        shape = (self.buffer_size, n_envs)
        boxes: dict[str, Any] = observation_space.spaces
        # Of each image that is a stack, the channels of a single one:
        self.channels = {key: box.shape[0] // frame_stack for key, box in boxes.items() if len(box.shape) == 3}
        single = {key: (self.channels[key], *box.shape[1:]) for key, box in boxes.items() if key in self.channels}
        self.observations = {
            key: np.zeros((*shape, *single.get(key, box.shape)), box.dtype) for key, box in boxes.items()
        }
        self.actions = np.zeros((*shape, self.action_dim), np.float32)
        self.rewards = np.zeros(shape, np.float32)
        # Of each entry: whether it has a transition, which ends its episode, which ends in a terminal state.
        self.has_transition, self.is_last, self.is_terminal = (np.zeros(shape, bool) for _ in range(3))
        self.next_entry = np.zeros(n_envs, np.int64)  # that each row writes
        self.num_entries = np.zeros(n_envs, np.int64)  # that each row holds

    def add(self, obs, next_obs, action, reward, done, infos) -> None:  # type: ignore[override]
        """Store a transition of every row; where done, next_obs is the last observation of the episode that ended."""
        rows = np.arange(self.n_envs)
        entry = self.next_entry
        truncated = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        self.actions[entry, rows] = np.asarray(action).reshape(self.n_envs, -1)
        self.rewards[entry, rows] = reward
        self.has_transition[entry, rows] = True
        self.is_last[entry, rows] = done
        self.is_terminal[entry, rows] = done & ~truncated
        self.write(obs)
        self.advance(rows)
        self.write(next_obs)  # the next transition writes it again, unless a new episode begins
        self.has_transition[self.next_entry, rows] = False
        self.advance(np.flatnonzero(done))
        self.pos, self.full = int(self.num_entries.max()), bool((self.num_entries == self.buffer_size).any())

    def write(self, obs: dict[str, np.ndarray]) -> None:
        """Write observations into the next entries."""
        for key, stored in self.observations.items():
            newest = obs[key][:, -self.channels[key] :] if key in self.channels else obs[key]
            stored[self.next_entry, np.arange(self.n_envs)] = newest

    def advance(self, rows: np.ndarray) -> None:
        """Go on to the next entries of rows."""
        self.next_entry[rows] = (self.next_entry[rows] + 1) % self.buffer_size
        self.num_entries[rows] = np.minimum(self.num_entries[rows] + 1, self.buffer_size)

    def end_episodes(self) -> None:
        """End all episodes as they are: the next observations do not follow from the last ones."""
        rows = np.flatnonzero(self.num_entries > 0)
        newest = (self.next_entry - 1) % self.buffer_size
        rows = rows[self.has_transition[newest[rows], rows] & ~self.is_last[newest[rows], rows]]
        self.is_last[newest[rows], rows] = True
        self.advance(rows)

    def reset(self) -> None:
        """Remove everything."""
        super().reset()
        self.next_entry[:] = self.num_entries[:] = 0
        self.has_transition[:] = False

    def size(self) -> int:
        """Entries of all rows together."""
        return int(self.num_entries.sum())

    def sample(self, batch_size: int, env=None) -> DictReplayBufferSamples:  # type: ignore[override]
        return self.gather(*self.draw(batch_size))

    def draw(self, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw transitions uniformly: their entries and rows, (batch_size,) each.

        Raises:
            ValueError: there are none.
        """
        found: list[tuple[np.ndarray, np.ndarray]] = []
        missing = batch_size
        max_age = min(int(self.num_entries.max()), self.buffer_size - self.frame_stack)  # with all images of its stack
        for _ in range(MAX_DRAWS if max_age else 0):
            row = np.random.randint(self.n_envs, size=2 * missing)
            age = np.random.randint(1, max_age + 1, size=2 * missing)  # 1 is the newest transition's
            entry = (self.next_entry[row] - age) % self.buffer_size
            good = np.flatnonzero(self.has_transition[entry, row] & (age <= self.num_entries[row]))[:missing]
            found.append((entry[good], row[good]))
            missing -= len(good)
            if not missing:
                entry, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
                return entry, row
        raise ValueError("the replay buffer holds no transition yet")

    def gather(self, entry: np.ndarray, row: np.ndarray) -> DictReplayBufferSamples:
        """The transitions over n steps from entries of rows, (B,) each."""
        returns, discount = np.zeros(len(entry), np.float32), np.ones(len(entry), np.float32)
        last, goes_on = entry.copy(), np.ones(len(entry), bool)
        terminal = np.zeros(len(entry), bool)
        for _ in range(self.n_steps):
            returns += goes_on * discount * self.rewards[last, row]
            discount = np.where(goes_on, discount * self.gamma, discount).astype(np.float32)
            terminal |= goes_on & self.is_terminal[last, row]
            ended = self.is_last[last, row]
            last = np.where(goes_on, (last + 1) % self.buffer_size, last)
            goes_on &= ~ended & (last != self.next_entry[row])  # the newest observation ends a return as well
        return DictReplayBufferSamples(
            observations=self.observed(entry, row),
            actions=self.to_torch(self.actions[entry, row]),
            next_observations=self.observed(last, row),
            dones=self.to_torch(terminal[:, None].astype(np.float32)),
            rewards=self.to_torch(returns[:, None]),
            discounts=self.to_torch(discount[:, None]),
        )

    def observed(self, entry: np.ndarray, row: np.ndarray) -> dict[str, torch.Tensor]:
        """The observations of entries of rows, (B, ...) each, with their images' stacks."""
        entries = [entry]  # of a stack's images, the newest first
        for _ in range(self.frame_stack - 1):
            before = (entries[-1] - 1) % self.buffer_size
            entries.append(np.where(self.has_transition[before, row], before, entries[-1]))
        found = {key: stored[entry, row] for key, stored in self.observations.items() if key not in self.channels}
        for key in self.channels:
            images = [self.observations[key][each, row] for each in reversed(entries)]
            found[key] = images[0] if len(images) == 1 else np.concatenate(images, axis=1)
        return {key: self.to_torch(found[key]) for key in self.observations}

    def to_torch(self, array: Any, copy: bool = False) -> torch.Tensor:  # fancy indexing has copied already
        return torch.as_tensor(array, device=self.device)
