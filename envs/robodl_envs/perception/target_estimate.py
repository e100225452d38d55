"""What a policy says of a moving thing: where it is and how fast it moves, corrected a little in each step."""

import numpy as np

from robodl_envs.arrays import Array
from robodl_envs.component import Component
from robodl_envs.perception.moving_objects import SPHERE, WHITE, Arena, coasted
from robodl_envs.rendering.modalities import FINE_GROUP
from robodl_envs.scene import NO_CONTACT

SHIFT = 0.1  # m, that an action of 1 moves the reported place in a step
KICK = 0.25  # m/s, that an action of 1 changes the reported velocity
FASTEST = 0.3  # m/s an axis, the most that can be reported
# What people see of a report: dots, m in radius and above the table, where the thing is and will be in steps of AHEAD.
DOTS, OVER, AHEAD = (0.012, 0.006, 0.006, 0.006), 0.07, 0.2  # s


class TargetEstimate(Component):
    """A belief that moves on by itself, straight and back from rails as things do, and that actions correct.

    Actions are corrections because the best of them, gains times what is seen minus what was expected, are those of a
    Kalman filter whose state is the report: so a policy without memory, who sees the report, can be a filter. Actions
    of zeros change nothing: the report stays in the arena's middle, at rest.
    """

    size = 4
    saved = ("pos", "velocity")

    def __init__(self, arena: Arena):
        self.arena = arena

    def build(self, spec):
        for k, radius in enumerate(DOTS):
            body = spec.worldbody.add_body(name=f"report{k}", mocap=True)
            size = [self.arena.scale * radius, 0.0, 0.0]
            body.add_geom(type=SPHERE, size=size, rgba=WHITE, group=FINE_GROUP, **NO_CONTACT)

    def bind(self, sim):
        self.dots = [sim.mocap_pos(f"report{k}") for k in range(len(DOTS))]  # (N, 3) each, live
        self.pos = np.zeros((sim.num, 2))  # m, world frame, where things can be
        self.velocity = np.zeros((sim.num, 2))  # m/s

    def reset(self, ids, rng):
        self.pos[ids], self.velocity[ids] = self.arena.middle, 0.0
        self.show()

    def advance(self, action: Array, dt: float) -> None:
        """Move on by dt, s, then by the corrections, (N, 4) in [-1, 1]: two of the place, two of the velocity."""
        pos, velocity = coasted(self.pos, self.velocity, dt, self.arena)
        pos, velocity = pos + SHIFT * action[:, :2], velocity + KICK * action[:, 2:]
        self.pos[:] = np.minimum(np.maximum(pos, self.arena.low), self.arena.high)
        self.velocity[:] = np.minimum(np.maximum(velocity, -FASTEST), FASTEST)
        self.show()

    def show(self) -> None:
        """Put the dots, for people alone, over where the report says that the thing is and will be."""
        for k, dot in enumerate(self.dots):
            dot[:, :2] = self.pos + k * AHEAD * self.velocity
            dot[:, 2] = self.arena.scale * OVER

    def action_parts(self) -> list[tuple[int, str]]:
        """For the documentation of an action."""
        return [
            (2, f"moves the reported place by {SHIFT:g} m, after it went on by itself and back from rails"),
            (2, f"changes the reported velocity by {KICK:g} m/s"),
        ]
