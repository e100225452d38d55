"""Objects that move about on the table by themselves: each at its own speed, on a winding path, within rails."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robodl_envs.arrays import Array, arange, array, clip, first_true, namespace, one_hot
from robodl_envs.component import Component, Observable
from robodl_envs.free_body import BLUE, RED
from robodl_envs.perception.hand_camera import POSITION
from robodl_envs.scene import NO_CONTACT, OFFSET_BOUNDS

BOX, CYLINDER, SPHERE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_SPHERE
HALF_HEIGHT = 0.022  # m, of objects, and the height of their middles
BOUNCE_RADIUS = 0.03  # m, of the circle in which an object bounces
OBJECTS: dict[str, Any] = {  # shape, half sizes in m, colour; seen from above a square, a disc, a shaded ball and a bar
    "cube": (BOX, (HALF_HEIGHT, HALF_HEIGHT, HALF_HEIGHT), RED),
    "can": (CYLINDER, (HALF_HEIGHT, HALF_HEIGHT, 0.0), BLUE),
    "ball": (SPHERE, (HALF_HEIGHT, 0.0, 0.0), (0.95, 0.80, 0.10, 1.0)),
    "bar": (BOX, (0.014, 0.032, HALF_HEIGHT), (0.10, 0.70, 0.25, 1.0)),
}
COUNT = len(OBJECTS)
RAIL, WHITE = 0.006, (0.85, 0.85, 0.88, 1.0)  # m, half the thickness of a rail
SPEED = (0.03, 0.25)  # m/s, least and most
MAX_YAW_RATE, YAW_FREQUENCY = 0.8, (0.5, 2.0)  # rad/s: the most that a path turns; how fast it swings left and right
TRIES = 16  # draws of initial positions; one in four has all objects apart
ARENA_STRETCH = 1.6  # sides of the arena by those of the table below the robot's workspace
MAX_VELOCITY = 0.3  # m/s an axis, in observations and estimates
VELOCITY_BOUNDS = [-MAX_VELOCITY] * 2, [MAX_VELOCITY] * 2  # m/s
PANDA_WIDTH = 0.5  # m, of the Panda's table; objects and speeds of an arm with a narrower table are smaller by as much


@dataclass(frozen=True)
class Arena:
    """A rectangle of the table, (2,) m each: its middle, half its sides; low and high corner of the objects' middles.

    scale: of all lengths and speeds in it.
    """

    middle: Array
    half: Array
    low: Array
    high: Array
    scale: float


def arena(robot, make: Callable[[Any], Array] = np.asarray) -> Arena:
    """Arena in which objects move before a robot: its table, stretched, with its middle below the camera at the start.

    make: turns numbers into arrays of a library.
    """
    low, high = np.asarray(robot.table)
    middle = 0.5 * (low + high) + POSITION[:2]  # the hand's x axis is the world's at the start
    half, scale = 0.5 * ARENA_STRETCH * (high - low), float(high[1] - low[1]) / PANDA_WIDTH
    margin = scale * BOUNCE_RADIUS
    return Arena(make(middle), make(half), make(middle - half + margin), make(middle + half - margin), scale)


class MovingObjects(Component):
    """The objects, mocap bodies that touch nothing, with their positions and motions.

    Each keeps the speed that it has at the start, while its direction swings from side to side. At a rail, and where
    two that close in on each other meet, it is reflected as a ball is by a wall.
    """

    saved = ("pos", "velocity", "swing", "time", "target")

    def __init__(self, robot):
        self.robot = robot

    def build(self, spec):
        area = arena(self.robot)
        (x, y), (length, width), scale = area.middle, area.half, area.scale
        for name, (kind, half, rgba) in OBJECTS.items():
            body = spec.worldbody.add_body(name=name, mocap=True, pos=[x, y, scale * HALF_HEIGHT])
            body.add_geom(name=name, type=kind, size=[scale * side for side in half], rgba=rgba, **NO_CONTACT)
        rail = scale * RAIL
        for k, (dx, dy) in enumerate(((0, 1), (0, -1), (1, 0), (-1, 0))):
            pos = [x + dx * (length + rail), y + dy * (width + rail), rail]
            size = [length + 2.0 * rail, rail, rail] if dy else [rail, width, rail]
            spec.worldbody.add_geom(name=f"rail{k}", type=BOX, pos=pos, size=size, rgba=WHITE, **NO_CONTACT)

    def bind(self, sim):
        self.arena = arena(self.robot, sim.array)
        self.bodies = [sim.mocap_pos(name) for name in OBJECTS]  # (N, 3) each, live
        self.pos = sim.zeros(COUNT, 2)  # m, world frame
        self.velocity = sim.zeros(COUNT, 2)  # m/s
        self.swing = sim.zeros(COUNT, 3)  # rad/s, rad/s, rad: greatest yaw rate, its frequency and phase
        self.time = sim.zeros()  # s, since the start
        self.target = sim.zeros(COUNT)  # (N, COUNT), 1 for the object to track

    def reset(self, ids, rng):
        area = arena(self.robot)
        low, high = (np.broadcast_to(corner, (TRIES, COUNT, 2)) for corner in (area.low, area.high))
        draws = rng.uniform(ids, low, high)
        xp = namespace(draws)
        apart = xp.amin(spacing(draws)[1], axis=(2, 3)) > (2.0 * area.scale * BOUNCE_RADIUS) ** 2  # (n, TRIES)
        self.pos[ids] = draws[arange(len(ids), draws), first_true(apart)]
        speed = area.scale * rng.uniform(ids, [SPEED[0]] * COUNT, SPEED[1])
        heading = rng.uniform(ids, [-math.pi] * COUNT, math.pi)
        self.velocity[ids] = speed[:, :, None] * xp.stack([xp.cos(heading), xp.sin(heading)], axis=2)
        least, most = (0.0, YAW_FREQUENCY[0], -math.pi), (MAX_YAW_RATE, YAW_FREQUENCY[1], math.pi)
        self.swing[ids] = rng.uniform(ids, [least] * COUNT, [most] * COUNT)
        self.time[ids] = 0.0
        self.target[ids] = one_hot(rng.integers(ids, COUNT), COUNT, self.target)
        self.show()

    def advance(self, dt: float) -> None:
        """Move all objects by dt, s."""
        xp = namespace(self.pos)
        most, frequency, phase = (self.swing[:, :, k] for k in range(3))
        self.time += dt
        yaw = most * xp.sin(frequency * self.time[:, None] + phase) * dt
        c, s = xp.cos(yaw), xp.sin(yaw)
        x, y = self.velocity[:, :, 0], self.velocity[:, :, 1]
        velocity = xp.stack([c * x - s * y, s * x + c * y], axis=2)
        self.pos[:], self.velocity[:] = moved(self.pos, velocity, dt, self.arena)
        self.show()

    def of_target(self, values: Array) -> Array:
        """The target's values, (N, 2), of all objects' positions or velocities, (N, COUNT, 2)."""
        return values[arange(len(values), values), self.target.argmax(axis=1)]

    def observables(self):
        return [
            *motion_observables(self, "target", "the target", self.of_target),
            *motion_observables(self, "objects", "each object", count=COUNT),
        ]

    def show(self) -> None:
        """Move the bodies to the objects' positions."""
        for k, body in enumerate(self.bodies):
            body[:, :2], body[:, 2] = self.pos[:, k], self.arena.scale * HALF_HEIGHT


