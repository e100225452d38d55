"""Handwritten digits: strokes that are stretched, slanted and bent anew each time.

A digit is PIECES straight pieces in a square from -1 to 1, x to the right and y upwards. Every digit has some shapes
to be written in, lists of strokes in digits.json: a stroke is a line through points (x, y) and along arcs of ellipses
(x, y, half width, half height, first and last angle in degrees, from the right and to the left). Bending is smooth, so
that pieces that were joined stay so.
"""

import json
import math
from pathlib import Path

import numpy as np

from robodl_envs.arrays import Array, copy, namespace
from robodl_envs.random_streams import RandomStreams

PIECES = 12
WIDTH, HEIGHT = (0.7, 1.1), (0.8, 1.05)  # least and most, of the shape's
MAX_SLANT = 0.35  # x for y
MAX_SHIFT = 0.1  # to a side
WAVES, MAX_BEND = 2, 0.10  # waves that bend it, and the greatest amplitude of each


def points_of(stroke: list[list[float]]) -> np.ndarray:
    """Points, (p, 2), along a stroke: 25 of each arc."""
    points = []
    for numbers in stroke:
        if len(numbers) == 2:
            points.append(numbers)
            continue
        x, y, wide, tall, begin, end = numbers
        angles = [math.radians(begin + (end - begin) * k / 24) for k in range(25)]
        points += [[x + wide * math.cos(a), y + tall * math.sin(a)] for a in angles]
    return np.array(points)


def pieces(strokes: list[list[list[float]]]) -> np.ndarray:
    """Strokes as PIECES straight pieces, shared out by their lengths, of one length in each: (PIECES, 2, 2)."""
    lines = [points_of(stroke) for stroke in strokes]
    along = [np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(line, axis=0) ** 2).sum(axis=1)))]) for line in lines]
    lengths = np.array([at[-1] for at in along])
    counts = np.maximum(1, np.floor(PIECES * lengths / lengths.sum()).astype(int))
    counts[np.argmax(lengths)] += PIECES - counts.sum()
    parts = []
    for line, at, count in zip(lines, along, counts, strict=True):
        ends = np.linspace(0.0, at[-1], count + 1)
        points = np.stack([np.interp(ends, at, line[:, k]) for k in range(2)], axis=1)
        parts.append(np.stack([points[:-1], points[1:]], axis=1))
    return np.concatenate(parts)


SHAPES = json.loads(Path(__file__).with_name("digits.json").read_text())
EIGHT = [[-0.5 * math.sin(math.pi * k / 12), 0.9 * math.cos(math.pi * k / 24)] for k in range(49)]
SHAPES["8"].insert(0, [EIGHT])  # in one stroke, whose curve is not of ellipses
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
