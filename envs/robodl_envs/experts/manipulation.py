"""Experts of manipulation tasks, and the motions that they have in common.

Positions and offsets are (N, 3), m, world frame.
"""

import math

from robodl_envs.arrays import Array, array, clip, copy, namespace, quat_conjugate, quat_mul, quat_to_rotvec
from robodl_envs.experts.policy import Move
from robodl_envs.scene import CONTROL_DT, TIMESTEP
from robodl_envs.tasks.slide import DECELERATION, PRESS, TOUCH

CLEARANCE = 0.10  # m above an object: high enough to pass over its neighbours
GRASP_DISTANCE = 0.015  # m; the tool this close to the cube's middle, and the fingers as wide as the cube, is a grasp


def horizontal_norm(offset: Array) -> Array:
    """Horizontal lengths, (N,), of offsets."""
    return namespace(offset).sqrt(offset[:, 0] ** 2 + offset[:, 1] ** 2)


def raised(position: Array, height: float | Array) -> Array:
    """Positions a height, m, above others."""
    above = copy(position)
    above[:, 2] += height
    return above


def at_height(position: Array, z: float | Array) -> Array:
    """Positions above or below others, at a height z, m, in the world."""
    moved = copy(position)
    moved[:, 2] = z
    return moved


def from_above(tool: Array, to: Array, height: float, near: float = 0.012) -> Array:
    """The next waypoint from tool to a position: up, then a height, m, above it, and then down.

    near: m; closer than this to the vertical above the position, the tool goes down.
    """
    xp, above, remaining = namespace(tool), raised(to, height), horizontal_norm(to - tool)
    low = (tool[:, 2] < above[:, 2] - 0.03) & (remaining > 3.0 * near)
    waypoint = xp.where(low[:, None], at_height(tool, above[:, 2]), above)
    return xp.where((remaining < near)[:, None], to, waypoint)


def grasp(to_cube: Array, opening: Array, robot) -> tuple[Array, Array]:
    """Test whether the cube lies between the fingers, and whether they hold it: (N,) bool each."""
    at_cube = (horizontal_norm(to_cube) < GRASP_DISTANCE) & (abs(to_cube[:, 2]) < GRASP_DISTANCE)
    # In longer timesteps an arm that leaves before the fingers touch pushes the cube away: they press it first.
    gap = 0.0005 if robot.timestep <= TIMESTEP else -0.0004  # m; at full force the pads sink in by 0.3 mm each
    return at_cube, at_cube & (opening < robot.cube + gap)


def along_faces(state) -> Array | None:
    """Rotation vectors, (N, 3), that bring the fingers along the cube's faces; None where cubes are not turned."""
    if "cube_yaw" not in state:
        return None
    yaw = state["cube_yaw"][:, 0]
    return namespace(yaw).stack([0.0 * yaw, 0.0 * yaw, yaw], axis=1)


def reach(state, robot):
    """Straight to the goal."""
    return Move(to=state["desired"])


def pose_reach(state, robot):
    """Straight to the goal, rotating on the way."""
    achieved, desired = state["achieved"], state["desired"]
    rotation = quat_to_rotvec(quat_mul(desired[:, 3:], quat_conjugate(achieved[:, 3:])))
    return Move(to=desired[:, :3], rotation=rotation)


def press_button(state, robot):
    """Over the button, and down: to 1 cm below where a finger on the tool, 2 cm above it, has pressed it."""
    return Move(to=from_above(state["tool"], raised(state["desired"], 0.02 - 0.01), 0.07))


def open_drawer(state, robot):
    """A finger down behind the handle, and back."""
    tool = state["tool"]
    xp, handle = namespace(tool), tool + state["to_handle"]
    hook = copy(handle)
    hook[:, 0] += 0.022  # m, from the handle to where the finger goes down
    at = tool - handle
    hooked = (at[:, 0] > 0.005) & (at[:, 0] < 0.04) & (abs(at[:, 1]) < 0.03) & (at[:, 2] < 0.006)
    remaining = state["desired"] - handle  # (N, 3)
    pull = copy(handle)
    step = clip(0.6 * remaining[:, 0], -0.04, 0.04)
    pull[:, 0] = xp.minimum(hook[:, 0] + step, tool[:, 0] + step)
    return Move(to=xp.where(hooked[:, None], pull, from_above(tool, hook, 0.06)))


def push(state, robot):
    """Over the cube to the side that is away from the goal, down, and straight on."""
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    xp, half, height = namespace(tool), 0.5 * robot.cube, 0.6 * robot.cube
    offset = goal - cube
    remaining = horizontal_norm(offset)[:, None]  # (N, 1) m
    direction = at_height(offset / clip(remaining, 1e-6, math.inf), 0.0)
    contact = 1.25 * half + 0.018  # m, from the cube's middle to the tool: fingers that are shut have a radius of 18 mm
    relative = tool - cube
    along = (relative * direction).sum(axis=1)
    sideways = horizontal_norm(relative - along[:, None] * direction)
    behind = at_height(cube - (contact + 0.02) * direction, height)  # 2 cm between the cube and the fingers
    pushing = (along < -0.6 * half) & (sideways < 0.02) & (tool[:, 2] < half + 0.015)
    ahead = clip(0.35 * remaining + 0.004, -math.inf, 0.03)  # m: the nearer the goal, the slower
    onward = at_height(cube - contact * direction + ahead * direction, height)  # corrects the side as well
    to = xp.where(pushing[:, None], onward, from_above(tool, behind, 2.0 * robot.cube + 0.01))
    return Move(to=xp.where(remaining < 0.005, tool, to))  # near enough


