"""A plate with a handwritten digit: its strokes are capsules in the plate's surface."""

import math

import mujoco

from robodl_envs.arrays import clip, namespace, one_hot
from robodl_envs.component import Component
from robodl_envs.perception.handwriting import PIECES, TEMPLATES, write
from robodl_envs.perception.part import Part, RowGeoms, add_mark, add_plate

PLATE, THICKNESS = 0.05, 0.004  # m, half sizes of the plate
DIGIT_SIZE = 0.036  # m, half the height of a digit
PEN_RADIUS = (0.0025, 0.0045)  # m
PAPER, INK = (0.55, 1.0), (0.0, 0.3)  # red, green and blue of each
DIGITS = tuple("0123456789")


class DigitPlate(Component):
    """The plate of a part."""

    saved = ("digit",)

    def __init__(self, part: Part):
        self.part = part

    def build(self, spec):
        body, capsule = self.part.body, mujoco.mjtGeom.mjGEOM_CAPSULE
        add_plate(body, (PLATE, PLATE, THICKNESS), "plate")
        for k in range(PIECES):
            add_mark(body, f"stroke{k}", capsule, 0.001 * (k + 1), THICKNESS, [PEN_RADIUS[0], 0.01, 0.0])

    def bind(self, sim):
        self.digit = sim.zeros(len(DIGITS))  # (N, 10), 1 for the written one
        self.plate, self.strokes = RowGeoms(sim, "plate", "plate"), RowGeoms(sim, "stroke0", f"stroke{PIECES - 1}")
        self.templates = sim.array(TEMPLATES)

    def reset(self, ids, rng):
        xp, digits, strokes = namespace(self.digit), rng.integers(ids, len(DIGITS)), self.strokes
        self.digit[ids] = one_hot(digits, len(DIGITS), self.digit)
        ends = DIGIT_SIZE * write(self.templates, digits, ids, rng)  # (n, PIECES, 2, 2): m, to the right and upwards
        # Upwards is the part's x axis, to the right its -y: so the camera sees it, whose x axis is upwards too.
        middle, line = ends.mean(axis=2), ends[:, :, 1] - ends[:, :, 0]
        length = clip(xp.sqrt((line**2).sum(axis=2)), 1e-6, math.inf)
        zero, direction = 0.0 * length, line / length[..., None]
        half = math.sqrt(0.5)  # of a capsule, whose axis is z, a quarter turn lays it into the plate
        strokes.pos[ids] = xp.stack([middle[..., 1], -middle[..., 0], zero + THICKNESS], axis=2)
        strokes.quat[ids] = xp.stack([zero + half, half * direction[..., 0], half * direction[..., 1], zero], axis=2)
        strokes.size[ids] = xp.stack([zero + rng.uniform(ids, *PEN_RADIUS)[:, None], 0.5 * length, zero], axis=2)
        self.plate.paint(ids, rng.uniform(ids, [PAPER[0]] * 3, PAPER[1]))
        strokes.paint(ids, rng.uniform(ids, [INK[0]] * 3, INK[1]))
