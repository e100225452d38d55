"""What lies between the arm and an observation's vectors, and between an action and the arm: noise, loss, latency."""

import numpy as np

from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.settings import Randomize


class SignalNoise(Component):
    """The wires of each row: take numbers, (N, k), and actions, (N, size), and give those that arrive.

    Goals do not go through them: reward and success speak of the truth.

    Args:
        settings: what is on.
        low, high: bounds of the numbers, (k,) each, which noise does not leave.
        size: numbers of an action.
    """

    saved = ("late", "line", "fresh")

    def __init__(self, settings: Randomize, low: np.ndarray, high: np.ndarray, size: int):
        self.settings, self.low, self.high, self.size = settings, low, high, size
        self.spread = settings.state_noise * 0.5 * (high.astype(float) - low)  # (k,) the noise's standard deviation

    def bind(self, sim):
        self.rows = np.arange(sim.num)
        self.late = np.zeros(sim.num, np.int64)  # control steps that the row's actions come late
        self.line = np.zeros((sim.num, self.settings.action_latency + 1, self.size))  # under way, newest first
        self.fresh = np.ones(sim.num, bool)  # rows whose episode has observed nothing yet

    def reset(self, ids, rng):
        if self.settings.action_latency:
            self.late[ids] = rng.integers(ids, self.settings.action_latency + 1)
        self.line[ids] = 0.0  # which is an arm's "hold still"
        self.fresh[ids] = True

    def act(self, action: np.ndarray) -> np.ndarray:
        """The actions that reach the arm when these, (N, size), are sent."""
        self.line[:, 1:] = self.line[:, :-1]
        self.line[:, 0] = action
        return self.line[self.rows, self.late]

    def take(self, ids: np.ndarray, numbers: np.ndarray, before: np.ndarray, rng: RandomStreams) -> np.ndarray:
        """What arrives of rows ids' numbers; of other rows, and where a step's are lost, what arrived before.

        An episode's first numbers always arrive.

        Args:
            numbers, before: (N, k) float32, as they are and as they last arrived.
        """
        s, new = self.settings, numbers[ids]
        if s.state_noise:
            new += rng.normal(ids, 0.0, self.spread)
            np.clip(new, self.low, self.high, out=new)
        if s.state_dropped:
            lost = (rng.uniform(ids) < s.state_dropped) & ~self.fresh[ids]
            new[lost] = before[ids[lost]]
        self.fresh[ids] = False
        arrived = before.copy()
        arrived[ids] = new
        return arrived
