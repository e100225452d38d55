"""Rewards: the task's own, sparse ones, and the speed at which the task's potential falls."""

from robodl_envs.arrays import Array, array, namespace, zeros
from robodl_envs.tasks.task import Task

REWARDS = ("dense", "sparse", "shaped")


class Rewards:
    """Rewards of N rows.

    Args:
        kind: "dense" for the task's own, "sparse" for 0 at the goal and -1 elsewhere, "shaped" for the speed at which
            the task's potential falls, m/s, which depends on the step before.
        like: floats of the simulator's library, (N, ...).
        control_dt: seconds of one step.
    """

    saved = ("last_potential",)

    def __init__(self, task: Task, kind: str, like: Array, control_dt: float):
        self.task, self.kind, self.like, self.control_dt = task, kind, like, control_dt
        self.last_potential = zeros(like, len(like))  # of the last step, kept for "shaped" alone

    def begin(self, ids: Array, goals: tuple[Array, Array]) -> None:
        """New episodes in rows ids, with achieved and desired goals, (N, g), of all rows."""
        if self.kind == "shaped":
            self.last_potential[ids] = self.potential(*goals)[ids]

    def of_step(self, goals: tuple[Array, Array], diverged: Array | None) -> Array:
        """Rewards of a step that led to these goals, (N,); shaped ones are zero in diverged rows, (N,) bool."""
        if self.kind != "shaped":
            return self.of_goals(*goals)
        potential = self.potential(*goals)
        reward = (self.last_potential - potential) / self.control_dt
        if diverged is not None:
            reward[diverged] = 0.0
        self.last_potential = potential
        return reward

    def of_goals(self, achieved: Array, desired: Array) -> Array:
        """Dense or sparse rewards, (...,), of goals with any leading axes: the dense ones where "shaped" is chosen."""
        if self.kind == "sparse":
            success = self.task.success(achieved, desired)
            return namespace(success).where(success, 0.0, -1.0)
        return self.task.reward(achieved, desired)

    def potential(self, achieved: Array, desired: Array) -> Array:
        """The task's potential, (N,) m."""
        return array(self.task.potential(achieved, desired), self.like)
