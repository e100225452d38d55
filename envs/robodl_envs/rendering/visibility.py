"""Geoms that may be visible, by shapes that contain them."""

import mujoco
import numpy as np

from robodl_envs.rendering.camera_view import CameraView
from robodl_envs.rendering.modalities import HIDDEN_GROUP, PLANE
from robodl_envs.rendering.shading import row_values
from robodl_envs.simulator import CpuSimulator

MARGIN = 1.001  # by which bounding spheres are larger than they must be, for rounding


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
    tan_half_fovy = np.tan(0.5 * np.radians(view.fovy))[:, None]

    def beside(offset, tangent):
        """Test which spheres lie wholly beyond the left or right, or the lower or upper, face of the pyramid."""
        return abs(offset) + tangent * back > radius * np.sqrt(1.0 + tangent**2)

    hidden = beside(right, view.aspect * tan_half_fovy) | beside(up, tan_half_fovy) | (back > radius)
    groups = row_values(sim, "geom_group", ids) + np.zeros((len(ids), 1), np.int32)
    groups[:, solid] = np.where(hidden, HIDDEN_GROUP, groups[:, solid])
    return groups
