"""Colours and light as OpenGL's fixed pipeline has them, without textures, highlights and shadows."""

import math

import mujoco
import numpy as np

from robodl_envs.simulator import CpuSimulator

PLAIN = np.array([0.5, 0.5, 0.5, 1.0], np.float32)  # a geom's colour where nobody chose one
DIRECTIONAL = int(mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)


class Lights:
    """The lights of rows ids: the one at the eye, and the world body's directional ones and spots, not attenuated."""

    def __init__(self, sim: CpuSimulator, ids: np.ndarray):
        model, head = sim.model, sim.model.vis.headlight
        lit = 1.0 if head.active else 0.0
        self.head_ambient, self.head_diffuse = (lit * np.asarray(c, np.float32) for c in (head.ambient, head.diffuse))
        spot = int(mujoco.mjtLightType.mjLIGHT_SPOT)
        drawn = (model.light_type == DIRECTIONAL) | (model.light_type == spot)  # OpenGL's pipeline has no others
        on = np.flatnonzero((model.light_active != 0) & (model.light_bodyid == 0) & drawn)
        self.ambient = values(sim, "light_ambient", ids)[:, on]
        self.diffuse = values(sim, "light_diffuse", ids)[:, on]
        self.place = values(sim, "light_pos", ids)[:, on]
        way = values(sim, "light_dir", ids)[:, on]
        self.way = (way / np.sqrt((way**2).sum(axis=2, keepdims=True))).astype(np.float32)
        self.directional = model.light_type[on] == DIRECTIONAL
        self.spot = [(math.cos(math.radians(model.light_cutoff[i])), float(model.light_exponent[i])) for i in on]

    def parts(self) -> list[np.ndarray]:
        """All that rows may differ in, (n or 1, ...) each."""
        return [self.ambient, self.diffuse, self.place, self.way]

    def lit(self, color, row, place, depth, ray, normal) -> np.ndarray:
        """Colours, (h, 3) uint8, of points of rows, (h,), that rays, (h, 3), from the eye at place, (n, 3), hit."""
        outwards = np.maximum(-dot(normal, ray) / np.sqrt(dot(ray, ray)), 0.0)[:, None]
        light = self.head_diffuse * outwards
        light += self.head_ambient
        for i, directional in enumerate(self.directional):
            at, way, ambient, diffuse = (
                part[row, i] if len(part) > 1 else part[0, i]
                for part in (self.place, self.way, self.ambient, self.diffuse)
            )
            if directional:
                shine = np.maximum(-dot(normal, way), 0.0)
            else:
                to_light = at - (place[row] + depth[:, None] * ray)
                to_light /= np.sqrt(dot(to_light, to_light))[:, None]
                along = np.maximum(-dot(to_light, way), 0.0)
                edge, exponent = self.spot[i]
                shine = np.maximum(dot(normal, to_light), 0.0) * np.where(along >= edge, along**exponent, 0.0)
            light += diffuse * shine[:, None]
            light += ambient
        light *= color
        return as_bytes(light)

    def even(self, normal: np.ndarray) -> np.ndarray:
        """What all lights but the eye's give to flat things with normals (n, 3), where they are directional: (n, 3)."""
        light = np.broadcast_to(self.head_ambient, normal.shape).copy()
        for i in range(len(self.directional)):
            shine = np.maximum(-np.einsum("nj,nj->n", normal, np.broadcast_to(self.way[:, i], normal.shape)), 0.0)
            light += self.ambient[:, i] + self.diffuse[:, i] * shine[:, None]
        return light


def as_bytes(light: np.ndarray) -> np.ndarray:
    """Numbers from 0 as bytes; what is brighter than 1 is white. Overwrites light."""
    np.minimum(light, 1.0, out=light)
    light *= 255.0
    light += 0.5
    return light.astype(np.uint8)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products, (h,), of vectors, (h, 3), with vectors, (h, 3), or with one, (3,)."""
    return np.einsum("hi,hi->h" if b.ndim == 2 else "hi,i->h", a, b)


def values(sim: CpuSimulator, field: str, ids: np.ndarray) -> np.ndarray:
    """A field of the model: (n, ...) of rows ids where rows differ in it, else (1, ...)."""
    own = sim.expanded.get(field)
    return getattr(sim.model, field)[None] if own is None else own[ids]


def geom_colors(sim: CpuSimulator, ids: np.ndarray) -> np.ndarray:
    """Colours without textures, (n or 1, ngeom, 3): a geom's own, or its material's where it has none."""
    rgba, material = values(sim, "geom_rgba", ids), sim.model.geom_matid
    if (material < 0).all():
        return rgba[..., :3]
    painted = (material >= 0) & (rgba == PLAIN).all(axis=-1)
    return np.where(painted[..., None], values(sim, "mat_rgba", ids)[:, material], rgba)[..., :3]
