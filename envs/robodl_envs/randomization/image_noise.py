"""Image noise: noise, blur, latency and loss between a scene and the images that an agent receives."""

import functools
import math
from statistics import NormalDist

import numpy as np

from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.settings import Randomize

BLUR_REACH = 3  # pixels that a blur reaches to each side, of its standard deviation; beyond is less than 0.3 %


class ImageNoise(Component):
    """The electronics of each row's cameras: takes frames as bytes, (n, B), and gives those that arrive.

    Args:
        settings: what is on.
        colors: columns of the colour images in a frame, and their shapes: [(columns, (height, width, 3)), ...].
        size: bytes B of a frame.
    """

    saved = ("delay_frames", "blur_std", "delay_buffer", "is_first")

    def __init__(self, settings: Randomize, colors: list[tuple[slice, tuple[int, int, int]]], size: int):
        self.settings, self.colors, self.size = settings, colors, size

    def bind(self, sim):
        self.delay_frames = np.zeros(sim.num, np.int64)  # frames that the row's images come late
        self.blur_std = np.zeros(sim.num)  # px, the standard deviation of the row's blur
        shape = sim.num, self.settings.latency + 1, self.size
        self.delay_buffer = np.zeros(shape, np.uint8)  # frames under way, newest first
        self.is_first = np.ones(sim.num, bool)  # rows whose episode has no image yet

    def reset(self, ids, rng):
        if self.settings.latency:
            self.delay_frames[ids] = rng.integers(ids, self.settings.latency + 1)
        if self.settings.blur:
            self.blur_std[ids] = rng.uniform(ids, 0.0, self.settings.blur)
        self.is_first[ids] = True

    def transmitted(self, ids: np.ndarray, frames: np.ndarray, received: np.ndarray, rng: RandomStreams) -> np.ndarray:
        """Frames that arrive in rows ids, (n, B) uint8: the new one, or where it is lost the one received before.

        An episode's first frame arrives at once.
        """
        s, buffer = self.settings, self.delay_buffer
        for columns, shape in self.colors:
            if s.blur or s.noise:
                image = self.disturbed(ids, frames[:, columns].reshape(-1, *shape).astype(np.float32), rng)
                frames[:, columns] = np.clip(image + 0.5, 0.0, 255.0).astype(np.uint8).reshape(len(ids), -1)
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

    def disturbed(self, ids: np.ndarray, image: np.ndarray, rng: RandomStreams) -> np.ndarray:
        """Images of rows ids, (n, H, W, 3) float32, blurred and with noise."""
        if self.settings.blur:
            image = blurred(image, self.blur_std[ids])
        if self.settings.noise:
            noise = normals(rng, ids, math.prod(image.shape[1:])).reshape(image.shape)
            image += self.settings.noise * noise
        return image


def blurred(image: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Images, (n, H, W, 3) float32, each under a Gaussian of its own standard deviation, (n,) px."""
    reach = np.ceil(BLUR_REACH * std)  # px, each row's own: a row's blur is not its neighbours' matter
    most = int(reach.max(initial=0.0))
    for axis in (1, 2):
        total, weight = image.copy(), np.ones(len(std), np.float32)
        margins = [(0, 0)] * 4
        margins[axis] = (most, most)
        padded = np.pad(image, margins, mode="edge")
        length = image.shape[axis]
        for k in range(1, most + 1):
            with np.errstate(divide="ignore"):
                share = np.where(k <= reach, np.exp(-0.5 * (k / std) ** 2), 0.0).astype(np.float32)
            ahead, behind = (np.take(padded, range(most + d, most + d + length), axis=axis) for d in (k, -k))
            total += share[:, None, None, None] * (ahead + behind)
            weight += 2.0 * share
        image = total / weight[:, None, None, None]
    return image


def normals(rng: RandomStreams, ids: np.ndarray, count: int) -> np.ndarray:
    """Numbers of about a normal distribution, (n, count) float32.

    An image needs thousands: each byte of a row's stream picks one of 256 equally likely values.
    """
    return quantiles()[rng.bits(ids, -(-count // 8)).view(np.uint8)[:, :count]]


@functools.cache
def quantiles() -> np.ndarray:
    """The middles of 256 equally likely slices of the standard normal distribution."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)
