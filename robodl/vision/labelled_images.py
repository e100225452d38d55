"""Labelled images, and sets of them from files: IDX files, such as MNIST's, and the digits inside scikit-learn."""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gymnasium import spaces

TEST_SHARE = 0.2  # of a set without a test part of its own
SPLIT_SEED = 0  # the same test images in every run


@dataclass(frozen=True)
class LabelledImages:
    """n images of each camera with labels; a part is for testing alone.

    Labels are class numbers, (n,), if there are class names; otherwise positions, (n, k) m. NaN labels are ignored in
    the loss and in the score.
    """

    images: dict[str, np.ndarray]  # (n, channels, height, width) each
    labels: np.ndarray
    is_test: np.ndarray  # (n,) bool
    boxes: dict[str, spaces.Box]  # the images' spaces
    class_names: tuple[str, ...] = ()
    num_keypoints: int = 1  # labels that are numbers are the positions of so many keypoints, side by side

    def __len__(self) -> int:
        return len(self.labels)


def labelled_classes(images: np.ndarray, labels: np.ndarray, is_test: np.ndarray) -> LabelledImages:
    """Colour images of one camera with class numbers; ValueError if the training or the test part is empty."""
    if not is_test.any() or is_test.all():
        raise ValueError(f"an image set needs images to learn from and to test on, got {len(labels)} in all")
    box = spaces.Box(0, 255, images.shape[1:], np.uint8)
    names = tuple(str(k) for k in range(int(labels.max()) + 1))
    return LabelledImages({"image": images}, labels, is_test, {"image": box}, class_names=names)


def random_test_part(count: int) -> np.ndarray:
    """A random test part of `count` images, the same in every run: (count,) bool."""
    is_test = np.zeros(count, bool)
    is_test[np.random.default_rng(SPLIT_SEED).permutation(count)[: round(TEST_SHARE * count)]] = True
    return is_test


def read_idx_folder(root: str | None) -> LabelledImages:
    """Read an image set from a folder of IDX files.

    The test part is "t10k", if the set has both parts; otherwise a random fifth, the same every time.

    Raises:
        ValueError: files are missing or damaged, or do not fit each other.
    """
    if root is None:
        raise ValueError("data=mnist needs data.root=<folder with IDX files>")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise ValueError(f"data.root must be a folder with IDX files; there is no folder {root}")
    parts = {}
    for part in ("train", "t10k"):
        images, labels = (read_idx(folder, f"{part}-{name}-ubyte") for name in ("images-idx3", "labels-idx1"))
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            raise ValueError(f"{folder} has only one of {part}-images-idx3-ubyte and {part}-labels-idx1-ubyte")
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(f"{folder}: {part} has images of shape {images.shape} and labels of shape {labels.shape}")
        parts[part] = images[:, None], labels.astype(np.int64)
    if not parts:
        raise ValueError(
            f"{folder} has no IDX files such as t10k-images-idx3-ubyte.gz with its t10k-labels-idx1-ubyte.gz"
        )
    if len({part[0].shape[1:] for part in parts.values()}) > 1:
        raise ValueError(f"{folder}: train and t10k have images of different sizes")
    images, labels = (np.concatenate([part[i] for part in parts.values()]) for i in range(2))
    is_test = np.concatenate([np.full(len(part[1]), name == "t10k") for name, part in parts.items()])
    return labelled_classes(images, labels, random_test_part(len(labels)) if len(parts) == 1 else is_test)


def read_idx(folder: Path, name: str) -> np.ndarray | None:
    """Read an IDX file of bytes, gzipped or not; None if there is no such file.

    Raises:
        ValueError: it is damaged, or holds something else.
    """
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if path is None:
        return None
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from None
    # Two zero bytes, 8 for unsigned bytes, the number of axes, and the length of each as a big-endian integer.
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= axes <= 3 or len(content) < 4 + 4 * axes:
        raise ValueError(f"{path} is damaged: it does not begin as an IDX file of bytes does")
    shape = tuple(int.from_bytes(content[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != math.prod(shape):
        raise ValueError(f"{path} is damaged: it announces {shape} bytes and holds {values.size}")
    return values.reshape(shape)


def sklearn_digits() -> LabelledImages:
    """The handwritten digits of scikit-learn, 8x8 pixels; ValueError if it isn't installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError("data=digits needs scikit-learn: pip install 'robodl[digits]'") from None
    found = load_digits()
    images = np.round(found.images[:, None] * (255.0 / 16.0)).astype(np.uint8)
    return labelled_classes(images, found.target.astype(np.int64), random_test_part(len(found.target)))
