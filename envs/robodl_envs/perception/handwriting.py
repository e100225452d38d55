"""Handwritten digits: strokes that are stretched, slanted and bent anew each time.

A digit is PIECES straight pieces in a square from -1 to 1, x to the right and y upwards. Every digit has some shapes
to be written in; bending is smooth, so that pieces that were joined stay so.
"""

import math

import numpy as np

from robodl_envs.arrays import Array, copy, namespace
from robodl_envs.random_streams import RandomStreams

PIECES = 12
WIDTH, HEIGHT = (0.7, 1.1), (0.8, 1.05)  # least and most, of the shape's
MAX_SLANT = 0.35  # x for y
MAX_SHIFT = 0.1  # to a side
WAVES, MAX_BEND = 2, 0.10  # waves that bend it, and the greatest amplitude of each


def arc(x: float, y: float, wide: float, tall: float, begin: float, end: float) -> list[tuple[float, float]]:
    """A part of an ellipse about (x, y), angles in degrees from the right and to the left."""
    angles = [math.radians(begin + (end - begin) * k / 24) for k in range(25)]
    return [(x + wide * math.cos(a), y + tall * math.sin(a)) for a in angles]


EIGHT = [(-0.5 * math.sin(math.pi * k / 12), 0.9 * math.cos(math.pi * k / 24)) for k in range(49)]
SIX = [*arc(0.4, -0.3, 0.95, 1.2, 90, 165), *arc(0.0, -0.4, 0.55, 0.5, 165, 525)]
SHAPES: dict[int, list[list[list[tuple[float, float]]]]] = {  # digit: shapes: strokes: points
    0: [[arc(0.0, 0.0, 0.6, 0.9, 90, 450)], [arc(0.0, 0.0, 0.45, 0.9, 60, 400)]],
    1: [
        [[(0.0, 0.9), (0.0, -0.9)]],
        [[(-0.35, 0.45), (0.1, 0.9), (0.1, -0.9)]],
        [[(-0.35, 0.45), (0.05, 0.9), (0.05, -0.9)], [(-0.4, -0.9), (0.5, -0.9)]],
    ],
    2: [
        [[*arc(0.0, 0.4, 0.5, 0.5, 160, -30), (-0.55, -0.9), (0.6, -0.9)]],
        [[*arc(0.0, 0.4, 0.45, 0.5, 180, -60), (-0.5, -0.8), (-0.2, -0.65), (0.6, -0.9)]],
    ],
    3: [
        [[*arc(0.0, 0.45, 0.5, 0.45, 150, -80), *arc(0.0, -0.45, 0.55, 0.45, 80, -150)]],
        [[(-0.5, 0.9), (0.45, 0.9), (-0.05, 0.15), *arc(0.0, -0.35, 0.55, 0.5, 80, -150)]],
    ],
    4: [
        [[(0.1, 0.9), (-0.6, -0.2), (0.65, -0.2)], [(0.25, 0.3), (0.25, -0.9)]],
        [[(0.25, -0.9), (0.25, 0.9), (-0.6, -0.25), (0.65, -0.25)]],
        [[(-0.5, 0.9), (-0.5, -0.05), (0.55, -0.05)], [(0.4, 0.9), (0.4, -0.9)]],
    ],
    5: [
        [[(-0.4, 0.9), (-0.45, 0.1), *arc(0.0, -0.35, 0.55, 0.55, 130, -140)], [(-0.4, 0.9), (0.5, 0.9)]],
        [[(0.5, 0.85), (-0.35, 0.9), (-0.4, 0.15), *arc(-0.05, -0.35, 0.55, 0.5, 110, -120)]],
    ],
    6: [[SIX], [[(0.15, 0.9), (-0.35, 0.2), *arc(0.0, -0.4, 0.5, 0.5, 150, 510)]]],
    7: [
        [[(-0.5, 0.85), (0.55, 0.9), (-0.1, -0.9)]],
        [[(-0.5, 0.9), (0.5, 0.9), (0.0, -0.9)], [(-0.25, 0.0), (0.45, 0.05)]],
    ],
    8: [[EIGHT], [arc(0.0, 0.45, 0.42, 0.43, -90, 270), arc(0.0, -0.45, 0.52, 0.46, 90, 450)]],
    9: [
        [[*arc(-0.05, 0.4, 0.5, 0.48, 0, 360), (0.43, -0.1), (0.3, -0.9)]],
        [[(-x, -y) for x, y in SIX]],
    ],
}


def cut(points: np.ndarray, count: int) -> np.ndarray:
    """A line through points, (p, 2), as count straight pieces of one length: their ends, (count, 2, 2)."""
    lengths = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1))
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.linspace(0.0, along[-1], count + 1)
    ends = np.stack([np.interp(at, along, points[:, k]) for k in range(2)], axis=1)
    return np.stack([ends[:-1], ends[1:]], axis=1)


def pieces(strokes: list[list[tuple[float, float]]]) -> np.ndarray:
    """Strokes as PIECES straight pieces, shared out by their lengths: (PIECES, 2, 2)."""
    lines = [np.array(stroke) for stroke in strokes]
    lengths = np.array([np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1)).sum() for line in lines])
    counts = np.maximum(1, np.floor(PIECES * lengths / lengths.sum()).astype(int))
    counts[np.argmax(lengths)] += PIECES - counts.sum()
    return np.concatenate([cut(line, count) for line, count in zip(lines, counts, strict=True)])


MAX_SHAPES = max(len(shapes) for shapes in SHAPES.values())
TEMPLATES = np.stack(  # (10, MAX_SHAPES, PIECES, 2, 2): a digit with fewer shapes has some twice
    [np.stack([pieces(shapes[k % len(shapes)]) for k in range(MAX_SHAPES)]) for _, shapes in sorted(SHAPES.items())]
)


def write(templates: Array, digits: Array, ids: Array, rng: RandomStreams) -> Array:
    """Handwritten digits, (n,), of rows ids: ends of pieces, (n, PIECES, 2, 2).

    templates: TEMPLATES in the library of the simulator.
    """
    xp = namespace(templates)
    shape = rng.integers(ids, MAX_SHAPES)
    ends = templates[digits, shape].reshape(len(ids), -1, 2)  # (n, 2 PIECES, 2)
    scale = rng.uniform(ids, (WIDTH[0], HEIGHT[0]), (WIDTH[1], HEIGHT[1]))
    slant, shift = rng.uniform(ids, -MAX_SLANT, MAX_SLANT), rng.uniform(ids, [-MAX_SHIFT] * 2, [MAX_SHIFT] * 2)
    bent = copy(ends)
    for _ in range(WAVES):
        wave = rng.uniform(ids, (-2.5, -2.5, 0.0), (2.5, 2.5, 2.0 * math.pi))
        amplitude = rng.uniform(ids, [-MAX_BEND] * 2, [MAX_BEND] * 2)
        phase = ends[..., 0] * wave[:, None, 0] + ends[..., 1] * wave[:, None, 1] + wave[:, None, 2]
        bent += xp.sin(phase)[..., None] * amplitude[:, None]
    x, y = bent[..., 0] * scale[:, None, 0], bent[..., 1] * scale[:, None, 1]
    x += slant[:, None] * y
    moved = xp.stack([x, y], axis=-1) + shift[:, None]
    return moved.reshape(len(ids), PIECES, 2, 2)
