"""Rewards and statistics of episodes: success now, once, and lasting at the end; steps and divergence."""

import math

from robodl_envs.arrays import Array, array, copy, namespace, zeros
from robodl_envs.tasks.task import Task

REWARDS = ("dense", "sparse", "shaped")
SETTLED_TIME = 0.2  # s, that success must last to count at an episode's end: 5 control steps of 0.04 s


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
            reward = namespace(reward).where(diverged, 0.0, reward)
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


class EpisodeStats:
    """Counts the steps and the successes of each row's episode.

    Args:
        like: floats of the simulator's library, (N, ...).
        max_episode_steps: steps after which an episode is truncated.
        control_dt: seconds of one step.
    """

    saved = ("elapsed", "last_failure_step", "had_success")

    def __init__(self, like: Array, max_episode_steps: int, control_dt: float):
        num = len(like)
        self.settled_steps = min(math.ceil(SETTLED_TIME / control_dt - 1e-9), max_episode_steps)
        self.elapsed = zeros(like, num, dtype="int64")  # control steps since the reset
        self.last_failure_step = zeros(like, num, dtype="int64")  # the last control step without success, -1 before
        self.had_success = zeros(like, num, dtype="bool")  # whether there was success in this episode
        self.nowhere = zeros(like, num, dtype="bool")  # no row

    def begin(self, ids: Array) -> None:
        """New episodes in rows ids."""
        self.elapsed[ids], self.last_failure_step[ids], self.had_success[ids] = 0, -1, False

    def update_success(self, success: Array, begun: Array | None, diverged: Array | None) -> dict[str, Array]:
        """Count this instant's success, (N,) bool, of rows `begun` alone where these have just begun: the info.

        A diverged row never counts as success.
        """
        if diverged is None:
            diverged = copy(self.nowhere)
        else:
            success = success & ~diverged
        if begun is None:
            self.had_success |= success
        else:
            self.had_success[begun] = success[begun]
        self.last_failure_step = namespace(success).where(success, self.last_failure_step, self.elapsed)
        return {
            "is_success": success,
            "success_once": copy(self.had_success),
            "success_at_end": self.elapsed - self.last_failure_step >= self.settled_steps,
            "diverged": diverged,
        }
