"""Time limits of ids: in seconds, and restored with an episode's state.

`gymnasium.make` wraps an environment in a TimeLimit, which counts steps since its own `reset`. An environment knows
nothing of what wraps it, but whoever calls its `step` stands on the stack.
"""

import sys
from collections.abc import Iterator

from gymnasium.wrappers import TimeLimit

from robodl_envs.scene import CONTROL_DT


def scaled_limit(steps: int, control_dt: float) -> int:
    """Control steps, at least one, that take as long as `steps` of CONTROL_DT."""
    return max(1, round(steps * CONTROL_DT / control_dt))


def calling_limits() -> Iterator[TimeLimit]:
    """The TimeLimits whose `step` has called the function that calls this one."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        owner = frame.f_locals.get("self")
        if frame.f_code.co_name == "step" and isinstance(owner, TimeLimit):
            yield owner


def follow_episode(elapsed: int, id_limit: int | None, control_dt: float) -> None:
    """Make the TimeLimits that call a `step` count from its episode's start, with an id's own limit in seconds.

    Args:
        elapsed: control steps of the episode before this one.
        id_limit: the limit that the environment's id is registered with; None if it was made by no id.
    """
    for limit in calling_limits():
        limit._elapsed_steps = elapsed  # type: ignore[assignment]
        if id_limit is not None and limit._max_episode_steps == id_limit:
            limit._max_episode_steps = scaled_limit(id_limit, control_dt)  # type: ignore[assignment]
