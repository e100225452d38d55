"""Shaped rewards lead to success: no other policy earns more than the expert, no way round earns anything."""

from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from robodl_envs import make_policy, make_vec, task_id
from tests.envs.robot_support import SUPPORTED

MANIPULATION = [(task, robot) for task, robot in SUPPORTED if task not in ("read_digit", "inspect", "track")]
OF_THE_PANDA = [task for task, robot in MANIPULATION if robot == "panda"]
PAIRS = [pytest.param(*pair, marks=[] if pair[1] == "panda" else pytest.mark.slow) for pair in MANIPULATION]
ROWS = 16


def made(task, robot="panda"):
    limit = gymnasium.spec(task_id(task)).max_episode_steps
    settings = {"robot": robot, "reward": "shaped", "autoreset_mode": "Disabled", "max_episode_steps": limit}
    return make_vec(task, num_envs=ROWS, **settings), limit


def played(envs, policy, steps):
    """Rewards, (steps, N), potentials, (steps + 1, N), and success at the end, (N,), of an episode."""
    observation, _ = envs.reset(seed=2**31)
    rewards, potentials = [], [envs.batch.rewards.last_potential]
    for _ in range(steps):
        observation, reward, _, _, info = envs.step(policy(observation))
        rewards.append(reward)
        potentials.append(envs.batch.rewards.last_potential)
    return np.array(rewards), np.array(potentials), info["success_at_end"]


@pytest.mark.parametrize(("task", "robot"), PAIRS)
def test_the_expert_earns_most(task, robot):
    """More than random actions and than none in each episode it wins, and seldom at a loss on the way."""
    envs, steps = made(task, robot)
    rewards, potentials, success = played(envs, make_policy("expert", envs), steps)
    assert success.mean() >= 0.75
    others = [played(envs, make_policy(name, envs, seed=1), steps)[0].sum(axis=0) for name in ("random", "zero")]
    assert (rewards.sum(axis=0) > np.maximum(*others))[success].all()
    assert (rewards < -0.02).mean() < 0.2
    assert (potentials[-1] < 0.35 * potentials[0])[success].all()


@pytest.mark.parametrize("task", OF_THE_PANDA)
def test_no_way_round_earns_anything(task):
    """Rewards add up to what the potential fell by, whatever was done: a loop of states earns nothing."""
    envs, _ = made(task)
    rewards, potentials, _ = played(envs, make_policy("random", envs, seed=2), 40)
    np.testing.assert_allclose(rewards.sum(axis=0) * envs.batch.control_dt, potentials[0] - potentials[-1], atol=1e-9)


def push_potential(tool, left=0.15, target=0.0, raised=0.0):
    """The potential of Push with the cube at (0.4, 0, 0.02), its goal further along y, and a tool somewhere.

    Args:
        target: m, of the tool's target above the tool.
        raised: m, of the cube.
    """
    envs = make_vec("push", reward="shaped")
    envs.reset(seed=0)
    cube, goal = np.array([[0.4, 0.0, 0.02 + raised]]), np.array([[0.4, left, 0.02]])
    envs.task.cube.pos[:] = cube
    controller = SimpleNamespace(position_offset=lambda: np.array([[0.0, 0.0, target]]))
    envs.task.robot = SimpleNamespace(tool=np.array([tool]), cube=envs.robot.cube, controller=controller)
    return envs.batch.rewards.potential(cube, goal)[0]


def test_a_tool_comes_down_behind_the_cube_and_not_on_it():
    """Policies stood on the cube where that was worth as much as to stand behind it."""
    home, on_top = push_potential((0.45, 0.1, 0.2)), push_potential((0.4, -0.03, 0.05))
    above = push_potential((0.4, -0.06, 0.06))
    low, there = push_potential((0.4, -0.06, 0.025)), push_potential((0.4, -0.036, 0.025))
    assert home > above > low > there and on_top > low
    assert push_potential((0.4, 0.05, 0.025)) > above  # before the cube it can't push it


def test_a_tool_rises_from_the_cube():
    """Policies lay on the cube and dragged it to 5 to 9 cm from the goal, where they stood."""
    for back in (0.0, 0.02, 0.03):
        lying, risen = push_potential((0.4, -back, 0.049)), push_potential((0.4, -back, 0.07))
        assert risen < lying - 0.005


def test_a_cube_that_is_there_may_stay():
    """Policies went round the cube at its goal, to push it on, and pushed it away."""
    beside, near, above = ((0.4, y, z) for y, z in ((-0.036, 0.025), (-0.036, 0.1), (0.0, 0.12)))
    values = [push_potential(tool, left=0.02) for tool in (above, near, beside)]
    assert values == sorted(values) and values[0] == pytest.approx(0.04)  # the tool is to rise, and to rest there
    assert push_potential((0.4, -0.036, 0.025), left=0.04) > values[2] + 0.02  # to come there pays, whatever is next
    assert push_potential((0.4, 0.05, 0.025), left=0.06) > push_potential((0.4, -0.036, 0.025), left=0.06)


def test_a_tool_that_presses_on_the_table_is_to_let_go():
    """Policies stood before the cube with the tool's target 8 cm below the table, two steps from rising."""
    for y in (0.1, -0.05):
        values = [push_potential((0.4, y, 0.012), target=target) for target in (-0.08, -0.04, 0.01)]
        assert values == sorted(values, reverse=True) and values[0] > values[-1] + 0.03


def test_a_cube_stays_flat_on_the_table():
    """Policies struck it at 1 m/s from below its middle, so that it turned over and flew off."""
    flat, tilted = (push_potential((0.4, -0.036, 0.025), raised=raised) for raised in (0.0, 0.008))
    assert tilted > flat + 0.01


