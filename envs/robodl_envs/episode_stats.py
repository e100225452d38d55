"""Statistics of episodes: success now, once, and lasting at the end; steps and divergence."""

from robodl_envs.arrays import Array, copy, namespace, zeros

SETTLED_STEPS = 5  # control steps that success must last to count at an episode's end


class EpisodeStats:
    """Counts the steps and the successes of each row's episode.

    Args:
        like: floats of the simulator's library, (N, ...).
        max_episode_steps: steps after which an episode is truncated.
    """

    saved = ("elapsed", "last_failure_step", "had_success")

    def __init__(self, like: Array, max_episode_steps: int):
        num = len(like)
        self.settled_steps = min(SETTLED_STEPS, max_episode_steps)
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
