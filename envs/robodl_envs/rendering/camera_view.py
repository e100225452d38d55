"""Poses of cameras and geoms, as renderers take them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from robodl_envs.rendering.shading import row_values
from robodl_envs.simulator import CpuSimulator


class GeomPoses(NamedTuple):
    """Poses of all geoms in n rows, world frame."""

    pos: np.ndarray  # (n, ngeom, 3) m
    mat: np.ndarray  # (n, ngeom, 3, 3) axes in columns


@dataclass(frozen=True, eq=False)
class CameraView:
    """Pose and intrinsics of one camera in n rows."""

    pos: np.ndarray  # (n, 3) m, world frame
    mat: np.ndarray  # (n, 3, 3) axes in columns, world frame: right, up, backwards
    fovy: np.ndarray  # (n,) vertical field of view, degrees
    focal: np.ndarray  # (n,) focal length, pixels
    aspect: float  # width of an image by its height

    def rows(self, index) -> "CameraView":
        """The view in some of the rows, by any NumPy index."""
        return CameraView(self.pos[index], self.mat[index], self.fovy[index], self.focal[index], self.aspect)


def camera_view(pos: np.ndarray, mat: np.ndarray, fovy: np.ndarray, height: int, width: int) -> CameraView:
    """The view of a camera whose images have height x width pixels."""
    focal = 0.5 * height / np.tan(0.5 * np.radians(fovy))
    return CameraView(pos, mat, fovy, focal, width / height)


def model_camera_view(
    sim: CpuSimulator, camera: int, ids: np.ndarray, cam_xpos: np.ndarray, cam_xmat: np.ndarray, height: int, width: int
) -> CameraView:
    """The view of a camera of the model in rows ids, (n,).

    Args:
        cam_xpos, cam_xmat: as bound, (N, ncam, 3) and (N, ncam, 9).
    """
    fovy = np.broadcast_to(row_values(sim, "cam_fovy", ids)[:, camera], len(ids))
    return camera_view(cam_xpos[ids, camera], cam_xmat[ids, camera].reshape(-1, 3, 3), fovy, height, width)
