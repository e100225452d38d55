"""A block with pins and at most one defect: which kind, on which face, where, and how it looks.

Sizes were chosen before anything was learnt, so that the expert's images show every defect in 64 x 64 pixels: of 600
parts the smallest hole in a side covers 4 pixels. A stain is as large and as dark as a dent.
"""

import math

import mujoco
import numpy as np

from robodl_envs.arrays import (
    Array,
    arange,
    array,
    distance,
    first_true,
    namespace,
    one_hot,
    quat_mul,
    quat_rotate,
    zeros,
)
from robodl_envs.component import Component
from robodl_envs.perception.part import Part, RowGeoms, add_mark, add_plate
from robodl_envs.perception.perception_task import share
from robodl_envs.scene import NO_CONTACT

KINDS = ("good", "stain", "scratch", "dent", "missing_pin")
KIND_SHARES = (0.25, 0.25, 1 / 6, 1 / 6, 1 / 6)  # of all parts
IS_BAD = (0.0, 0.0, 1.0, 1.0, 1.0)  # by kind; a stain does no harm
FACES = ("top", "left", "right")  # those that are inspected, with pins

BLOCK = (0.045, 0.045, 0.03)  # m, half sizes of the block
H = math.sqrt(0.5)
FACE_QUATS = ((1.0, 0.0, 0.0, 0.0), (H, -H, 0.0, 0.0), (H, H, 0.0, 0.0))  # rotate the block's z outwards
FACE_CENTERS = ((0.0, 0.0, BLOCK[2]), (0.0, BLOCK[1], 0.0), (0.0, -BLOCK[1], 0.0))  # m, in the block's frame
FACE_NORMALS = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))

PIN_POSITIONS = ((-0.034, 0.019), (0.034, 0.019), (0.0, -0.019))  # m, on every face
PIN_RADIUS, PIN_HEIGHT = 0.005, 0.005  # m
MAX_DEFECT_OFFSET = (0.029, 0.015)  # m, from a face's middle
MIN_PIN_DISTANCE = 0.016  # m, of a defect's middle from those of pins
TRIES = 16

SCRATCH = (0.0016, 0.010), (0.0022, 0.015)  # m, least and most: radius and half length
DENT, RIM = (0.0055, 0.008), 1.3  # m, radius; and how much larger its bright rim is
BLOT, BLOT_SPREAD = (0.004, 0.008), 0.005  # m, half axes of a stain's blots, and how far they lie apart
THICKNESS = 0.0005  # m, by which a mark covers another

# Red, green, blue: the least and the most.
PAINT = (0.34, 0.38, 0.42), (0.46, 0.50, 0.54)
BRASS = (0.75, 0.58, 0.20), (0.90, 0.72, 0.35)
BRIGHT, DARK = (0.85, 1.0), (0.04, 0.12)  # grey, of scratches
HOLLOW = (0.06, 0.16)  # grey, of dents and of holes
SHINE = (0.6, 0.85)  # grey, of a dent's rim
STAIN = (0.10, 0.07, 0.04), (0.30, 0.22, 0.15)

MARKS = ("scratch", "rim", "hollow", "blot0", "blot1", "blot2")
BLOTS = MARKS[3:]
SHOWN = {"good": (), "stain": BLOTS, "scratch": ("scratch",), "dent": ("rim", "hollow"), "missing_pin": ("hollow",)}
MARKS_OF_KIND = tuple(tuple(mark in SHOWN[kind] for mark in MARKS) for kind in KINDS)


