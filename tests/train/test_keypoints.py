"""Keypoints: the positions that match a query, and the glimpse beside the first."""

import torch

from robodl.vision.networks import GLIMPSE_FEATURES, NUM_KEYPOINTS, PIXEL_FEATURES, Keypoints


def test_keypoints_are_where_pixels_match_the_query():
    """A blob that moves by a third of a pixel moves its keypoint by as much, whatever its size and the image's."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(40.0), indexing="ij")
    center = torch.tensor([[10.0, 12.0], [10.0 + 1 / 3, 12.0], [21.0, 30.0]])  # row and column
    expected = torch.stack([center[:, 1] / 19.5 - 1.0, center[:, 0] / 15.5 - 1.0], dim=1)
    pool = Keypoints()
    for feature, width in ((0, 4.0), (PIXEL_FEATURES - 1, 6.0)):
        square = (rows - center[:, :1, None]) ** 2 + (columns - center[:, 1:, None]) ** 2
        pixels = torch.zeros(3, PIXEL_FEATURES, 32, 40)
        pixels[:, feature] = torch.exp(-square / width**2)
        query = torch.zeros(3, NUM_KEYPOINTS, PIXEL_FEATURES)
        query[:, :, feature] = 3.0
        queries = query.flatten(1) - pool.queries.detach().flatten()  # for that feature of pixels alone
        positions = pool(pixels, queries)[:, : 2 * NUM_KEYPOINTS].unflatten(1, (NUM_KEYPOINTS, 2))
        assert (positions - expected[:, None]).abs().max() < 0.01
        moved = (positions[1, :, 1] - positions[0, :, 1]) / (2 / 31 / 3)
        assert (moved > 0.5).all() and (moved < 1.5).all()


def test_a_glimpse_depends_on_what_is_beside_the_first_keypoint():
    """It is the same wherever both are, another if the second moves beside the first, and ignores what is far."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    first = torch.tensor([[10.0, 10.0], [18.0, 20.0], [10.0, 10.0], [10.0, 10.0], [10.0, 10.0]])  # row and column
    other = torch.tensor([[10.0, 14.0], [18.0, 24.0], [14.0, 10.0], [28.0, 28.0], [28.0, 24.0]])
    pixels = torch.zeros(5, PIXEL_FEATURES, 32, 32)
    for feature, center in enumerate((first, other)):
        pixels[:, feature] = torch.exp(-((rows - center[:, :1, None]) ** 2) - (columns - center[:, 1:, None]) ** 2)
    pool = Keypoints()
    query = torch.zeros(5, NUM_KEYPOINTS, PIXEL_FEATURES)
    query[:, :, 0] = 9.0
    beside = pool(pixels, query.flatten(1) - pool.queries.detach().flatten())[:, -GLIMPSE_FEATURES:]
    there, moved, around, far, farther = beside
    same = (there - moved).norm()
    assert (there - around).norm() > 10.0 * same and (there - far).norm() > 10.0 * same
    assert (far - farther).norm() < same
