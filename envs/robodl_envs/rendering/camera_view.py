"""Poses and pixels of cameras, as renderers take them."""

from dataclasses import dataclass

import numpy as np

from robodl_envs.rendering.shading import row_values
from robodl_envs.simulator import CpuSimulator


class PixelGrid:
    """The P = height x width pixels of an image, row by row from the upper left corner."""

    def __init__(self, height: int, width: int):
        self.height, self.width, self.size = height, width, height * width
        columns = np.arange(width) + 0.5 - 0.5 * width
        rows = 0.5 * height - 0.5 - np.arange(height)
        self.right, self.up = (np.ravel(grid) for grid in np.meshgrid(columns, rows))  # (P,) pixels from the middle


@dataclass(frozen=True, eq=False)
class CameraView:
    """Pose and intrinsics of one camera in n rows."""

    grid: PixelGrid
    pos: np.ndarray  # (n, 3) m, world frame
    mat: np.ndarray  # (n, 3, 3) axes in columns, world frame: right, up, backwards
    focal: np.ndarray  # (n,) focal length, pixels

    def rows(self, index) -> "CameraView":
        """The view in some of the rows, by any NumPy index."""
        return CameraView(self.grid, self.pos[index], self.mat[index], self.focal[index])

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Ray directions through pixels (n, L), world frame, of length 1 along the line of sight: (n, L, 3).

        Written out, because the last bits of a matrix product depend on its shape.
        """
        scaled = self.mat / self.focal[:, None, None]
        rays = np.empty((*pixels.shape, 3))
        right, up = self.grid.right[pixels], self.grid.up[pixels]
        for axis in range(3):
            np.multiply(right, scaled[:, axis, :1], out=rays[..., axis])
            rays[..., axis] += up * scaled[:, axis, 1:2]
            rays[..., axis] -= self.mat[:, axis, 2:]
        return rays


def focal_length(fovy: np.ndarray, height: int) -> np.ndarray:
    """Focal lengths, pixels, of vertical fields of view, degrees."""
    return 0.5 * height / np.tan(0.5 * np.radians(fovy))


def model_camera_view(sim: CpuSimulator, camera: int, ids: np.ndarray, poses, grid: PixelGrid) -> CameraView:
    """The view of a camera of the model in rows ids, (n,).

    Args:
        poses: cam_xpos, (N, ncam, 3), and cam_xmat, (N, ncam, 9), as bound, by name.
    """
    fovy = np.broadcast_to(row_values(sim, "cam_fovy", ids)[:, camera], len(ids))
    mat = poses["cam_xmat"][ids, camera].reshape(-1, 3, 3)
    return CameraView(grid, poses["cam_xpos"][ids, camera], mat, focal_length(fovy, grid.height))
