"""Random shifts of images."""

import torch

from robodl.vision.augment import random_shift


def test_random_shift():
    """All images of a row shift alike, by at most so many pixels; edges are repeated; nothing else changes."""
    image = torch.arange(49.0).reshape(1, 1, 7, 7).repeat(200, 1, 1, 1)
    shifted = random_shift({"a": image, "b": image}, 2, torch.Generator().manual_seed(0))
    assert (shifted["a"] == shifted["b"]).all()
    centers = {int(value) for value in shifted["a"][:, 0, 3, 3]}
    assert centers == {24 + 7 * dy + dx for dy in range(-2, 3) for dx in range(-2, 3)}
    padded = torch.nn.functional.pad(image[:1], (2, 2, 2, 2), mode="replicate")
    windows = {tuple(padded[0, 0, y : y + 7, x : x + 7].ravel().tolist()) for y in range(5) for x in range(5)}
    assert {tuple(each.ravel().tolist()) for each in shifted["a"][:, 0]} == windows
