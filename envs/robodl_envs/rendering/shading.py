"""Rows of a scene, and light as in OpenGL's fixed pipeline, without textures, highlights, shadows and attenuation."""

import math

import mujoco
import numpy as np

from robodl_envs.simulator import CpuSimulator

DEFAULT_RGBA = np.array([0.5, 0.5, 0.5, 1.0], np.float32)  # of a geom whose colour nobody chose
DIRECTIONAL = int(mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
SPOT = int(mujoco.mjtLightType.mjLIGHT_SPOT)


class SceneRows:
    """Geoms and lights in rows ids, (n,).

    Args:
        pos, mat: of geoms, world frame: (n, ngeom, 3) m, (n, ngeom, 3, 3) axes in columns.
    """

    def __init__(self, sim: CpuSimulator, ids: np.ndarray, pos: np.ndarray, mat: np.ndarray):
        self.sim, self.ids, self.pos, self.mat = sim, ids, pos, mat.reshape(*pos.shape, 3)
        self.size = row_values(sim, "geom_size", ids)  # (n or 1, ngeom, 3) m
        self.colors = geom_colors(sim, ids)  # (n or 1, ngeom, 3)
        self.lights = Lights(sim, ids)


class Lights:
    """The headlight, and the directional lights and spots of the world body, in rows ids.

    Fields have shape (n or 1, lights, ...): 1 where rows do not differ.
    """

    def __init__(self, sim: CpuSimulator, ids: np.ndarray):
        model, head = sim.model, sim.model.vis.headlight
        brightness = 1.0 if head.active else 0.0
        self.head_ambient = brightness * np.asarray(head.ambient, np.float32)  # (3,)
        self.head_diffuse = brightness * np.asarray(head.diffuse, np.float32)
        supported = (model.light_type == DIRECTIONAL) | (model.light_type == SPOT)  # OpenGL's pipeline has no others
        lights = np.flatnonzero((model.light_active != 0) & (model.light_bodyid == 0) & supported)
        self.ambient = row_values(sim, "light_ambient", ids)[:, lights]
        self.diffuse = row_values(sim, "light_diffuse", ids)[:, lights]
        self.pos = row_values(sim, "light_pos", ids)[:, lights]  # m, world frame
        direction = row_values(sim, "light_dir", ids)[:, lights]
        self.direction = (direction / np.sqrt((direction**2).sum(axis=2, keepdims=True))).astype(np.float32)
        self.directional = model.light_type[lights] == DIRECTIONAL  # (lights,)
        self.spots = [(math.cos(math.radians(model.light_cutoff[i])), float(model.light_exponent[i])) for i in lights]

    def row_arrays(self) -> list[np.ndarray]:
        """The arrays in which rows may differ."""
        return [self.ambient, self.diffuse, self.pos, self.direction]

    def shade(self, color, row, cam_pos, depth, ray, normal) -> np.ndarray:
        """Colours of points that rays hit, (h, 3) uint8.

        Args:
            color: (h, 3) of the geoms, from 0 to 1.
            row: (h,) which of the n rows.
            cam_pos: (n, 3) m, where rays begin.
            depth: (h,) of the points, in lengths of their rays.
            ray, normal: (h, 3) ray directions, and surface normals of unit length.
        """
        facing = np.maximum(-dot(normal, ray) / np.sqrt(dot(ray, ray)), 0.0)[:, None]
        light = self.head_diffuse * facing
        light += self.head_ambient
        for i, directional in enumerate(self.directional):
            pos, direction, ambient, diffuse = (
                array[row, i] if len(array) > 1 else array[0, i]
                for array in (self.pos, self.direction, self.ambient, self.diffuse)
            )
            if directional:
                incidence = np.maximum(-dot(normal, direction), 0.0)
            else:
                to_light = pos - (cam_pos[row] + depth[:, None] * ray)
                to_light /= np.sqrt(dot(to_light, to_light))[:, None]
                cos_angle = np.maximum(-dot(to_light, direction), 0.0)
                cos_cutoff, exponent = self.spots[i]
                in_cone = np.where(cos_angle >= cos_cutoff, cos_angle**exponent, 0.0)
                incidence = np.maximum(dot(normal, to_light), 0.0) * in_cone
            light += diffuse * incidence[:, None]
            light += ambient
        light *= color
        return to_bytes(light)

    def uniform_light(self, normal: np.ndarray) -> np.ndarray:
        """Light on planes with normals (n, 3) except the headlight's diffuse part, (n, 3).

        It is uniform over a plane because all lights must be directional.
        """
        light = np.broadcast_to(self.head_ambient, normal.shape).copy()
        for i in range(len(self.directional)):
            direction = np.broadcast_to(self.direction[:, i], normal.shape)
            incidence = np.maximum(-np.einsum("nj,nj->n", normal, direction), 0.0)
            light += self.ambient[:, i] + self.diffuse[:, i] * incidence[:, None]
        return light


def to_bytes(light: np.ndarray) -> np.ndarray:
    """Convert non-negative intensities, where 1 and more is white, to uint8. Overwrites light."""
    np.minimum(light, 1.0, out=light)
    light *= 255.0
    light += 0.5
    return light.astype(np.uint8)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Dot products, (h,), of vectors (h, 3) with vectors (h, 3) or with one vector (3,)."""
    return np.einsum("hi,hi->h" if b.ndim == 2 else "hi,i->h", a, b)


def row_values(sim: CpuSimulator, field: str, ids: np.ndarray) -> np.ndarray:
    """A field of the model in rows ids: (n, ...), or (1, ...) if rows do not differ in it."""
    rows = sim.expanded.get(field)
    return getattr(sim.model, field)[None] if rows is None else rows[ids]


def geom_colors(sim: CpuSimulator, ids: np.ndarray) -> np.ndarray:
    """Colours of geoms without textures, (n or 1, ngeom, 3): a geom's own, else its material's."""
    rgba, material = row_values(sim, "geom_rgba", ids), sim.model.geom_matid
    if (material < 0).all():
        return rgba[..., :3]
    from_material = (material >= 0) & (rgba == DEFAULT_RGBA).all(axis=-1)
    return np.where(from_material[..., None], row_values(sim, "mat_rgba", ids)[:, material], rgba)[..., :3]
