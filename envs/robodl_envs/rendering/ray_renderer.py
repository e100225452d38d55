"""Pictures by ray casting on the simulation's own thread pool: no OpenGL, and no driver to differ by.

Two things make it fast. Before a fixed camera the backdrop, all that does not move, is cast once and kept while a
row's camera, lights, colours and static geoms stay as they are; before a carried one planes are drawn in closed form,
and geoms that are not in the picture are left out. And rays are cast only through pixels that what is left can cover:
those in rectangles around the pictures of the pieces of its geoms' bounding capsules.
"""

import copy
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np
from mujoco.batch import Batch

from robodl_envs.rendering.modalities import FAR, FOR_LEARNING, HIDDEN, PLANE, dtype_of, shape_of
from robodl_envs.rendering.planes import paint_planes
from robodl_envs.rendering.shading import Lights, geom_colors, values
from robodl_envs.rendering.visibility import Poses, bounding_capsules, shown_groups
from robodl_envs.simulator import CpuSimulator

BESIDE = 0.5 * np.pi - 1e-3  # rad from the line of sight; nothing further out is in a picture
PIECES = 2  # of a bounding capsule; more cover fewer pixels in vain, and take longer to find
CHUNK = 32 * 64 * 64  # pixels drawn at once


class RayRenderer:
    """What one camera sees in each row.

    Args:
        kinds: any of "rgb", "depth", "segmentation".
        classes: (ngeom,) uint8, what segmentation calls each geom.
        moves: whether the camera is carried by something that moves.
        slots: backdrops that are kept: 0 for one a row, or 1 for a camera that draws one row at a time.
        groups: (6,) uint8, which geom groups are drawn.
    """

    def __init__(
        self,
        sim: CpuSimulator,
        kinds: Collection[str],
        height: int,
        width: int,
        classes: np.ndarray,
        moves: bool = False,
        slots: int = 0,
        groups: np.ndarray = FOR_LEARNING,
    ):
        self.sim, self.kinds, self.height, self.width, self.moves = sim, tuple(kinds), height, width, moves
        self.classes = np.append(classes, np.uint8(0))  # geom -1 is background
        self.groups = groups
        model = sim.model
        static = model.body_weldid[model.geom_bodyid] == 0
        plane = model.geom_type == PLANE
        drawn = groups[np.clip(model.geom_group, 0, len(groups) - 1)] != 0
        self.static, self.moving = np.flatnonzero(static & drawn), np.flatnonzero(~static & drawn)
        self.planes, self.solid = np.flatnonzero(plane & drawn), np.flatnonzero(~plane & drawn)
        self.anything, self.but_planes = np.append(plane | ~plane, False), np.append(~plane, False)  # geom -1: nothing
        columns = np.arange(width) + 0.5 - 0.5 * width
        rows = 0.5 * height - 0.5 - np.arange(height)
        self.right, self.up = (np.ravel(grid) for grid in np.meshgrid(columns, rows))  # (P,) pixels from the middle
        self.slots = slots or sim.num
        self.seen = np.full((self.slots, 0), np.nan)  # what each backdrop was drawn for
        self.backdrop: dict[str, np.ndarray] = {}  # by kind, and "far", the depth whether asked for or not

    def draw(self, ids: np.ndarray, eye: Poses, fovy: np.ndarray, geoms: Poses, sky=None) -> dict[str, np.ndarray]:
        """Pictures of rows ids, (n,): {kind: (n, height, width, channels)}, some rows at a time to stay in the cache.

        Args:
            eye: the cameras' places and frames, x right, y up, z backwards: (n, 3), (n, 3, 3).
            fovy: (n,) vertical fields of view, degrees.
            geoms: the geoms' places and frames: (n, ngeom, 3), (n, ngeom, 3, 3).
            sky: (n, 3) uint8, the colour of nothing; None for black.
        """
        most = max(1, CHUNK // (self.height * self.width))
        parts = []
        for first in range(0, len(ids), most):
            some = slice(first, first + most)
            own = (eye[0][some], eye[1][some]), fovy[some], (geoms[0][some], geoms[1][some])
            parts.append(self.draw_some(ids[some], *own, None if sky is None else sky[some]))
        return {kind: np.concatenate([part[kind] for part in parts]) for kind in self.kinds}

    def draw_some(self, ids, eye, fovy, geoms, sky) -> dict[str, np.ndarray]:
        n, count = len(ids), self.height * self.width
        focal = 0.5 * self.height / np.tan(0.5 * np.radians(fovy))  # (n,) pixels
        paint = Lights(self.sim, ids), geom_colors(self.sim, ids)
        shows = self.anything
        if self.moves and paint[0].directional.all():
            shows = self.but_planes  # whatever planes rays meet besides
            pictures = self.blank(n, sky)
            far = self.planes_below(pictures, ids, eye, focal, geoms, paint)
            mask = self.covered(ids, eye, focal, geoms, self.solid)
        elif self.moves:
            pictures = self.blank(n, sky)
            far = np.full((n, count), np.inf, np.float32)
            mask = np.ones((n, count), bool)
        else:
            self.refresh(ids, eye, focal, geoms, paint, sky)
            slots = ids % self.slots
            pictures = {kind: self.backdrop[kind][slots] for kind in self.kinds}  # new arrays
            far = self.backdrop["far"][slots]
            mask = self.covered(ids, eye, focal, geoms, self.moving)
        with self.only_shown(ids, eye, fovy, geoms):
            for some, pixels in alike(mask):
                rays = self.rays(pixels, eye[1][some], focal[some])
                hits = self.sim.batch.ray(eye[0][some, None], rays, self.groups, self.moves, ids=ids[some], normal=True)
                self.paint(pictures, some, pixels, rays, hits, far, shows, eye[0], paint)
        return {kind: picture.reshape(n, self.height, self.width, -1) for kind, picture in pictures.items()}

    @contextmanager
    def only_shown(self, ids, eye, fovy, geoms) -> Iterator[None]:
        """Leave out what is not in a carried camera's pictures: a ray asks each geom of a drawn group."""
        if not self.moves:
            yield
            return
        groups = self.sim.batch.expand("geom_group")
        kept = groups[ids]
        groups[ids] = shown_groups(self.sim, ids, eye, fovy, geoms[0], self.width / self.height)
        try:
            yield
        finally:
            groups[ids] = kept

    def planes_below(self, pictures, ids, eye, focal, geoms, paint) -> np.ndarray:
        """Paint the planes of rows ids and return their depths, (n, P)."""
        if (focal == focal[0]).all():
            focal = focal[:1]
        grid = self.right / focal[:, None], self.up / focal[:, None]
        planes = geoms[0][:, self.planes], geoms[1][:, self.planes]
        sizes = values(self.sim, "geom_size", ids)[:, self.planes]
        lights, colors = paint
        return paint_planes(
            pictures, grid, eye, planes, sizes, lights, colors[:, self.planes], self.classes[self.planes]
        )

    def blank(self, n: int, sky) -> dict[str, np.ndarray]:
        """Pictures of nothing, (n, P, channels)."""
        pictures: dict[str, np.ndarray] = {}
        for kind in self.kinds:
            pictures[kind] = np.zeros((n, self.height * self.width, shape_of(kind, 1, 1)[2]), dtype_of(kind))
        if "depth" in pictures:
            pictures["depth"][:] = FAR
        if "rgb" in pictures and sky is not None:
            pictures["rgb"][:] = sky[:, None]
        return pictures

    def paint(self, pictures, some, pixels, rays, hits, far, shows, place, paint) -> None:
        """Write what rays through pixels, (g, L), of some of the rows, (g,), hit nearer than far, (n, P), and shows."""
        depth, geom, normal = hits
        count = self.height * self.width
        flat = pixels + count * some[:, None]  # (g, L), where a pixel lies in all rows' pictures
        hit = np.flatnonzero(shows[geom] & (depth < far.ravel()[flat]))
        row, flat, geom, depth = some[hit // pixels.shape[1]], flat.ravel()[hit], geom.ravel()[hit], depth.ravel()[hit]
        if "rgb" in pictures:
            lights, colors = paint
            ray, normal = (part.reshape(-1, 3).take(hit, axis=0).astype(np.float32) for part in (rays, normal))
            color = colors[row if len(colors) > 1 else 0, geom]
            pictures["rgb"].reshape(-1, 3)[flat] = lights.lit(color, row, place, depth, ray, normal)
        if "depth" in pictures:
            pictures["depth"].reshape(-1)[flat] = np.minimum(depth, FAR)
        if "segmentation" in pictures:
            pictures["segmentation"].reshape(-1)[flat] = self.classes[geom]

    def rays(self, pixels, frame, focal) -> np.ndarray:
        """Rays through pixels, (n, L), in the world's frame: (n, L, 3), of length 1 along the line of sight.

        Written out, because the last bits of a matrix product depend on its shape.
        """
        scaled = frame / focal[:, None, None]
        rays = np.empty((*pixels.shape, 3))
        right, up = self.right[pixels], self.up[pixels]
        for axis in range(3):
            np.multiply(right, scaled[:, axis, :1], out=rays[..., axis])
            rays[..., axis] += up * scaled[:, axis, 1:2]
            rays[..., axis] -= frame[:, axis, 2:]
        return rays

    def covered(self, ids, eye, focal, geoms, chosen) -> np.ndarray:
        """Pixels that the chosen geoms may cover: (n, P) bool."""
        place, frame = eye
        center, turn = geoms[0][:, chosen], geoms[1][:, chosen]
        axis, half, radius = bounding_capsules(self.sim, ids, chosen)  # (n or 1, g)
        along = half[..., None] * np.take_along_axis(turn, axis[..., None, None], axis=3)[..., 0]  # (n, g, 3)
        cuts = np.linspace(-1.0, 1.0, PIECES + 1)[:, None, None, None]
        points = (center - place[:, None]) + cuts * along  # (c, n, g, 3), the middles of the pieces' end spheres
        seen = np.einsum("cngi,nij->cngj", points, frame)  # camera frame
        # An end sphere fills a range of angles, to the right and upwards; a piece, all between those of its ends.
        middle = np.arctan2(seen[..., :2], -seen[..., 2:])  # (c, n, g, 2)
        apart = np.sqrt(seen[..., :2] ** 2 + seen[..., 2:] ** 2)
        spread = np.arcsin(np.minimum(radius[..., None] / np.maximum(apart, 1e-9), 1.0))
        spread = np.where(apart > radius[..., None], spread, np.pi)  # the eye is within: it fills all
        low, high = pair(middle - spread, np.minimum), pair(middle + spread, np.maximum)  # (n, pieces * g, 2)
        ahead = (low < BESIDE) & (high > -BESIDE)
        low = np.where(ahead, np.tan(np.clip(low, -BESIDE, BESIDE)), np.inf)  # at depth 1
        high = np.where(ahead, np.tan(np.clip(high, -BESIDE, BESIDE)), -np.inf)
        low, high = (focal[:, None, None] * edge for edge in (low, high))  # pixels from the middle
        right, up = self.right[: self.width], self.up[:: self.width]
        columns = (right >= low[..., :1] - 1e-3) & (right <= high[..., :1] + 1e-3)  # (n, pieces * g, W)
        rows = (up >= low[..., 1:] - 1e-3) & (up <= high[..., 1:] + 1e-3)  # (n, pieces * g, H)
        # Small whole numbers, exact in any order of summation.
        count = rows.transpose(0, 2, 1).astype(np.float32) @ columns.astype(np.float32)
        return count.reshape(len(place), -1) > 0.0

    def refresh(self, ids, eye, focal, geoms, paint, sky) -> None:
        """Draw the backdrops of rows in which anything that they depend on is not what it was."""
        n, slots = len(ids), ids % self.slots
        lights, colors = paint
        parts = [*eye, focal, geoms[0][:, self.static], geoms[1][:, self.static], *lights.parts()]
        parts += [colors[:, self.static], values(self.sim, "geom_size", ids)[:, self.static]]
        parts += [] if sky is None else [sky]
        whole = [np.broadcast_to(part, (n, *part.shape[1:])).reshape(n, -1) for part in parts]
        key = np.concatenate(whole, axis=1)
        if not self.backdrop:
            self.backdrop = self.blank(self.slots, None)
            self.backdrop["far"] = np.empty((self.slots, self.height * self.width), np.float32)
            self.seen = np.full((self.slots, key.shape[1]), np.nan)
        changed = np.flatnonzero((self.seen[slots] != key).any(axis=1))
        drawn: dict[bytes, int] = {}
        for k in changed.tolist():
            twin = drawn.setdefault(key[k].tobytes(), k)
            if twin == k:
                self.draw_backdrop(ids[k : k + 1], k, eye, focal, paint, sky)
                continue
            for kept in self.backdrop.values():
                kept[slots[k]] = kept[slots[twin]]
        self.seen[slots[changed]] = key[changed]

    def draw_backdrop(self, ids, k, eye, focal, paint, sky) -> None:
        """Draw the backdrop of one row, the k-th of those asked for."""
        model = copy.copy(self.sim.model)
        if self.sim.expanded:
            self.sim.batch.get_model(int(ids[0]), model)
        model.geom_group[self.moving] = HIDDEN
        still = Batch(model, 1, 1)  # and not mj_multiRay, which trusts bounding volumes that a row's own sizes outgrow
        still.state[:] = self.sim.batch.state[ids]
        one = slice(k, k + 1)
        pixels = np.arange(self.height * self.width)[None]
        rays = self.rays(pixels, eye[1][one], focal[one])
        hits = still.ray(eye[0][one, None], rays, self.groups, normal=True)
        pictures = self.blank(1, None if sky is None else sky[one])
        far = np.full(pixels.shape, np.inf, np.float32)
        colors = paint[1]
        own = Lights(self.sim, ids), colors[one] if len(colors) > 1 else colors
        self.paint(pictures, np.array([0]), pixels, rays, hits, far, self.anything, eye[0][one], own)
        slot = ids[0] % self.slots
        for kind, picture in pictures.items():
            self.backdrop[kind][slot] = picture[0]
        self.backdrop["far"][slot] = np.where(hits[1][0] >= 0, hits[0][0], np.inf)


def pair(ends: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Join neighbouring ends, (c + 1, n, g, k), to pieces, (n, c * g, k)."""
    pieces = join(ends[:-1], ends[1:])
    return pieces.transpose(1, 0, 2, 3).reshape(pieces.shape[1], -1, pieces.shape[3])


def alike(mask: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The True columns of (n, P), by groups of rows with like numbers of them: rows, (g,), and columns, (g, L)."""
    _, octave = np.frexp(mask.sum(axis=1))  # alike are numbers between the same powers of two
    for some in (np.flatnonzero(octave == each) for each in np.unique(octave[octave > 0])):
        yield some, listed(mask[some])


def listed(mask: np.ndarray) -> np.ndarray:
    """Indices of the True columns of each row of (n, P), filled up to equal numbers with 0: (n, L)."""
    counts = mask.sum(axis=1)
    indices = np.zeros((len(mask), int(counts.max(initial=0))), np.int64)
    indices[np.arange(indices.shape[1]) < counts[:, None]] = np.flatnonzero(mask) % mask.shape[1]
    return indices
