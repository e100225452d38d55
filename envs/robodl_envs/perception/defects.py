"""A block with pins, and the one flaw that it may have: what kind, on which face, where, and how it looks.

Sizes were chosen before anything was learnt, so that the expert's pictures show every flaw in 64 x 64 pixels: of 600
parts the smallest hole in a side covers 4 pixels. A stain is as large and as dark as a dent.
"""

import math

import mujoco
import numpy as np

from robodl_envs.arrays import Array, quat_mul, quat_rotate
from robodl_envs.component import Component, Field
from robodl_envs.perception.part import Part, plate
from robodl_envs.scene import NO_CONTACT

KINDS = ("good", "stain", "scratch", "dent", "missing_pin")
SHARES = (0.25, 0.25, 1 / 6, 1 / 6, 1 / 6)  # of all parts
BAD = (False, False, True, True, True)  # a stain does no harm
FACES = ("top", "left", "right")  # those that are inspected, with pins

HALF = (0.045, 0.045, 0.03)  # m, half sizes of the block
H = math.sqrt(0.5)
TO_FACE = np.array([[1.0, 0.0, 0.0, 0.0], [H, -H, 0.0, 0.0], [H, H, 0.0, 0.0]])  # turns the block's z outwards
MIDDLES = np.array([[0.0, 0.0, HALF[2]], [0.0, HALF[1], 0.0], [0.0, -HALF[1], 0.0]])  # m, in the block's frame
NORMALS = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])

PINS = np.array([[-0.034, 0.019], [0.034, 0.019], [0.0, -0.019]])  # m, on every face
PIN, TALL = 0.005, 0.005  # m, radius of a pin and how far it stands out
SPOT = (0.029, 0.015)  # m, how far from a face's middle a flaw's may be
CLEAR = 0.016  # m, the least distance of a flaw's middle from those of pins
TRIES = 16

SCRATCH = (0.0016, 0.010), (0.0022, 0.015)  # m, least and most: radius and half length
DENT, RIM = (0.0055, 0.008), 1.3  # m, radius; and how much larger its bright rim is
BLOT, SPREAD = (0.004, 0.008), 0.005  # m, half axes of a stain's blots, and how far they lie apart
THIN = 0.0005  # m, by which a mark covers another

# Red, green, blue: the least and the most.
PAINT = (0.34, 0.38, 0.42), (0.46, 0.50, 0.54)
BRASS = (0.75, 0.58, 0.20), (0.90, 0.72, 0.35)
BRIGHT, DARK = (0.85, 1.0), (0.04, 0.12)  # grey, of scratches
HOLLOW = (0.06, 0.16)  # grey, of dents and of holes
SHINE = (0.6, 0.85)  # grey, of a dent's rim
STAIN = (0.10, 0.07, 0.04), (0.30, 0.22, 0.15)

MARKS = ("scratch", "rim", "hollow", "blot0", "blot1", "blot2")
SHOWN = np.array(  # by kind: which marks it shows
    [
        [False, False, False, False, False, False],
        [False, False, False, True, True, True],
        [True, False, False, False, False, False],
        [False, True, True, False, False, False],
        [False, False, True, False, False, False],
    ]
)


