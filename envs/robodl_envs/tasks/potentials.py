"""Parts of potentials, (N,) in metres: what is left to do, as an arm does it, for reward="shaped".

Each falls all along a way that leads to the goal, so that what pays at once also leads on.
"""

from typing import Any

from robodl_envs.arrays import Array, clip, concat, norm


def from_above(offset: Array, clearance: float, near: float, far: float) -> Array:
    """Way to a place that must be come to from above: (N,) m.

    Args:
        offset: (N, 3) m, from what moves to the place.
        clearance: m above the place, at which to go there.
        near: m from the vertical through the place, within which the way leads straight down;
        far: and beyond which it leads along at full height.
    """
    sideways = norm(offset[:, :2])
    height = clearance * clip((sideways - near) / (far - near), 0.0, 1.0)
    return sideways + height + abs(offset[:, 2] + height)


def grasping(robot: Any, pos: Array, width: float) -> Array:
    """Half the tool's way to a thing of a width, m, at pos, (N, 3) m, and the fingers' way to hold it: (N,) m.

    They are to be open on the way, and to shut where the thing is.
    """
    opening, widest = robot.fingers.opening, robot.fingers.widest
    way = from_above(pos - robot.tool, 1.5 * width, 0.01, 0.03)
    there = clip(1.5 - way / 0.02, 0.0, 1.0)  # 1 within 1 cm, 0 beyond 3 cm
    shut, opened = abs(opening - width), (widest - width) + abs(widest - opening)
    return 0.5 * way + there * shut + (1.0 - there) * opened


def way_behind(tool: Array, pos: Array, goal: Array, half: float, radius: float) -> Array:
    """Way of a tool that points down to where it pushes a thing from, for it to move to a goal: (N,) m.

    It leads over the thing, down well behind it, and up to it. A tool that is beside the thing, where it can't push it,
    has to rise again. One that lies on the thing, from where it would drag it along, has to rise as well, by ten times
    what it is too low: what is dragged can't be put down where it is to stay.

    Args:
        tool, pos, goal: (N, 3) m, of the tool, the thing and the goal.
        half: m, of the thing's sides.
        radius: m, of the tool.
    """
    offset = (goal - pos)[:, :2]
    direction = offset / clip(norm(offset), 1e-3, 1e3)[:, None]
    from_thing = (tool - pos)[:, :2]
    back = -(from_thing * direction).sum(axis=1)
    touch = half + 0.8 * radius
    above = clip((tool[:, 2] - 1.5 * half) / half, 0.0, 1.0)  # 1 over the thing, behind which it is to come down
    inside = clip(back, touch + 1.5 * radius * above, touch + 2.6 * radius)
    place = pos[:, :2] - inside[:, None] * direction
    down = concat([place - tool[:, :2], 1.2 * half - tool[:, 2:]])
    upon = clip((half + 0.6 * radius - norm(from_thing)) / (0.3 * radius), 0.0, 1.0)  # 1 over the thing, 0 beside it
    too_low = clip(pos[:, 2] + half + 0.025 - tool[:, 2], 0.0, 0.025)
    return from_above(down, 4.0 * half, 0.012, 0.045) + 0.3 * (inside - touch) + 10.0 * upon * too_low
