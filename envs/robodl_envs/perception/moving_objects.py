"""Things that move about on the table by themselves: each at its own speed, on its own winding way, within rails."""

from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.arrays import Array
from robodl_envs.component import Component
from robodl_envs.free_body import BLUE, RED
from robodl_envs.scene import NO_CONTACT

BOX, CYLINDER, SPHERE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER, mujoco.mjtGeom.mjGEOM_SPHERE
TALL = 0.022  # m, half the height of things, which is where their middles are
ROOM = 0.03  # m, the radius of the circle in which a thing bounces
THINGS = {  # shape, half sizes in m, colour; seen from above a square, a disc, a shaded ball and a bar
    "cube": (BOX, (TALL, TALL, TALL), RED),
    "can": (CYLINDER, (TALL, TALL, 0.0), BLUE),
    "ball": (SPHERE, (TALL, 0.0, 0.0), (0.95, 0.80, 0.10, 1.0)),
    "bar": (BOX, (0.014, 0.032, TALL), (0.10, 0.70, 0.25, 1.0)),
}
RAIL, WHITE = 0.006, (0.85, 0.85, 0.88, 1.0)  # m, half the thickness of a rail
SPEED = (0.03, 0.25)  # m/s, least and most
TURNING, PACE = 0.8, (0.5, 2.0)  # rad/s, the most that a way turns; of its swing from side to side
TRIES = 16  # of placing things apart at the start; one in four fails


@dataclass(frozen=True)
class Arena:
    """A rectangle of the table, (2,) m each: its middle, half its sides. scale: of all lengths and speeds in it."""

    middle: np.ndarray
    half: np.ndarray
    scale: float

    @property
    def low(self) -> np.ndarray:
        """The corner, (2,) m, of where the middles of things can be."""
        return self.middle - self.half + self.scale * ROOM

    @property
    def high(self) -> np.ndarray:
        return self.middle + self.half - self.scale * ROOM


class MovingObjects(Component):
    """The things, which touch nothing, as mocap bodies: where they are, and how they move.

    Each keeps the speed that it has at the start, while its direction swings from side to side. At a rail, and where
    two that close in on each other meet, it is turned back as a ball is by a wall.
    """

    saved = ("pos", "velocity", "swing", "time")

    def __init__(self, arena: Arena):
        self.arena = arena

    def build(self, spec):
        (x, y), (length, width), scale = self.arena.middle, self.arena.half, self.arena.scale
        for name, (kind, half, rgba) in THINGS.items():
            body = spec.worldbody.add_body(name=name, mocap=True, pos=[x, y, scale * TALL])
            body.add_geom(name=name, type=kind, size=[scale * side for side in half], rgba=rgba, **NO_CONTACT)
        rail = scale * RAIL
        for k, (dx, dy, along, across) in enumerate(
            (
                (0.0, width + rail, length + 2.0 * rail, rail),
                (0.0, -width - rail, length + 2.0 * rail, rail),
                (length + rail, 0.0, rail, width),
                (-length - rail, 0.0, rail, width),
            )
        ):
            pos, size = [x + dx, y + dy, rail], [along, across, rail]
            spec.worldbody.add_geom(name=f"rail{k}", type=BOX, pos=pos, size=size, rgba=WHITE, **NO_CONTACT)

    def bind(self, sim):
        count = len(THINGS)
        self.places = [sim.mocap_pos(name) for name in THINGS]  # (N, 3) each, live
        self.pos = np.zeros((sim.num, count, 2))  # m, world frame
        self.velocity = np.zeros((sim.num, count, 2))  # m/s
        self.swing = np.zeros((sim.num, count, 3))  # rad/s, rad/s, rad: most turning, its pace and phase
        self.time = np.zeros(sim.num)  # s, since the start

    def reset(self, ids, rng):
        count, arena = len(THINGS), self.arena
        shape = (TRIES, count, 2)
        tries = rng.uniform(ids, np.broadcast_to(arena.low, shape), np.broadcast_to(arena.high, shape))
        apart = spacing(tries)[1].min(axis=(2, 3)) > (2.0 * arena.scale * ROOM) ** 2  # (n, TRIES)
        self.pos[ids] = tries[np.arange(len(ids)), apart.argmax(axis=1)]
        speed = arena.scale * rng.uniform(ids, [SPEED[0]] * count, SPEED[1])
        heading = rng.uniform(ids, [-np.pi] * count, np.pi)
        self.velocity[ids] = speed[:, :, None] * np.stack([np.cos(heading), np.sin(heading)], axis=2)
        swing = (0.0, PACE[0], -np.pi), (TURNING, PACE[1], np.pi)
        self.swing[ids] = rng.uniform(ids, *(np.tile(most, (count, 1)) for most in swing))
        self.time[ids] = 0.0
        self.show()

    def advance(self, dt: float) -> None:
        """Move all things by dt, s."""
        most, pace, phase = (self.swing[:, :, k] for k in range(3))
        self.time += dt
        turn = most * np.sin(pace * self.time[:, None] + phase) * dt
        c, s = np.cos(turn), np.sin(turn)
        x, y = self.velocity[:, :, 0], self.velocity[:, :, 1]
        velocity = np.stack([c * x - s * y, s * x + c * y], axis=2)
        self.pos[:], self.velocity[:] = moved(self.pos, velocity, dt, self.arena)
        self.show()

    def show(self) -> None:
        for k, place in enumerate(self.places):
            place[:, :2] = self.pos[:, k]
            place[:, 2] = self.arena.scale * TALL


def moved(pos: Array, velocity: Array, dt: float, arena: Arena) -> tuple[Array, Array]:
    """Places and velocities, (N, count, 2), of things that go straight on for dt, s, but for what turns them back.

    Who meets another keeps its speed, unlike a billiard ball: so speeds stay within their range.
    """
    way, square = spacing(pos)
    rows, things = np.arange(len(pos))[:, None], np.arange(pos.shape[1])
    nearest = square.argmin(axis=2)  # (N, count)
    square, way = square[rows, things, nearest], way[rows, things, nearest]
    normal = way / np.sqrt(np.maximum(square, 1e-12))[:, :, None]
    own = (velocity * normal).sum(axis=2)  # m/s, towards the nearest
    closing = own - (velocity[rows, nearest] * normal).sum(axis=2)
    meets = (square < (2.0 * arena.scale * ROOM) ** 2) & (closing > 0.0)
    velocity = velocity - 2.0 * (np.maximum(own, 0.0) * meets)[:, :, None] * normal
    return coasted(pos, velocity, dt, arena)


def coasted(pos: Array, velocity: Array, dt: float, arena: Arena) -> tuple[Array, Array]:
    """Places and velocities, (..., 2), of what goes straight on for dt, s, and is turned back by rails alone."""
    pos, low, high = pos + velocity * dt, arena.low, arena.high
    below, above = pos < low, pos > high
    pos = np.where(below, 2.0 * low - pos, np.where(above, 2.0 * high - pos, pos))
    return pos, np.where(below, abs(velocity), np.where(above, -abs(velocity), velocity))


def spacing(pos: Array) -> tuple[Array, Array]:
    """The ways from things to things, (..., i, j, 2) m, and their lengths squared, of places, (..., i, 2).

    From a thing to itself it is infinitely far.
    """
    way = pos[..., None, :, :] - pos[..., :, None, :]
    return way, (way**2).sum(axis=-1) + np.diag(np.full(pos.shape[-2], np.inf))
