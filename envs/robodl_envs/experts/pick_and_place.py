"""PickAndPlace: over the cube, down, grasp, and carry it to the goal."""

from robodl_envs.arrays import array, copy, namespace
from robodl_envs.experts.motions import CLEARANCE, from_above, horizontal_norm
from robodl_envs.experts.policy import Move

GRASP_DISTANCE = 0.015  # m; the tool this close to the cube's middle, and the fingers as wide as the cube, is a grasp


def pick_and_place(state, robot):
    tool, cube, goal = state["tool"], state["achieved"], state["desired"]
    xp = namespace(tool)
    at_cube, held = grasp(state["to_cube"], state["opening"][:, 0], robot)
    carry = tool + goal - cube
    lifted = copy(carry)
    lifted[:, 2] = xp.maximum(carry[:, 2], tool[:, 2] + robot.cube - cube[:, 2])  # clear of the table on the way
    carry = xp.where((horizontal_norm(goal - cube) > 0.03)[:, None], lifted, carry)
    to = xp.where(held[:, None], carry, from_above(tool, cube, CLEARANCE))
    return Move(to=to, grip=1.0 - 2.0 * array(at_cube, tool))


def grasp(to_cube, opening, robot):
    """Test whether the cube lies between the fingers, and whether they hold it: (N,) bool each."""
    at_cube = (horizontal_norm(to_cube) < GRASP_DISTANCE) & (abs(to_cube[:, 2]) < GRASP_DISTANCE)
    return at_cube, at_cube & (opening < robot.cube + 0.0005)