class Defects(Component):
    """The block of a part. Marks that a row does not show are invisible, even to a camera within the block."""

    saved = ("kind", "face")

    def __init__(self, part: Part):
        self.part = part

    def build(self, spec):
        body, cylinder = self.part.body, mujoco.mjtGeom.mjGEOM_CYLINDER
        add_plate(body, BLOCK, "block")
        for f, (center, quat) in enumerate(zip(np.array(FACE_CENTERS), np.array(FACE_QUATS), strict=True)):
            for p, pin in enumerate(PIN_POSITIONS):
                pos, size = on_face(center, quat, np.array([*pin, 0.0])), [PIN_RADIUS, PIN_HEIGHT, 0.0]
                body.add_geom(name=f"pin{f}{p}", type=cylinder, pos=pos, quat=quat, size=size, **NO_CONTACT)
        capsule, ellipsoid = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_ELLIPSOID
        for k, (name, kind) in enumerate(zip(MARKS, (capsule, cylinder, cylinder, *[ellipsoid] * 3), strict=True)):
            size = [0.01, 0.015 if kind == capsule else 0.01, 0.01]
            add_mark(body, name, kind, 0.001 * (k + 1), 0.0, size)

    def bind(self, sim):
        self.kind = sim.zeros(len(KINDS))  # (N, 5), 1 for the part's kind
        self.face = sim.zeros(len(FACES))  # (N, 3), 1 for the face with the mark; zeros for good parts
        self.block, self.pins = RowGeoms(sim, "block", "block"), RowGeoms(sim, "pin00", "pin22")
        self.marks = RowGeoms(sim, MARKS[0], MARKS[-1])
        self.kind_thresholds = sim.array(np.cumsum(KIND_SHARES)[:-1])
        self.bad_kinds, self.marks_of_kind = sim.array(IS_BAD), sim.array(MARKS_OF_KIND)
        self.pin_positions = sim.array(PIN_POSITIONS)
        self.centers, self.quats, self.normals_of = map(sim.array, (FACE_CENTERS, FACE_QUATS, FACE_NORMALS))

    def reset(self, ids, rng):
        kind = (rng.uniform(ids)[:, None] >= self.kind_thresholds).sum(axis=1)  # (n,)
        face, pin = rng.integers(ids, len(FACES)), rng.integers(ids, len(PIN_POSITIONS))
        self.kind[ids] = one_hot(kind, len(KINDS), self.kind)
        self.face[ids] = one_hot(face, len(FACES), self.kind) * (kind > 0)[:, None]
        missing = kind == KINDS.index("missing_pin")
        beside_pins = self.spot_beside_pins(ids, rng)
        spot = namespace(beside_pins).where(missing[:, None], self.pin_positions[pin], beside_pins)  # (n, 2)
        self.place_marks(ids, rng, kind, face, spot)
        self.color_marks(ids, rng, kind)
        absent = missing[:, None] & (arange(self.pins.count, kind) == (len(PIN_POSITIONS) * face + pin)[:, None])
        self.pins.rgba[ids, :, 3] = array(~absent, self.pins.rgba)
        self.block.paint(ids, rng.uniform(ids, *PAINT))
        self.pins.paint(ids, rng.uniform(ids, *BRASS))

    def spot_beside_pins(self, ids, rng) -> Array:
        """A spot on a face for each of rows ids, (n, 2) m, that is not at a pin: the first such of TRIES."""
        low = [[-side for side in MAX_DEFECT_OFFSET]] * TRIES
        points = rng.uniform(ids, low, MAX_DEFECT_OFFSET)  # (n, TRIES, 2)
        nearest = namespace(points).amin(distance(points[:, :, None], self.pin_positions), axis=2)
        return points[arange(len(ids), points), first_true(nearest >= MIN_PIN_DISTANCE)]

    def place_marks(self, ids, rng, kind, face, spot):
        """Lay the marks of a kind, (n,), on a face, (n,), about a spot on it, (n, 2) m."""
        n, xp = len(ids), namespace(spot)
        angle = rng.uniform(ids, [0.0] * len(MARKS), 2.0 * math.pi)
        direction = xp.stack([xp.cos(angle), xp.sin(angle), 0.0 * angle], axis=2)  # (n, marks, 3)
        pos, quat, size = (zeros(spot, n, len(MARKS), k) for k in (3, 4, 3))
        pos[..., :2] = spot[:, None]

        # A capsule's axis is z: a quarter turn lays it down.
        quat[:, 0, 0], quat[:, 0, 1:] = H, H * direction[:, 0]
        size[:, 0, :2] = rng.uniform(ids, *SCRATCH)
        # The hollow lies to one side of its rim, as light from one side shows it. A hole has no rim.
        missing = kind == KINDS.index("missing_pin")
        radius = xp.where(missing, 0.9 * PIN_RADIUS, rng.uniform(ids, *DENT))
        pos[:, 1] += 0.8 * (RIM - 1.0) * radius[:, None] * direction[:, 1]
        quat[:, 1:3, 0] = 1.0
        size[:, 1, 0], size[:, 2, 0] = RIM * radius, radius
        size[:, 1, 1], size[:, 2, 1] = THICKNESS, 2.0 * THICKNESS
        # Blots are flat, each with its own orientation.
        pos[:, 3:] += BLOT_SPREAD * direction[:, 3:]
        half_angle = rng.uniform(ids, [0.0] * 3, math.pi)
        quat[:, 3:, 0], quat[:, 3:, 3] = xp.cos(half_angle), xp.sin(half_angle)
        size[:, 3:, :2] = rng.uniform(ids, [[BLOT[0]] * 2] * 3, BLOT[1])
        size[:, 3:, 2] = THICKNESS * array([1.0, 1.5, 2.0], size)

        face_quat = self.quats[face][:, None]
        self.marks.pos[ids] = on_face(self.centers[face][:, None], face_quat, pos)
        self.marks.quat[ids] = quat_mul(face_quat, quat)
        self.marks.size[ids] = size

    def color_marks(self, ids, rng, kind):
        """Draw the marks' colours, and hide those that parts of a kind, (n,), do not show."""
        grey = rng.uniform(ids, *zip(BRIGHT, DARK, SHINE, HOLLOW, strict=True))  # (n, 4)
        xp, rgba = namespace(grey), self.marks.rgba
        scratch = xp.where(rng.uniform(ids) < 0.5, grey[:, 0], grey[:, 1])
        greys = xp.stack([scratch, grey[:, 2], grey[:, 3]], axis=1)[..., None]  # (n, 3 marks, 1)
        rgba[ids, :3, :3] = array(xp.broadcast_to(greys, (len(ids), 3, 3)), rgba)
        rgba[ids, 3:, :3] = array(xp.broadcast_to(rng.uniform(ids, *STAIN)[:, None], (len(ids), 3, 3)), rgba)
        rgba[ids, :, 3] = array(self.marks_of_kind[kind], rgba)  # 0 is not drawn

    @property
    def is_bad(self) -> Array:
        """(N,) bool"""
        return (self.kind * self.bad_kinds).sum(axis=1) > 0.5

    def centers_of_faces(self) -> Array:
        """The middles of the faces, (N, 3 faces, 3) m, world frame."""
        return self.part.points(self.centers)

    def normals_of_faces(self) -> Array:
        """Their normals, (N, 3 faces, 3), world frame."""
        return quat_rotate(self.part.quat[:, None], self.normals_of)

    def observables(self):
        kind, face = f"1 for the part's kind: {', '.join(KINDS)}", f"1 for the face with the mark: {', '.join(FACES)}"
        return [
            share("kind", len(KINDS), kind, lambda: self.kind),
            share("face", len(FACES), face, lambda: self.face),
        ]


def on_face(center: Array, quat: Array, pos: Array) -> Array:
    """Positions on a face, (..., 3) m to the right, upwards and outwards, in the block's frame."""
    return center + quat_rotate(quat, pos)
