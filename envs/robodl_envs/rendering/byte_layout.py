"""Byte layout: all images of a row in one array, which is copied, delayed and saved as a whole."""

import math
from collections.abc import Mapping

import numpy as np

from robodl_envs.rendering.modalities import Images, channels, dtype_of


class ByteLayout:
    """Positions of images in a row's array of bytes.

    Depth comes first, so that its floats are aligned.

    Args:
        sources: {image: (camera, modality)}.
        size: (height, width) of all images.
    """

    def __init__(self, sources: Mapping[str, tuple[str, str]], size: tuple[int, int]):
        self.sources, self.num_bytes = sources, 0
        self.fields: dict[str, tuple[slice, np.dtype, tuple[int, int, int]]] = {}  # columns, dtype, shape
        for name in sorted(sources, key=lambda name: sources[name][1] != "depth"):
            modality = sources[name][1]
            shape, dtype = (*size, channels(modality)), np.dtype(dtype_of(modality))
            first, self.num_bytes = self.num_bytes, self.num_bytes + math.prod(shape) * dtype.itemsize
            self.fields[name] = slice(first, self.num_bytes), dtype, shape

    def pack(self, images: Images, num: int) -> np.ndarray:
        """Images of num rows as bytes, (num, num_bytes) uint8."""
        packed = np.empty((num, self.num_bytes), np.uint8)
        for name, (camera, modality) in self.sources.items():
            packed[:, self.fields[name][0]] = images[camera][modality].reshape(num, -1).view(np.uint8)
        return packed

    def unpack(self, packed: np.ndarray, name: str) -> np.ndarray:
        """A copy of one image of each row, (n, height, width, channels)."""
        columns, dtype, shape = self.fields[name]
        return packed[:, columns].copy().view(dtype).reshape(-1, *shape)
