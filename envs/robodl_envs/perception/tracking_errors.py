"""Errors of a target's estimate over an episode, while the target is in view."""

import math

from robodl_envs.arrays import Array, array, cast, clip, namespace
from robodl_envs.component import Component

ACQUIRE_TIME = 1.0  # s, for finding the target at the start, which do not count


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