def motion_observables(source, name, who, of=lambda values: values, count=1, known=False) -> list[Observable]:
    """Offsets from the tool in the table's plane, and velocities, (N, 2 count), of a source's `pos` and `velocity`.

    of: picks, of such an array, those of the objects to observe.
    """
    low, high = (corner[:2] * count for corner in OFFSET_BOUNDS)
    slow, fast = (bound * count for bound in VELOCITY_BOUNDS)

    def offsets():
        offset = of(source.pos).reshape(-1, count, 2) - source.robot.tool[:, None, :2]
        return offset.reshape(-1, 2 * count)

    def velocities():
        return of(source.velocity).reshape(-1, 2 * count)

    place, moving = f"from the tool, world frame, to {who}", f"{who}'s velocity, world frame"
    return [
        Observable(f"to_{name}", "m", low, high, place, offsets, known),
        Observable(f"{name}_velocity", "m/s", slow, fast, moving, velocities, known),
    ]


def moved(pos: Array, velocity: Array, dt: float, area: Arena) -> tuple[Array, Array]:
    """Positions and velocities, (N, count, 2), after dt, s, of straight motion with reflections.

    An object that meets another keeps its speed, unlike a billiard ball: so speeds stay within their range.
    """
    xp = namespace(pos)
    offset, square = spacing(pos)
    rows, columns = arange(len(pos), pos)[:, None], arange(pos.shape[1], pos)
    nearest = square.argmin(axis=2)  # (N, count)
    square, offset = square[rows, columns, nearest], offset[rows, columns, nearest]
    normal = offset / xp.sqrt(clip(square, 1e-12, math.inf))[:, :, None]
    approach = (velocity * normal).sum(axis=2)  # m/s, towards the nearest
    closing = approach - (velocity[rows, nearest] * normal).sum(axis=2)
    meets = (square < (2.0 * area.scale * BOUNCE_RADIUS) ** 2) & (closing > 0.0)
    velocity = velocity - 2.0 * (clip(approach, 0.0, math.inf) * meets)[:, :, None] * normal
    return moved_straight(pos, velocity, dt, area)


def moved_straight(pos: Array, velocity: Array, dt: float, area: Arena) -> tuple[Array, Array]:
    """Positions and velocities, (..., 2), after dt, s, of straight motion that only rails reflect."""
    xp = namespace(pos)
    pos, low, high = pos + velocity * dt, area.low, area.high
    below, above = pos < low, pos > high
    pos = xp.where(below, 2.0 * low - pos, xp.where(above, 2.0 * high - pos, pos))
    return pos, xp.where(below, abs(velocity), xp.where(above, -abs(velocity), velocity))


def spacing(pos: Array) -> tuple[Array, Array]:
    """Offsets from objects to objects, (..., i, j, 2) m, and their squared lengths, of positions, (..., i, 2).

    From an object to itself it is infinitely far.
    """
    offset = pos[..., None, :, :] - pos[..., :, None, :]
    itself = array(np.diag(np.full(pos.shape[-2], np.inf)), pos)
    return offset, (offset**2).sum(axis=-1) + itself
