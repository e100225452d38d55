"""PPO whose environments, rollouts and updates are tensors on one device.

Stable-Baselines3's PPO in all else: policies, `predict`, callbacks, files, and, given a rollout, its updates.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import DictRolloutBufferSamples
from torch.nn import functional

from robodl.vec_env import TensorVecEnv

FLOATS = ("rewards", "returns", "episode_starts", "values", "log_probs", "advantages")


class DeviceRolloutBuffer(DictRolloutBuffer):
    """A DictRolloutBuffer of tensors, (steps, rows, ...) each, on the policy's device."""

    def reset(self) -> None:
        shape = self.buffer_size, self.n_envs
        kinds = {key: torch.uint8 if box.dtype == np.uint8 else torch.float32 for key, box in self.boxes.items()}
        self.observations: Any = {
            key: torch.zeros(*shape, *self.obs_shape[key], dtype=kind, device=self.device)
            for key, kind in kinds.items()
        }
        self.actions: Any = torch.zeros(*shape, self.action_dim, device=self.device)
        for name in FLOATS:
            setattr(self, name, torch.zeros(shape, device=self.device))
        self.pos, self.full = 0, False

    @property
    def boxes(self) -> dict[str, spaces.Space]:
        return self.observation_space.spaces

    def add(self, obs, action, reward, episode_start, value, log_prob) -> None:  # type: ignore[override]
        for key, values in self.observations.items():
            values[self.pos] = obs[key]
        self.actions[self.pos], self.rewards[self.pos], self.episode_starts[self.pos] = action, reward, episode_start
        self.values[self.pos], self.log_probs[self.pos] = value.flatten(), log_prob
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: Any) -> None:
        """Generalised advantage estimates (Schulman et al., arXiv:1506.02438) and the returns that they imply."""
        next_values, goes_on, advantage = last_values.flatten(), 1.0 - dones.float(), torch.zeros_like(self.rewards[0])
        for step in reversed(range(self.buffer_size)):
            delta = self.rewards[step] + self.gamma * next_values * goes_on - self.values[step]
            advantage = delta + self.gamma * self.gae_lambda * goes_on * advantage
            self.advantages[step] = advantage
            next_values, goes_on = self.values[step], 1.0 - self.episode_starts[step]
        self.returns = self.advantages + self.values

    def get(self, batch_size: int | None = None) -> Iterator[DictRolloutBufferSamples]:  # type: ignore[override]
        """Minibatches of all transitions in random order: that of Stable-Baselines3's buffer from the same seed."""
        total = self.buffer_size * self.n_envs
        order = torch.as_tensor(np.random.permutation(total), device=self.device)
        step, row = order % self.buffer_size, order // self.buffer_size
        for begin in range(0, total, batch_size or total):
            chosen = step[begin : begin + (batch_size or total)], row[begin : begin + (batch_size or total)]
            yield DictRolloutBufferSamples(
                observations={key: values[chosen] for key, values in self.observations.items()},
                actions=self.actions[chosen],
                old_values=self.values[chosen],
                old_log_prob=self.log_probs[chosen],
                advantages=self.advantages[chosen],
                returns=self.returns[chosen],
            )


