"""Labelled images: what supervised learning trains on and is tested on."""

from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

TEST_SHARE = 0.2  # of a set without a test part of its own
SPLIT_SEED = 0  # the same test images in every run


@dataclass(frozen=True)
class LabelledImages:
    """n images of each camera with labels; a part is for testing alone.

    Labels are class numbers, (n,), if there are class names; otherwise numbers, (n, k). NaN labels are ignored in the
    loss and in the score.
    """

    images: dict[str, np.ndarray]  # (n, channels, height, width) each
    labels: np.ndarray
    is_test: np.ndarray  # (n,) bool
    boxes: dict[str, spaces.Box]  # the images' spaces
    class_names: tuple[str, ...] = ()
    unit: str = ""  # of labels that are numbers, for reports
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
