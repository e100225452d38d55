"""The estimate of a moving object's position and velocity, corrected a little in each step, and its errors."""

import math

from robodl_envs.arrays import Array, array, cast, clip, namespace
from robodl_envs.component import Component
from robodl_envs.perception.moving_objects import MAX_VELOCITY, SPHERE, WHITE, arena, motion_observables, moved_straight
from robodl_envs.perception.perception_task import Output
from robodl_envs.rendering.modalities import FINE_GROUP
from robodl_envs.scene import NO_CONTACT

POSITION_RATE = 2.5  # m/s, at which an action of 1 moves the estimated position
VELOCITY_RATE = 6.25  # m/s^2, at which an action of 1 changes the estimated velocity
ACQUIRE_TIME = 1.0  # s, for finding the target at the start: errors in it do not count
# For people, dots show the estimate: where the object is, and where it will be in steps of DOT_INTERVAL.
DOT_RADII, DOT_HEIGHT, DOT_INTERVAL = (0.012, 0.006, 0.006, 0.006), 0.07, 0.2  # m, m above the table, s


class TargetEstimate(Component):
    """An estimate that moves on by itself, straight and reflected by rails as objects are, and that actions correct.

    Actions are corrections because the best of them, gains times what is seen minus what was expected, are those of a
    Kalman filter whose state is the estimate: so a policy without memory, which observes the estimate, can be a
    filter. Actions of zeros change nothing: the estimate stays in the arena's middle, at rest.
    """

    saved = ("pos", "velocity")

    def __init__(self, robot):
        self.robot = robot

    def build(self, spec):
        scale = arena(self.robot).scale
        for k, radius in enumerate(DOT_RADII):
            body = spec.worldbody.add_body(name=f"estimate{k}", mocap=True)
            body.add_geom(type=SPHERE, size=[scale * radius, 0.0, 0.0], rgba=WHITE, group=FINE_GROUP, **NO_CONTACT)

    def bind(self, sim):
        self.arena = arena(self.robot, sim.array)
        self.dots = [sim.mocap_pos(f"estimate{k}") for k in range(len(DOT_RADII))]  # (N, 3) each, live
        self.pos = sim.zeros(2)  # m, world frame, within the arena
        self.velocity = sim.zeros(2)  # m/s

    def reset(self, ids, rng):
        self.pos[ids], self.velocity[ids] = self.arena.middle, 0.0
        self.show()

    def act(self, answer: Array) -> None:
        """Move on by a control step, then by the corrections, (N, 4) in [-1, 1]: two of position, two of velocity."""
        pos, velocity = moved_straight(self.pos, self.velocity, self.robot.control_dt, self.arena)
        position_step, velocity_step = correction_steps(self.robot)
        pos, velocity = pos + position_step * answer[:, :2], velocity + velocity_step * answer[:, 2:]
        clip(pos, self.arena.low, self.arena.high, out=self.pos)
        clip(velocity, -MAX_VELOCITY, MAX_VELOCITY, out=self.velocity)
        self.show()

    def show(self) -> None:
        """Move the dots over where the estimate says that the object is and will be."""
        for k, dot in enumerate(self.dots):
            dot[:, :2] = self.pos + k * DOT_INTERVAL * self.velocity
            dot[:, 2] = self.arena.scale * DOT_HEIGHT

    def observables(self):
        return motion_observables(self, "estimate", "the estimate", known=True)

    def outputs(self) -> list[Output]:
        """The estimate's parts of the action."""
        position_step, velocity_step = correction_steps(self.robot)
        position = f"moves the estimated position by {position_step:g} m, after it moved on and was reflected by rails"
        velocity = f"changes the estimated velocity by {velocity_step:g} m/s"
        return [
            Output("position_correction", 2, "continuous", position),
            Output("velocity_correction", 2, "continuous", velocity),
        ]


def correction_steps(robot) -> tuple[float, float]:
    """By how much an action of 1 corrects the estimate in a control step: m and m/s."""
    return POSITION_RATE * robot.control_dt, VELOCITY_RATE * robot.control_dt


class TrackingErrors(Component):
    """Root mean square errors of position and velocity, and the share of time with the target in view."""

    saved = ("steps", "steps_counted", "steps_in_view", "square_errors")
    metrics = ("view_share", "position_rmse", "velocity_rmse", "steps_counted", "steps_in_view")

    def __init__(self, robot):
        self.robot = robot

    def bind(self, sim):
        self.steps = sim.zeros(dtype="int64")  # since the start
        self.steps_counted = sim.zeros(dtype="int64")  # after ACQUIRE_TIME
        self.steps_in_view = sim.zeros(dtype="int64")  # of these, steps with the target in view
        self.square_errors = sim.zeros(2)  # m^2, (m/s)^2, of position and velocity in these, summed

    def reset(self, ids, rng):
        self.steps[ids] = self.steps_counted[ids] = self.steps_in_view[ids] = 0
        self.square_errors[ids] = 0.0

    def add(self, ids: Array, error: Array, in_view: Array) -> None:
        """Count a step of rows ids, with errors, (N, 4) m and m/s, of all rows, and whether they count, (N,) bool."""
        self.steps[ids] += 1
        counts = self.steps[ids] * self.robot.control_dt > ACQUIRE_TIME + 1e-9
        visible = counts & in_view[ids]
        self.steps_counted[ids] += cast(counts, "int64")
        self.steps_in_view[ids] += cast(visible, "int64")
        self.square_errors[ids] += (error[ids] ** 2).reshape(-1, 2, 2).sum(axis=2) * visible[:, None]

    @property
    def view_share(self) -> Array:
        """Share of the counted steps with the target in view, (N,)."""
        counted, visible = (array(steps, self.square_errors) for steps in (self.steps_counted, self.steps_in_view))
        return visible / clip(counted, 1.0, math.inf)

    @property
    def position_rmse(self) -> Array:
        """Root mean square error of the position, (N,) m."""
        return self.rmse()[:, 0]

    @property
    def velocity_rmse(self) -> Array:
        """Root mean square error of the velocity, (N,) m/s."""
        return self.rmse()[:, 1]

    def rmse(self) -> Array:
        count = clip(array(self.steps_in_view, self.square_errors), 1.0, math.inf)
        return namespace(self.square_errors).sqrt(self.square_errors / count[:, None])