class DevicePPO(PPO):
    """PPO for a TensorVecEnv: it reads back whether episodes ended, what it logs, and what `target_kl` asks for."""

    env: Any
    rollout_buffer: Any
    _last_obs: Any
    _last_episode_starts: Any

    def _setup_model(self) -> None:
        if not isinstance(self.env, TensorVecEnv):
            raise ValueError(f"DevicePPO needs environments of tensors, a TensorVecEnv, got {type(self.env).__name__}")
        self.rollout_buffer_class = DeviceRolloutBuffer
        super()._setup_model()

    def collect_rollouts(self, env: Any, callback: BaseCallback, rollout_buffer: Any, n_rollout_steps: int) -> bool:
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        low, high = (torch.as_tensor(bound, device=self.device) for bound in self.bounds)
        starts = torch.as_tensor(self._last_episode_starts, device=self.device)
        for _ in range(n_rollout_steps):
            with torch.no_grad():
                actions, values, log_probs = self.policy(self._last_obs)
            step = env.step_tensors(torch.clamp(actions, low, high))
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            reward = step.reward
            if step.final_observation is not None:
                self.remember(step)
                with torch.no_grad():  # an episode that time alone ended goes on in its value
                    final_values = self.policy.predict_values(step.final_observation).flatten()
                reward = reward + self.gamma * torch.where(step.truncated & ~step.terminated, final_values, 0.0)
            rollout_buffer.add(self._last_obs, actions, reward, starts, values, log_probs)
            self._last_obs, starts = step.observation, step.truncated | step.terminated
        with torch.no_grad():
            values = self.policy.predict_values(self._last_obs)
        rollout_buffer.compute_returns_and_advantage(values, starts)
        self._last_episode_starts = starts
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _excluded_save_params(self) -> list[str]:
        """As a file of PPO's has nothing of ours in it: `PPO.load` reads it anywhere."""
        return [*super()._excluded_save_params(), "_last_obs", "_last_episode_starts", "rollout_buffer_class"]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest actions."""
        assert isinstance(self.action_space, spaces.Box)
        return self.action_space.low, self.action_space.high

    def remember(self, step: Any) -> None:
        """Put episodes that ended into the averages that are logged."""
        assert self.ep_info_buffer is not None and self.ep_success_buffer is not None
        for total, length, success in zip(*step.episodes(), strict=True):
            self.ep_info_buffer.append({"r": total, "l": length})
            self.ep_success_buffer.append(success)

    def train(self) -> None:
        """Update the policy from the rollout, as Stable-Baselines3's, without a wait for the device in each step."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        clip_range = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        logged: dict[str, list[torch.Tensor]] = {}
        for _ in range(self.n_epochs):
            logged["approx_kl"] = []  # the last epoch's, as Stable-Baselines3's
            goes_on = self.train_epoch(clip_range, logged)
            self._n_updates += 1
            if not goes_on:
                break
        for name, values in logged.items():
            self.logger.record(f"train/{name}", float(torch.stack(values).mean()))
        returns, errors = self.rollout_buffer.returns, self.rollout_buffer.returns - self.rollout_buffer.values
        self.logger.record("train/explained_variance", float(1.0 - errors.var() / returns.var()))
        if hasattr(self.policy, "log_std"):
            self.logger.record("train/std", float(self.policy.log_std.detach().exp().mean()))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip_range)

    def train_epoch(self, clip_range: float, logged: dict[str, list[torch.Tensor]]) -> bool:
        """Learn from each minibatch once; False where `target_kl` says that it is enough."""
        for data in self.rollout_buffer.get(self.batch_size):
            losses = self.losses(data, clip_range)
            for name, value in losses.items():
                logged.setdefault(name, []).append(value.detach())
            if self.target_kl is not None and float(losses["approx_kl"]) > 1.5 * self.target_kl:
                return False
            self.policy.optimizer.zero_grad()
            losses["loss"].backward()
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
        return True

    def losses(self, data: DictRolloutBufferSamples, clip_range: float) -> dict[str, torch.Tensor]:
        """The losses of a minibatch, by the names under which they are logged; "loss" is what is minimised."""
        values, log_prob, entropy = self.policy.evaluate_actions(data.observations, data.actions)  # type: ignore[arg-type]
        values, advantages = values.flatten(), data.advantages
        if self.normalize_advantage and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_ratio = log_prob - data.old_log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1.0 - clip_range, 1.0 + clip_range)
        policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
        if self.clip_range_vf is not None:
            most = self.clip_range_vf(self._current_progress_remaining)  # type: ignore[operator]
            values = data.old_values + (values - data.old_values).clamp(-most, most)
        value_loss = functional.mse_loss(data.returns, values)
        entropy_loss = log_prob.mean() if entropy is None else -entropy.mean()
        with torch.no_grad():
            approx_kl = (ratio - 1.0 - log_ratio).mean()
            clip_fraction = ((ratio - 1.0).abs() > clip_range).float().mean()
        return {
            "policy_gradient_loss": policy_loss,
            "value_loss": value_loss,
            "entropy_loss": entropy_loss,
            "approx_kl": approx_kl,
            "clip_fraction": clip_fraction,
            "loss": policy_loss + self.ent_coef * entropy_loss + self.vf_coef * value_loss,
        }
