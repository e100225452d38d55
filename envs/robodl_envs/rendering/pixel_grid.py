"""Pixels of an image: rays through them, and those that geoms may cover."""

from collections.abc import Iterator

import numpy as np

from robodl_envs.rendering.camera_view import CameraView, GeomPoses

MAX_ANGLE = 0.5 * np.pi - 1e-3  # rad from the line of sight; nothing beyond is in an image
PIECES = 2  # per bounding capsule; more of them cover fewer pixels in vain, and take longer to project


class PixelGrid:
    """The P = height x width pixels of an image, row by row from the upper left corner."""

    def __init__(self, height: int, width: int):
        self.height, self.width, self.size = height, width, height * width
        columns = np.arange(width) + 0.5 - 0.5 * width
        rows = 0.5 * height - 0.5 - np.arange(height)
        self.right, self.up = (np.ravel(grid) for grid in np.meshgrid(columns, rows))  # (P,) pixels from the middle

    def rays(self, pixels: np.ndarray, view: CameraView) -> np.ndarray:
        """Ray directions through pixels (n, L) of n rows, world frame, of length 1 along the line of sight: (n, L, 3).

        Written out, because the last bits of a matrix product depend on its shape.
        """
        scaled = view.mat / view.focal[:, None, None]
        rays = np.empty((*pixels.shape, 3))
        right, up = self.right[pixels], self.up[pixels]
        for axis in range(3):
            np.multiply(right, scaled[:, axis, :1], out=rays[..., axis])
            rays[..., axis] += up * scaled[:, axis, 1:2]
            rays[..., axis] -= view.mat[:, axis, 2:]
        return rays

    def covered(self, view: CameraView, geoms: GeomPoses, capsules) -> np.ndarray:
        """Pixels that geoms may cover, (n, P) bool: rectangles around the images of pieces of bounding capsules.

        Args:
            geoms: poses of g geoms, (n, g, ...).
            capsules: of these, from `bounding_capsules`.
        """
        axis, half_length, radius = capsules  # (n or 1, g)
        half_axis = half_length[..., None] * np.take_along_axis(geoms.mat, axis[..., None, None], axis=3)[..., 0]
        cuts = np.linspace(-1.0, 1.0, PIECES + 1)[:, None, None, None]
        ends = (geoms.pos - view.pos[:, None]) + cuts * half_axis  # (c, n, g, 3), centres of the pieces' end spheres
        ends = np.einsum("cngi,nij->cngj", ends, view.mat)  # camera frame
        # The image of a sphere spans a range of angles, to the right and upwards; a piece spans those of both its ends.
        angle = np.arctan2(ends[..., :2], -ends[..., 2:])  # (c, n, g, 2)
        distance = np.sqrt(ends[..., :2] ** 2 + ends[..., 2:] ** 2)
        spread = np.arcsin(np.minimum(radius[..., None] / np.maximum(distance, 1e-9), 1.0))
        spread = np.where(distance > radius[..., None], spread, np.pi)  # the camera is within: it covers everything
        low = merge_pieces(angle - spread, np.minimum)  # (n, pieces * g, 2)
        high = merge_pieces(angle + spread, np.maximum)
        ahead = (low < MAX_ANGLE) & (high > -MAX_ANGLE)
        low = np.where(ahead, np.tan(np.clip(low, -MAX_ANGLE, MAX_ANGLE)), np.inf)  # at depth 1
        high = np.where(ahead, np.tan(np.clip(high, -MAX_ANGLE, MAX_ANGLE)), -np.inf)
        low, high = (view.focal[:, None, None] * edge for edge in (low, high))  # pixels from the middle
        right, up = self.right[: self.width], self.up[:: self.width]
        columns = (right >= low[..., :1] - 1e-3) & (right <= high[..., :1] + 1e-3)  # (n, pieces * g, width)
        rows = (up >= low[..., 1:] - 1e-3) & (up <= high[..., 1:] + 1e-3)  # (n, pieces * g, height)
        # Counts are small whole numbers, exact in any order of summation.
        count = rows.transpose(0, 2, 1).astype(np.float32) @ columns.astype(np.float32)
        return count.reshape(len(view.pos), -1) > 0.0


def merge_pieces(ends: np.ndarray, merge: np.ufunc) -> np.ndarray:
    """Merge the bounds of neighbouring ends, (c + 1, n, g, k), into those of pieces, (n, c * g, k)."""
    pieces = merge(ends[:-1], ends[1:])
    return pieces.transpose(1, 0, 2, 3).reshape(pieces.shape[1], -1, pieces.shape[3])


def group_by_count(mask: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of the True columns of (n, P), by groups of rows with similar counts of them.

    Counts are similar between the same powers of two, so that little is padded.

    Yields:
        rows, (g,), and their columns, (g, L), padded with 0.
    """
    _, octave = np.frexp(mask.sum(axis=1))
    for rows in (np.flatnonzero(octave == each) for each in np.unique(octave[octave > 0])):
        yield rows, padded_indices(mask[rows])


def padded_indices(mask: np.ndarray) -> np.ndarray:
    """Indices of the True columns of each row of (n, P), padded with 0 to equal counts: (n, L)."""
    counts = mask.sum(axis=1)
    indices = np.zeros((len(mask), int(counts.max(initial=0))), np.int64)
    indices[np.arange(indices.shape[1]) < counts[:, None]] = np.flatnonzero(mask) % mask.shape[1]
    return indices
