"""Where geoms can be seen, from shapes around them."""

import mujoco
import numpy as np

from robodl_envs.rendering.modalities import HIDDEN, PLANE
from robodl_envs.rendering.shading import values
from robodl_envs.simulator import CpuSimulator

Poses = tuple[np.ndarray, np.ndarray]  # (n, ..., 3) places and (n, ..., 3, 3) frames


def bounding_capsules(sim: CpuSimulator, ids: np.ndarray, geoms: np.ndarray):
    """Capsules around geoms: their axis, 0 to 2 in the geom's frame; half length, m; radius, m: (n or 1, g) each."""
    size, bound = values(sim, "geom_size", ids)[:, geoms], values(sim, "geom_rbound", ids)[:, geoms]
    types = sim.model.geom_type[geoms]
    sphere, capsule, cylinder, box, ellipsoid = (
        types == int(getattr(mujoco.mjtGeom, f"mjGEOM_{name}"))
        for name in ("SPHERE", "CAPSULE", "CYLINDER", "BOX", "ELLIPSOID")
    )
    longest, most = np.argmax(size, axis=2), np.max(size, axis=2)
    across = np.sqrt(np.maximum((size**2).sum(axis=2) - most**2, 0.0))
    axis = np.where(box | ellipsoid, longest, 2)
    half = np.select([capsule | cylinder, box | ellipsoid], [size[..., 1], most], 0.0)
    radius = np.select([sphere | capsule | cylinder, box | ellipsoid], [size[..., 0], across], bound)
    return axis, half, radius


def shown_groups(sim: CpuSimulator, ids: np.ndarray, eye: Poses, fovy: np.ndarray, places: np.ndarray, aspect: float):
    """The geoms' groups for pictures of rows ids, (n, ngeom): as they are, or HIDDEN if a geom can't be in the picture.

    It can if the sphere around it reaches into the camera's pyramid.

    Args:
        eye: the cameras' places and frames, x right, y up, z backwards: (n, 3), (n, 3, 3).
        fovy: (n,) vertical fields of view, degrees.
        places: the geoms', (n, ngeom, 3).
        aspect: a picture's width by its height.
    """
    solid = np.flatnonzero(sim.model.geom_type != PLANE)
    way = places[:, solid] - eye[0][:, None]
    right, up, back = ((way * eye[1][:, None, :, k]).sum(axis=2) for k in range(3))  # (n, g) m, camera frame
    _, half, radius = bounding_capsules(sim, ids, solid)
    radius = 1.001 * (half + radius)
    tangent = np.tan(0.5 * np.radians(fovy))[:, None]  # of half the picture's height

    def beside(across, tangent):
        """Beyond the pyramid's sides by the radius and more."""
        return abs(across) + tangent * back > radius * np.sqrt(1.0 + tangent**2)

    hidden = beside(right, aspect * tangent) | beside(up, tangent) | (back > radius)
    groups = values(sim, "geom_group", ids) + np.zeros((len(ids), 1), np.int32)
    groups[:, solid] = np.where(hidden, HIDDEN, groups[:, solid])
    return groups