def test_a_push_pays_though_the_cube_turns():
    """To slip off by 2 cm costs less than the 2 cm that the cube came nearer: else policies stand still behind it."""
    behind, slipped = push_potential((0.4, -0.036, 0.025)), push_potential((0.42, -0.036, 0.025))
    assert slipped - behind < 0.02


def slide_potential(left, height, target=0.0, beside=0.0):
    """The potential of Slide with the tool over a puck that will rest at a distance from its goal.

    Args:
        height: m, of the tool above where it presses; target: the same of its target.
        beside: m, of the tool from the puck's middle.
    """
    envs = make_vec("slide", reward="shaped")
    envs.reset(seed=0)
    puck, goal = np.array([[0.4, 0.0, 0.0125]]), np.array([[0.4 + left, 0.0, 0.0125]])
    tool = puck + envs.task.pressed + np.array([[0.0, beside, height]])
    offset = np.array([[0.0, 0.0, target - height]])
    controller = SimpleNamespace(position_offset=lambda: offset)
    envs.task.robot = SimpleNamespace(tool=tool, controller=controller)
    return envs.batch.rewards.potential(puck, goal)[0]


def test_a_finger_presses_lightly_on_a_puck_that_is_to_move():
    """Policies pressed with the tool's target 7 cm below, from where the puck could not be let go at its speed."""
    pressed, hard, above = (slide_potential(0.4, *where) for where in ((0.0035, 0.0), (0.0035, -0.07), (0.05, 0.05)))
    assert pressed < above < slide_potential(0.4, 0.1, 0.1) and pressed < hard - 0.02


def test_a_finger_lets_go_of_a_puck_that_will_rest_at_its_goal():
    """Policies carried the puck to the end of the arm's reach, where it stopped short of goals beyond."""
    for left in (0.01, 0.04):
        values = [
            slide_potential(left, 0.0035, -0.03),
            slide_potential(left, 0.0035),
            slide_potential(left, 0.01, 0.03),
        ]
        assert values == sorted(values, reverse=True) and values[1] > values[2] + 0.02
    assert slide_potential(0.04, 0.0035) < slide_potential(0.2, 0.0035)  # to give it speed pays before that
    assert slide_potential(0.02, 0.0035) < slide_potential(0.04, 0.0035) - 0.02  # until it will rest well within 5 cm


def test_a_finger_on_a_puck_is_worth_more_than_one_that_kicks_it():
    """A policy kicked the puck with the finger's side, 4.5 cm from its middle, so that it rested 4 cm off."""
    kicked, carried = slide_potential(0.4, 0.0035, beside=0.045), slide_potential(0.4, 0.0035)
    assert kicked > carried + 0.05


def test_a_camera_stays_over_the_target_as_high_as_it_began():
    """Policies that were paid for being over the target alone rose by 20 cm, from where no target counts as in view."""
    envs = make_vec("track", num_envs=2, reward="shaped")
    observation, _ = envs.reset(seed=0)
    task, goal = envs.task, observation["desired_goal"]
    over = np.column_stack([goal[:, :2], np.full(2, task.start_height)])

    def potential(offset):
        task.camera.pos = over + offset
        return envs.batch.rewards.potential(goal, goal)

    at_best = potential([0.0, 0.0, 0.0])
    assert (at_best < 1e-6).all()
    for offset in ([0.1, 0.0, 0.0], [0.0, -0.1, 0.0], [0.0, 0.0, 0.1]):
        assert (potential(offset) > at_best + 0.1).all()


def test_stages_follow_each_other_in_stack():
    """A cube that is let go in its place is worth more than one held there, that more than one held elsewhere."""
    envs, steps = made("stack")
    _, potentials, success = played(envs, make_policy("expert", envs), steps)
    assert success.all() and (potentials.argmin(axis=0) > 0.2 * steps).all()
    worth = envs.robot.fingers.widest - envs.robot.cube  # m, of letting go
    assert (potentials[-1] < 0.25 * worth).all()


def peg_potential(tip, target):
    """The potential of PegInsert with the peg's tip and its tool's target at places from the goal."""
    envs = make_vec("peg_insert", reward="shaped")
    envs.reset(seed=0)
    robot = envs.robot
    robot.controller.target[:] = robot.tool + target - tip
    goal = envs.task.desired_goal()
    return envs.batch.rewards.potential(goal + tip, goal)[0]


def test_a_peg_that_is_too_deep_is_to_come_up():
    """Policies let it stand on the table, 18 mm below its goal: there it moves only after the tool's target has."""
    deep = np.array([[0.002, 0.0, -0.018]])
    values = [peg_potential(deep, deep + np.array([0.0, 0.0, z])) for z in (-0.06, -0.04, -0.02)]
    assert values == sorted(values, reverse=True) and values[0] > values[-1] + 0.03
    there = peg_potential(np.zeros((1, 3)), np.zeros((1, 3)))
    assert values[-1] > there and there == pytest.approx(0.0, abs=2e-3)


def test_a_peg_goes_into_the_hole_and_not_beside_it():
    """The way leads over the hole and down: it pays to come there, and to go in."""
    places = ([0.05, 0.0, 0.08], [0.0, 0.0, 0.045], [0.0, 0.0, 0.031], [0.0, 0.0, 0.029], [0.0, 0.0, 0.01])
    values = [peg_potential(np.array([place]), np.array([place])) for place in places]
    assert values == sorted(values, reverse=True)
