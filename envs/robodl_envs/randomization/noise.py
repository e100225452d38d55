"""Noise, loss and latency: of the images that an agent receives, of its state observations, and of its actions."""

import functools
import math
from statistics import NormalDist

import numpy as np

from robodl_envs.arrays import Array, arange, array, cast, clip, copy, namespace
from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.settings import Randomize

BLUR_REACH = 3  # pixels that a blur reaches to each side, of its standard deviation; beyond is less than 0.3 %


class ImageNoise(Component):
    """The electronics of each row's cameras: takes frames as bytes, (n, B), and gives those that arrive.

    Args:
        colors: columns of the colour images in a frame, and their shapes: [(columns, (height, width, 3)), ...].
        size: bytes B of a frame.
    """

    saved = ("delay_frames", "blur_std", "delay_buffer", "is_first")

    def __init__(self, settings: Randomize, colors: list[tuple[slice, tuple[int, int, int]]], size: int):
        self.settings, self.colors, self.size = settings, colors, size

    def bind(self, sim):
        self.delay_frames = sim.zeros(dtype="int64")  # frames that the row's images come late
        self.blur_std = sim.zeros()  # px, the standard deviation of the row's blur
        self.delay_buffer = sim.zeros(self.settings.latency + 1, self.size, dtype="uint8")  # under way, newest first
        self.is_first = sim.zeros(dtype="bool") | True  # rows whose episode has no image yet

    def reset(self, ids, rng):
        if self.settings.latency:
            self.delay_frames[ids] = rng.integers(ids, self.settings.latency + 1)
        if self.settings.blur:
            self.blur_std[ids] = rng.uniform(ids, 0.0, self.settings.blur)
        self.is_first[ids] = True

    def transmitted(self, ids: Array, frames: Array, received: Array, rng: RandomStreams) -> Array:
        """Frames that arrive in rows ids, (n, B) uint8: the new one, or where it is lost the one received before.

        An episode's first frame arrives at once.
        """
        s, buffer = self.settings, self.delay_buffer
        for columns, shape in self.colors if s.blur or s.noise else ():
            image = cast(frames[:, columns].reshape(-1, *shape), "float32")
            if s.blur:
                image = blurred(image, self.blur_std[ids])
            if s.noise:
                image = image + s.noise * normals(rng, ids, math.prod(shape)).reshape(image.shape)
            frames[:, columns] = cast(clip(image + 0.5, 0.0, 255.0), "uint8").reshape(len(ids), -1)
        is_first = self.is_first[ids]
        buffer[ids, 1:] = buffer[ids, :-1]
        buffer[ids, 0] = frames
        buffer[ids[is_first]] = frames[is_first, None]
        arrived = buffer[ids, self.delay_frames[ids]]
        if s.dropped:
            lost = (rng.uniform(ids) < s.dropped) & ~is_first
            arrived[lost] = received[lost]
        self.is_first[ids] = False
        return arrived


class SignalNoise(Component):
    """Noise, loss and delay between a robot and its agent: of each row's vectors, (N, k), and actions, (N, size).

    Goals are exempt: reward and success are of the true state.

    Args:
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


def blurred(image: Array, std: Array) -> Array:
    """Images, (n, H, W, 3) float32, each under a Gaussian of its own standard deviation, (n,) px."""
    xp = namespace(image)
    reach = xp.ceil(BLUR_REACH * std)  # px, each row's own: a row's blur is not its neighbours' matter
    most = int(reach.max()) if len(std) else 0
    per_pixel = xp.where(std > 0.0, std, xp.ones_like(std))
    for axis in (1, 2):
        total, weight, length = copy(image), cast(xp.ones_like(std), "float32"), image.shape[axis]
        edged = clip(arange(length + 2 * most, image) - most, 0, length - 1)  # beyond an edge is as at the edge
        padded = image[:, edged] if axis == 1 else image[:, :, edged]
        for k in range(1, most + 1):
            share = cast(xp.where(k <= reach, xp.exp(-0.5 * (k / per_pixel) ** 2), 0.0 * std), "float32")
            ahead, behind = (
                padded[:, first : first + length] if axis == 1 else padded[:, :, first : first + length]
                for first in (most + k, most - k)
            )
            total += share[:, None, None, None] * (ahead + behind)
            weight += 2.0 * share
        image = total / weight[:, None, None, None]
    return image


def normals(rng: RandomStreams, ids: Array, count: int) -> Array:
    """Numbers of about a normal distribution, (n, count) float32.

    An image needs thousands: each byte of a row's stream picks one of 256 equally likely values.
    """
    bits = rng.bits(ids, -(-count // 8))
    picked = bits.view(namespace(bits).uint8)[:, :count]
    return array(quantiles(), cast(picked[:0, :0], "float32"))[cast(picked, "int64")]


@functools.cache
def quantiles() -> np.ndarray:
    """The middles of 256 equally likely slices of the standard normal distribution."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)
