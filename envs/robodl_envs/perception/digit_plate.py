"""A plate with a handwritten digit: its strokes are capsules in the plate's surface."""

import math

import mujoco

from robodl_envs.arrays import array, clip, namespace, one_hot
from robodl_envs.component import Component
from robodl_envs.perception.handwriting import PIECES, TEMPLATES, write
from robodl_envs.perception.part import Part, add_plate
from robodl_envs.scene import NO_CONTACT

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
        add_plate(self.part.body, (PLATE, PLATE, THICKNESS), "plate")
        for k in range(PIECES):
            # Aslant: of geoms that lie as their body does, MuJoCo ignores a row's own poses.
            self.part.body.add_geom(
                name=f"stroke{k}",
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                pos=[0.001 * (k + 1), 0.0, THICKNESS],
                quat=[math.cos(0.5), 0.0, math.sin(0.5), 0.0],
                size=[PEN_RADIUS[0], 0.01, 0.0],
                **NO_CONTACT,
            )

    def bind(self, sim):
        self.digit = sim.zeros(len(DIGITS))  # (N, 10), 1 for the written one
        self.plate, first = int(sim.model.geom("plate").id), int(sim.model.geom("stroke0").id)
        self.strokes, self.templates = slice(first, first + PIECES), sim.array(TEMPLATES)
        self.geom_pos, self.geom_quat = sim.expand("geom_pos"), sim.expand("geom_quat")
        self.geom_size, self.geom_rgba = sim.expand("geom_size"), sim.expand("geom_rgba")

    def reset(self, ids, rng):
        xp, digits = namespace(self.digit), rng.integers(ids, len(DIGITS))
        self.digit[ids] = one_hot(digits, len(DIGITS), self.digit)
        ends = DIGIT_SIZE * write(self.templates, digits, ids, rng)  # (n, PIECES, 2, 2): m, to the right and upwards
        # Upwards is the part's x axis, to the right its -y: so the camera sees it, whose x axis is upwards too.
        middle, line = ends.mean(axis=2), ends[:, :, 1] - ends[:, :, 0]
        length = clip(xp.sqrt((line**2).sum(axis=2)), 1e-6, math.inf)
        direction = line / length[..., None]
        self.geom_pos[ids, self.strokes] = xp.stack([middle[..., 1], -middle[..., 0], 0.0 * length + THICKNESS], axis=2)
        half = math.sqrt(0.5)  # of a capsule, whose axis is z, a quarter turn lays it into the plate
        quat = [0.0 * length + half, half * direction[..., 0], half * direction[..., 1], 0.0 * length]
        self.geom_quat[ids, self.strokes] = xp.stack(quat, axis=2)
        size = [0.0 * length + rng.uniform(ids, *PEN_RADIUS)[:, None], 0.5 * length, 0.0 * length]
        self.geom_size[ids, self.strokes] = xp.stack(size, axis=2)
        self.geom_rgba[ids, self.plate, :3] = array(rng.uniform(ids, [PAPER[0]] * 3, PAPER[1]), self.geom_rgba)
        ink = array(rng.uniform(ids, [INK[0]] * 3, INK[1])[:, None], self.geom_rgba)
        self.geom_rgba[ids, self.strokes, :3] = xp.broadcast_to(ink, (len(ids), PIECES, 3))