def pick_and_place(state, robot):
    """Over the cube, down, grasp, and carry it to the goal."""
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    xp = namespace(tool)
    at_cube, held = grasp(state["to_cube"], state["opening"][:, 0], robot)
    carry = tool + goal - cube
    clear = xp.maximum(carry[:, 2], tool[:, 2] + robot.cube - cube[:, 2])  # of the table on the way
    carry = xp.where((horizontal_norm(goal - cube) > 0.03)[:, None], at_height(carry, clear), carry)
    to = xp.where(held[:, None], carry, from_above(tool, cube, CLEARANCE))
    return Move(to=to, grip=1.0 - 2.0 * array(at_cube, tool), rotation=along_faces(state))


def stack(state, robot):
    """Grasp the red cube, set it on the blue one, let go and rise."""
    tool, opening = state["tool"], state["opening"][:, 0]
    xp = namespace(tool)
    cube, base = tool + state["to_cube"], tool + state["to_base"]
    at_cube, held = grasp(state["to_cube"], opening, robot)
    offset = raised(base, robot.cube) - cube  # (N, 3), from the cube to its place
    placed = (horizontal_norm(offset) < 0.008) & (abs(offset[:, 2]) < 0.004)

    above = raised(offset, 0.03)
    low = offset[:, 2] > -0.01  # not yet higher than the other cube
    straight_up = above * array([0.0, 0.0, 1.0], above)
    carry = xp.where((low & (horizontal_norm(offset) > 0.03))[:, None], straight_up, above)
    # Closer than this to the vertical, lower it: the cube strays a little on its way down.
    near = xp.where(offset[:, 2] < -0.025, array(0.004, tool), array(0.008, tool))
    carry = tool + xp.where((horizontal_norm(offset) < near)[:, None], offset, carry)
    released = (opening > robot.cube + 0.015) & (tool[:, 2] < cube[:, 2] + CLEARANCE)
    to = xp.where(held[:, None], carry, from_above(tool, cube, CLEARANCE))
    to = xp.where(placed[:, None], raised(tool, 0.04 * array(released, tool)), to)
    return Move(to=to, grip=2.0 * array(placed | ~at_cube, tool) - 1.0, rotation=along_faces(state))


def peg_insert(state, robot):
    """Hold tight, the tip over the hole, and down."""
    tool, offset = state["tool"], state["desired"] - state["achieved"]
    hover = raised(offset, 0.040)  # m of the tip over its goal: 1 cm over the block
    down = at_height(offset, clip(offset[:, 2], -0.008, math.inf))  # faster, the arm strays sideways
    # Within 1 mm of the hole's axis, or where the hole's walls guide the tip.
    go_down = (horizontal_norm(offset) < 0.0010) | (offset[:, 2] > -0.026)
    return Move(to=tool + namespace(tool).where(go_down[:, None], down, hover), grip=0.0 * tool[:, 0] - 1.0)


def slide(state, robot):
    """Press a finger on the puck, bring it to the speed that takes it to the goal, and let go."""
    tool, puck, goal = state["tool"], state["achieved"], state["desired"]
    xp, velocity = namespace(tool), state["puck_qvel"][:, :3]
    offset = at_height(goal - puck, 0.0)
    remaining = horizontal_norm(offset)  # (N,) m
    direction = offset / clip(remaining, 1e-6, math.inf)[:, None]
    speed = (velocity * direction).sum(axis=1)
    needed = xp.sqrt(2.0 * DECELERATION * remaining)  # m/s
    top = puck[:, 2] + TOUCH
    (x0, _), (x1, _) = robot.table
    end = x0 + 0.95 * (x1 - x0)  # m, where it lets go
    let_go = puck[:, 0] > end
    interval = robot.update_dt / CONTROL_DT  # between the servos' updates, 1 at 25 Hz and below
    # Updated more often, the finger rises less in the first step: pressed lightly at the end, the puck isn't slowed.
    release = 1.0 - (1.0 - interval**2) * (1.0 - clip((end - puck[:, 0]) / 0.1, 0.0, 1.0))
    pressed = top - PRESS * release
    on_top = (horizontal_norm(tool - puck) < 0.015) & (tool[:, 2] < top + 0.005)
    rise = 0.03 * interval * (robot.control_dt / CONTROL_DT)  # m

    # Tuned for both arms: of the commanded speed 0.71 stays with the puck at 25 Hz, 0.89 at 50 Hz. The servos' pull
    # falls off between updates, so that objects are slower at its end than on average.
    commanded = needed / (0.71 + 0.36 * (1.0 - interval)) + 0.4 * (needed - speed)  # m/s
    drift = at_height(velocity - direction * speed[:, None], 0.0)  # sideways
    onward = tool + (direction * commanded[:, None] - drift) * robot.control_dt + state["target_offset"]
    onward = at_height(onward, xp.where(let_go, tool[:, 2] + rise, pressed))
    to = xp.where(on_top[:, None], onward, from_above(tool, at_height(puck, pressed), 0.05))
    slides = ~on_top & (speed > 0.1) | (remaining < 0.03)
    return Move(to=xp.where(slides[:, None], at_height(tool, 0.15), to))