class Defects(Component):
    """The block of a workpiece. What a row does not show is invisible, even to a camera within the block."""

    saved = ("kind", "face")

    def __init__(self, part: Part):
        self.part = part

    def build(self, spec):
        body, cylinder = self.part.body, mujoco.mjtGeom.mjGEOM_CYLINDER
        plate(body, HALF, "block")
        for f in range(len(FACES)):
            for p, (x, y) in enumerate(PINS):
                place, size = on_face(np.array(f), np.array([x, y, 0.0])), [PIN, TALL, 0.0]
                body.add_geom(name=f"pin{f}{p}", type=cylinder, pos=place, quat=TO_FACE[f], size=size, **NO_CONTACT)
        types = {"scratch": mujoco.mjtGeom.mjGEOM_CAPSULE, "rim": cylinder, "hollow": cylinder}
        for k, name in enumerate(MARKS):
            # Aslant: of geoms that lie as their body does, MuJoCo would not look at a row's own places.
            body.add_geom(
                name=name,
                type=types.get(name, mujoco.mjtGeom.mjGEOM_ELLIPSOID),
                pos=[0.001 * (k + 1), 0.0, 0.0],
                quat=[math.cos(0.5), 0.0, math.sin(0.5), 0.0],
                size=[0.01, 0.015 if name == "scratch" else 0.01, 0.01],
                **NO_CONTACT,
            )

    def bind(self, sim):
        self.kind = np.zeros((sim.num, len(KINDS)))  # (N, 5), 1 for what the part is
        self.face = np.zeros((sim.num, len(FACES)))  # (N, 3), 1 for the face with the mark; zeros for good parts
        self.block = int(sim.model.geom("block").id)
        first, mark = int(sim.model.geom("pin00").id), int(sim.model.geom(MARKS[0]).id)
        self.pins, self.marks = slice(first, first + len(FACES) * len(PINS)), slice(mark, mark + len(MARKS))
        self.geom_pos, self.geom_quat = sim.expand("geom_pos"), sim.expand("geom_quat")
        self.geom_size, self.color = sim.expand("geom_size"), sim.expand("geom_rgba")

    def reset(self, ids, rng):
        kind = (rng.uniform(ids)[:, None] >= np.cumsum(SHARES)[:-1]).sum(axis=1)  # (n,)
        face, pin = rng.integers(ids, len(FACES)), rng.integers(ids, len(PINS))
        self.kind[ids] = kind[:, None] == np.arange(len(KINDS))
        self.face[ids] = (face[:, None] == np.arange(len(FACES))) & (kind > 0)[:, None]
        missing = kind == KINDS.index("missing_pin")
        spot = np.where(missing[:, None], PINS[pin], clear_of_pins(ids, rng))  # (n, 2)
        self.mark(ids, rng, kind, face, spot)
        gone = missing[:, None] & (np.arange(len(FACES) * len(PINS)) == (len(PINS) * face + pin)[:, None])
        self.color[ids, self.pins, 3] = ~gone
        self.color[ids, self.block, :3] = rng.uniform(ids, *PAINT)
        self.color[ids, self.pins, :3] = rng.uniform(ids, *BRASS)[:, None]

    def mark(self, ids, rng, kind, face, spot):
        """Lay the marks of a flaw of a kind, (n,), on a face, (n,), about a spot on it, (n, 2) m."""
        n = len(ids)
        angle = rng.uniform(ids, np.zeros(len(MARKS)), 2.0 * math.pi)
        way = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=2)  # (n, marks, 3)
        place, quat, size = np.zeros((n, len(MARKS), 3)), np.zeros((n, len(MARKS), 4)), np.zeros((n, len(MARKS), 3))
        place[..., :2] = spot[:, None]

        # A capsule's axis is z: a quarter turn lays it down.
        quat[:, 0, 0], quat[:, 0, 1:] = H, H * way[:, 0]
        size[:, 0, :2] = rng.uniform(ids, *SCRATCH)
        # The hollow lies to one side of its rim, as light from one side shows it. A hole has no rim.
        missing = kind == KINDS.index("missing_pin")
        radius = np.where(missing, 0.9 * PIN, rng.uniform(ids, *DENT))
        place[:, 1] += 0.8 * (RIM - 1.0) * radius[:, None] * way[:, 1]
        quat[:, 1:3, 0] = 1.0
        size[:, 1, 0], size[:, 2, 0] = RIM * radius, radius
        size[:, 1, 1], size[:, 2, 1] = THIN, 2.0 * THIN
        # Blots are flat, each turned its own way.
        place[:, 3:] += SPREAD * way[:, 3:]
        half = rng.uniform(ids, np.zeros(3), math.pi)
        quat[:, 3:, 0], quat[:, 3:, 3] = np.cos(half), np.sin(half)
        size[:, 3:, :2] = rng.uniform(ids, np.full((3, 2), BLOT[0]), BLOT[1])
        size[:, 3:, 2] = THIN * np.array([1.0, 1.5, 2.0])

        self.geom_pos[ids, self.marks] = on_face(face[:, None], place)
        self.geom_quat[ids, self.marks] = quat_mul(TO_FACE[face][:, None], quat)
        self.geom_size[ids, self.marks] = size

        grey = rng.uniform(ids, [BRIGHT[0], DARK[0], SHINE[0], HOLLOW[0]], [BRIGHT[1], DARK[1], SHINE[1], HOLLOW[1]])
        scratch = np.where(rng.uniform(ids) < 0.5, grey[:, 0], grey[:, 1])
        color = np.stack([scratch, grey[:, 2], grey[:, 3]], axis=1)  # (n, 3 marks)
        self.color[ids, self.marks, 3] = SHOWN[kind]  # 0 is not drawn, and costs nothing
        self.color[ids, self.marks, :3] = np.concatenate(
            [
                np.broadcast_to(color[..., None], (n, 3, 3)),
                np.broadcast_to(rng.uniform(ids, *STAIN)[:, None], (n, 3, 3)),
            ],
            axis=1,
        )

    @property
    def is_bad(self) -> Array:
        """(N,) bool"""
        return (self.kind * BAD).sum(axis=1) > 0.5

    def middles(self) -> Array:
        """The middles of the faces, (N, 3 faces, 3) m, world frame."""
        return self.part.points(np.broadcast_to(MIDDLES, (len(self.kind), *MIDDLES.shape)))

    def normals(self) -> Array:
        """Their normals, (N, 3 faces, 3), world frame."""
        return quat_rotate(self.part.quat[:, None], np.broadcast_to(NORMALS, (len(self.kind), *NORMALS.shape)))

    def observe(self):
        return [self.kind, self.face]

    def fields(self):
        kinds, faces = len(KINDS), len(FACES)
        return [
            Field("kind", "1", [0.0] * kinds, [1.0] * kinds, f"1 for what the part is: {', '.join(KINDS)}"),
            Field("face", "1", [0.0] * faces, [1.0] * faces, f"1 for the face with the mark: {', '.join(FACES)}"),
        ]


def on_face(face, place):
    """Places on faces, (...), given to the right, upwards and outwards, (..., 3) m, in the block's frame."""
    return MIDDLES[face] + quat_rotate(np.broadcast_to(TO_FACE[face], (*place.shape[:-1], 4)), place)


def clear_of_pins(ids, rng) -> Array:
    """A spot on a face for each of rows ids, (n, 2) m, that is not at a pin: the first such of TRIES."""
    points = rng.uniform(ids, np.tile(np.negative(SPOT), (TRIES, 1)), np.tile(SPOT, (TRIES, 1)))  # (n, TRIES, 2)
    apart = np.sqrt(((points[:, :, None] - PINS) ** 2).sum(axis=3)).min(axis=2)
    return points[np.arange(len(ids)), (apart >= CLEAR).argmax(axis=1)]
