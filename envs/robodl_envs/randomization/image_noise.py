"""What lies between a scene and the numbers of its picture: noise, blur, latency, lost frames."""

import functools
from statistics import NormalDist

import numpy as np

from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.settings import Randomize

TAPS = 3  # pixels that a blur reaches to each side, of its standard deviation; beyond is less than 0.3 %


class ImageNoise(Component):
    """The camera's electronics of each row: takes frames as bytes, (n, B), and gives those that arrive.

    Args:
        settings: what is on.
        colors: where in a frame colours lie, and their shape: [(columns, (height, width, 3)), ...].
        size: bytes B of a frame.
    """

    saved = ("late", "sharpness", "line", "fresh")

    def __init__(self, settings: Randomize, colors: list[tuple[slice, tuple[int, int, int]]], size: int):
        self.settings, self.colors, self.size = settings, colors, size

    def bind(self, sim):
        self.late = np.zeros(sim.num, np.int64)  # frames that the row's pictures come late
        self.sharpness = np.zeros(sim.num)  # px, the standard deviation of the row's blur
        self.line = np.zeros((sim.num, self.settings.latency + 1, self.size), np.uint8)  # under way, newest first
        self.fresh = np.ones(sim.num, bool)  # rows whose episode has no picture yet

    def reset(self, ids, rng):
        if self.settings.latency:
            self.late[ids] = rng.integers(ids, self.settings.latency + 1)
        if self.settings.blur:
            self.sharpness[ids] = rng.uniform(ids, 0.0, self.settings.blur)
        self.fresh[ids] = True

    def take(self, ids: np.ndarray, frames: np.ndarray, before: np.ndarray, rng: RandomStreams) -> np.ndarray:
        """What arrives of rows ids' new frames, (n, B) uint8, or what arrived before where a frame is lost.

        An episode's first frame arrives at once.
        """
        s, line = self.settings, self.line
        for columns, shape in self.colors:
            picture = frames[:, columns].reshape(-1, *shape).astype(np.float32)
            if s.blur:
                picture = blurred(picture, self.sharpness[ids])
            if s.noise:
                picture += s.noise * normals(rng, ids, int(np.prod(shape))).reshape(-1, *shape)
            if s.blur or s.noise:
                bytes_ = np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8)
                frames[:, columns] = bytes_.reshape(len(ids), -1)
        fresh = self.fresh[ids]
        line[ids, 1:] = line[ids, :-1]
        line[ids, 0] = frames
        line[ids[fresh]] = frames[fresh, None]
        arrived = line[ids, self.late[ids]]
        if s.dropped:
            lost = (rng.uniform(ids) < s.dropped) & ~fresh
            arrived[lost] = before[lost]
        self.fresh[ids] = False
        return arrived


def blurred(picture: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Pictures, (n, H, W, 3) float32, each under a Gaussian of its own standard deviation, (n,) px."""
    reach = np.ceil(TAPS * sigma)  # px, each row's own: a row's blur is not its neighbours' matter
    most = int(reach.max(initial=0.0))
    for axis in (1, 2):
        total, weight = picture.copy(), np.ones(len(sigma), np.float32)
        pad = [(0, 0)] * 4
        pad[axis] = (most, most)
        wide = np.pad(picture, pad, mode="edge")
        length = picture.shape[axis]
        for k in range(1, most + 1):
            with np.errstate(divide="ignore"):
                share = np.where(k <= reach, np.exp(-0.5 * (k / sigma) ** 2), 0.0).astype(np.float32)
            ahead, behind = (np.take(wide, range(most + d, most + d + length), axis=axis) for d in (k, -k))
            total += share[:, None, None, None] * (ahead + behind)
            weight += 2.0 * share
        picture = total / weight[:, None, None, None]
    return picture


def normals(rng: RandomStreams, ids: np.ndarray, count: int) -> np.ndarray:
    """Numbers from about a normal distribution, (n, count) float32.

    A picture needs thousands: each byte of a row's stream picks one of 256 equally likely values.
    """
    return quantiles()[rng.bits(ids, -(-count // 8)).view(np.uint8)[:, :count]]


@functools.cache
def quantiles() -> np.ndarray:
    """The middles of 256 equally likely slices of the standard normal distribution."""
    return np.array([NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)], np.float32)
