"""Stack: grasp the red cube, set it on the blue one, let go and rise."""

from robodl_envs.arrays import array, copy, namespace
from robodl_envs.experts.motions import CLEARANCE, from_above, horizontal_norm
from robodl_envs.experts.pick_and_place import grasp
from robodl_envs.experts.policy import Move

LOWER_DISTANCE = 0.004  # m, from its place above the other cube: lower it
PLACED_DISTANCE = 0.008  # m; let go


def stack(state, robot):
    tool, opening = state["tool"], state["opening"][:, 0]
    xp = namespace(tool)
    cube, base = tool + state["to_cube"], tool + state["to_base"]
    at_cube, held = grasp(state["to_cube"], opening, robot)
    place = copy(base)
    place[:, 2] += robot.cube
    offset = place - cube  # (N, 3)
    placed = (horizontal_norm(offset) < PLACED_DISTANCE) & (abs(offset[:, 2]) < 0.004)

    above = copy(offset)
    above[:, 2] += 0.03
    low = offset[:, 2] > -0.01  # not yet higher than the other cube
    straight_up = above * array([0.0, 0.0, 1.0], above)
    carry = xp.where((low & (horizontal_norm(offset) > 0.03))[:, None], straight_up, above)
    # The cube strays a little on its way down.
    near = xp.where(offset[:, 2] < -0.025, array(LOWER_DISTANCE, tool), array(PLACED_DISTANCE, tool))
    carry = tool + xp.where((horizontal_norm(offset) < near)[:, None], offset, carry)
    rise = copy(tool)
    released = (opening > robot.cube + 0.015) & (tool[:, 2] < cube[:, 2] + CLEARANCE)
    rise[:, 2] += 0.04 * array(released, tool)
    to = xp.where(held[:, None], carry, from_above(tool, cube, CLEARANCE))
    to = xp.where(placed[:, None], rise, to)
    return Move(to=to, grip=2.0 * array(placed | ~at_cube, tool) - 1.0)
