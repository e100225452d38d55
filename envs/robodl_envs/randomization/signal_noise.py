"""Noise, dropout and latency of observation vectors and actions."""

import numpy as np

from robodl_envs.arrays import Array, arange, array, clip, copy
from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.settings import Randomize


class SignalNoise(Component):
    """Noise, loss and delay between a robot and its agent: of each row's vectors, (N, k), and actions, (N, size).

    Goals are exempt: reward and success are of the true state.

    Args:
        settings: what is on.
        low, high: bounds of the vectors, (k,) each, which noise does not leave.
        size: numbers of an action.
    """

    saved = ("delay_steps", "delay_buffer", "is_first")

    def __init__(self, settings: Randomize, low: np.ndarray, high: np.ndarray, size: int):
        self.settings, self.low, self.high, self.size = settings, low, high, size

    def bind(self, sim):
        s = self.settings
        self.rows = arange(sim.num, sim.qpos)
        self.std = sim.array(s.state_noise * 0.5 * (self.high.astype(float) - self.low))  # (k,)
        self.delay_steps = sim.zeros(dtype="int64")  # control steps that the row's actions come late
        self.delay_buffer = sim.zeros(s.action_latency + 1, self.size)  # actions under way, newest first
        self.is_first = sim.zeros(dtype="bool") | True  # rows whose episode has observed nothing yet

    def reset(self, ids, rng):
        if self.settings.action_latency:
            self.delay_steps[ids] = rng.integers(ids, self.settings.action_latency + 1)
        self.delay_buffer[ids] = 0.0  # an action of zeros holds an arm still
        self.is_first[ids] = True

    def delayed(self, action: Array) -> Array:
        """The actions that reach the robot when these, (N, size), are sent."""
        self.delay_buffer[:, 1:] = copy(self.delay_buffer[:, :-1])
        self.delay_buffer[:, 0] = action
        return self.delay_buffer[self.rows, self.delay_steps]

    def transmitted(self, ids: Array, vectors: Array, received: Array, rng: RandomStreams) -> Array:
        """Vectors that arrive in rows ids; in other rows, and where a step's are lost, those received before.

        An episode's first vectors always arrive.

        Args:
            vectors, received: (N, k) float32, as they are and as they last arrived.
        """
        s, new = self.settings, vectors[ids]
        if s.state_noise:
            new = array(new + rng.normal(ids, 0.0, self.std), new)
            clip(new, array(self.low, new), array(self.high, new), out=new)
        if s.state_dropped:
            lost = (rng.uniform(ids) < s.state_dropped) & ~self.is_first[ids]
            new[lost] = received[ids[lost]]
        self.is_first[ids] = False
        arrived = copy(received)
        arrived[ids] = new
        return arrived
