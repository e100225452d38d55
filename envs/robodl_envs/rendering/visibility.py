"""Geoms and pixels that rays and OpenGL can leave out, by shapes that contain geoms."""

from collections.abc import Iterator

import mujoco
import numpy as np

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import HIDDEN_GROUP, PLANE
from robodl_envs.rendering.shading import SceneRows, row_values
from robodl_envs.simulator import CpuSimulator

MARGIN = 1.001  # by which bounding spheres are larger than they must be, for rounding
MAX_ANGLE = 0.5 * np.pi - 1e-3  # rad from the line of sight; nothing beyond is in an image
PIECES = 2  # per bounding capsule; more of them cover fewer pixels in vain, and take longer to project


def bounding_capsules(sim: CpuSimulator, ids: np.ndarray, geoms: np.ndarray):
    """Capsules that contain geoms (g,) in rows ids.

    Returns:
        axis: of the geom's frame along which the capsule lies, 0 to 2; half length, m; radius, m: (n or 1, g) each.
    """
    size, bound = row_values(sim, "geom_size", ids)[:, geoms], row_values(sim, "geom_rbound", ids)[:, geoms]
    types = sim.model.geom_type[geoms]
    sphere, capsule, cylinder, box, ellipsoid = (
        types == int(getattr(mujoco.mjtGeom, f"mjGEOM_{name}"))
        for name in ("SPHERE", "CAPSULE", "CYLINDER", "BOX", "ELLIPSOID")
    )
    longest_axis, longest = np.argmax(size, axis=2), np.max(size, axis=2)
    across = np.sqrt(np.maximum((size**2).sum(axis=2) - longest**2, 0.0))
    axis = np.where(box | ellipsoid, longest_axis, 2)
    half_length = np.select([capsule | cylinder, box | ellipsoid], [size[..., 1], longest], 0.0)
    radius = np.select([sphere | capsule | cylinder, box | ellipsoid], [size[..., 0], across], bound)
    return axis, half_length, radius


def visible_groups(sim: CpuSimulator, ids: np.ndarray, view: CameraView, geom_pos: np.ndarray) -> np.ndarray:
    """Geom groups with HIDDEN_GROUP for geoms outside the camera's pyramid, (n, ngeom), rows ids.

    A geom is outside if its bounding sphere is. Planes are never hidden.

    Args:
        geom_pos: (n, ngeom, 3) m, world frame.
    """
    solid = np.flatnonzero(sim.model.geom_type != PLANE)
    offset = geom_pos[:, solid] - view.pos[:, None]
    right, up, back = ((offset * view.mat[:, None, :, k]).sum(axis=2) for k in range(3))  # (n, g) m, camera frame
    _, half_length, radius = bounding_capsules(sim, ids, solid)
    radius = MARGIN * (half_length + radius)
    hidden = back > radius
    for offset, side in ((right, view.grid.width), (up, view.grid.height)):
        tangent = 0.5 * side / view.focal[:, None]  # of the angle from the line of sight to a face of the pyramid
        hidden |= abs(offset) + tangent * back > radius * np.sqrt(1.0 + tangent**2)
    groups = row_values(sim, "geom_group", ids) + np.zeros((len(ids), 1), np.int32)
    groups[:, solid] = np.where(hidden, HIDDEN_GROUP, groups[:, solid])
    return groups


def covered_pixels(view: CameraView, scene: SceneRows, geoms: np.ndarray) -> np.ndarray:
    """Pixels that geoms (g,) may cover, (n, P) bool: rectangles around the images of pieces of bounding capsules."""
    axis, half_length, radius = bounding_capsules(scene.sim, scene.ids, geoms)  # (n or 1, g)
    axes = np.take_along_axis(scene.mat[:, geoms], axis[..., None, None], axis=3)[..., 0]
    cuts = np.linspace(-1.0, 1.0, PIECES + 1)[:, None, None, None]
    # The centres of the pieces' end spheres, (c, n, g, 3).
    ends = (scene.pos[:, geoms] - view.pos[:, None]) + cuts * (half_length[..., None] * axes)
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
    right, up = view.grid.right[: view.grid.width], view.grid.up[:: view.grid.width]
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
    counts = mask.sum(axis=1)
    _, octave = np.frexp(counts)
    for each in np.unique(octave[octave > 0]):
        rows = np.flatnonzero(octave == each)
        columns = np.zeros((len(rows), int(counts[rows].max())), np.int64)
        columns[np.arange(columns.shape[1]) < counts[rows, None]] = np.flatnonzero(mask[rows]) % mask.shape[1]
        yield rows, columns
