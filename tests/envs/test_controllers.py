"""Controllers: tools and joints go where actions say, within limits, without wind-up, and hold still at zero."""

import numpy as np
import pytest

from robodl_envs import make_vec, robot_class, robot_names
from robodl_envs.arrays import quat_mul, rotation_angle, rotvec_to_quat
from robodl_envs.robots.controllers import ToolDelta
from tests.envs.arms import begin_episodes, simulate, without_contacts

pytestmark = pytest.mark.unit

ROTATING = [name for name in robot_names() if len(robot_class(name).home) >= 6]


def started(task, num, **settings):
    """A vector environment at the start of its episodes, and its robot."""
    envs = make_vec(task, num_envs=num, **settings)
    envs.reset(seed=0)
    return envs, envs.robot


def test_the_tool_goes_where_the_action_points(rng):
    """It comes to rest at the sum of the increments to 1 mm, its orientation kept to 3 degrees on the way."""
    envs, robot = started("reach", 16)
    begin, quat = robot.tool.copy(), robot.tool_quat.copy()
    action = rng.uniform(-0.7, 0.7, (16, 3)) * [1, 1, 0.5]
    for k in range(30):
        envs.step(action if k < 4 else np.zeros((16, 3)))
        assert rotation_angle(robot.tool_quat, quat).max() < np.radians(3)
    np.testing.assert_allclose(robot.tool - begin, 4 * (0.04 * ToolDelta.SPEED) * action, atol=1e-3)
    assert rotation_angle(robot.tool_quat, quat).max() < np.radians(0.2)


@pytest.mark.parametrize("arm", robot_names())
def test_every_robots_tool_goes_where_the_action_points(arm, rng):
    """Within 2 mm and 3 degrees; with five joints the SO-101's yaw depends on its position."""
    envs, robot = started("reach", 8, robot=arm)
    begin, quat = robot.tool.copy(), robot.tool_quat.copy()
    action = rng.uniform(-0.7, 0.7, (8, 3)) * [1, 1, 0.5]
    for k in range(40):
        envs.step(action if k < 3 else np.zeros((8, 3)))
    np.testing.assert_allclose(robot.tool - begin, 3 * robot.controller.step * action, atol=2e-3)
    if robot.dof > 5:
        assert rotation_angle(robot.tool_quat, quat).max() < np.radians(3)


@pytest.mark.parametrize("arm", robot_names())
def test_joints_go_where_the_action_says(arm, rng):
    """Each by its increments, to 2 mrad, at most at its speed limit."""
    envs, robot = started("reach", 8, robot=arm, control="joint")
    begin, action = robot.qpos.copy(), rng.uniform(-0.5, 0.5, (8, robot.dof))
    for k in range(30):
        envs.step(action if k < 3 else np.zeros((8, robot.dof)))
    np.testing.assert_allclose(robot.qpos - begin, 3 * robot.velocity * 0.04 * action, atol=2e-3)


@pytest.mark.parametrize("arm", ROTATING)
def test_the_tool_rotates_as_the_action_says(arm, rng):
    """About the world's axes to 0.5 degrees, while the tool stays where it is to 2 mm."""
    envs, robot = started("pose_reach", 8, robot=arm)
    begin, quat = robot.tool.copy(), robot.tool_quat.copy()
    rotvec, zero = rng.uniform(-0.8, 0.8, (8, 3)), np.zeros((8, 3))
    for k in range(40):
        envs.step(np.concatenate([zero, rotvec if k < 5 else zero], axis=1))
    expected = quat_mul(rotvec_to_quat(5 * 0.04 * ToolDelta.ROTATION_SPEED * rotvec), quat)
    assert rotation_angle(robot.tool_quat, expected).max() < np.radians(0.5)
    np.testing.assert_allclose(robot.tool, begin, atol=2e-3)


@pytest.mark.parametrize("arm", ROTATING)
def test_orientation_is_held_without_a_rotation_command(arm, rng):
    """Also after the tool has rotated: within 5 degrees on the way, then within 0.5."""
    envs, robot = started("pose_reach", 8, robot=arm)
    rotvec, offset = rng.uniform(-0.8, 0.8, (2, 8, 3)) * [[[1.0]], [[0.8]]]
    zero = np.zeros((8, 3))
    for k in range(40):
        envs.step(np.concatenate([zero, rotvec if k < 3 else zero], axis=1))
    quat, begin = robot.tool_quat.copy(), robot.tool.copy()
    for k in range(40):
        envs.step(np.concatenate([offset if k < 3 else zero, zero], axis=1))
        assert rotation_angle(robot.tool_quat, quat).max() < np.radians(5)
    assert rotation_angle(robot.tool_quat, quat).max() < np.radians(0.5)
    np.testing.assert_allclose(robot.tool - begin, 3 * (0.04 * ToolDelta.SPEED) * offset, atol=2e-3)


@pytest.mark.parametrize("arm", robot_names())
def test_an_action_of_zeros_holds_still(arm, control):
    envs, robot = started("reach", 2, robot=arm, control=control)
    before = robot.tool.copy()
    for _ in range(100):
        envs.step(np.zeros(envs.action_space.shape))
    np.testing.assert_allclose(robot.tool, before, atol=1e-4)


@pytest.mark.parametrize("arm", robot_names())
def test_joint_speeds_torques_and_ranges_are_kept(arm, control, rng):
    """Extreme actions, nothing in the way: joints keep their speed and torque limits, and nearly their range."""
    robot = robot_class(arm)(control=control)
    sim = simulate(robot, 16, without_contacts)
    torque, (low, high) = sim.bind("qfrc_actuator"), robot.range
    begin_episodes(robot, sim)
    limit = np.array([servo.torque for servo in robot.servos])
    for k in range(150):
        if k % 10 == 0:
            action = np.sign(rng.uniform(-1, 1, (16, robot.action_size)))
        robot.act(action)
        sim.step(10)
        assert (np.abs(robot.qvel) <= 1.15 * robot.velocity).all()  # more than 1 where a torque limit is met
        assert (np.abs(torque) <= limit + 1e-9).all()
        assert (robot.qpos >= low - 0.03).all() and (robot.qpos <= high + 0.03).all()


@pytest.mark.parametrize("arm", robot_names())
def test_targets_do_not_wind_up(arm, control):
    """However long an action pushes against a limit, the target stays near and motion back begins at once."""
    robot = robot_class(arm)(control=control)
    sim = simulate(robot, 2, without_contacts)
    begin_episodes(robot, sim)
    action = np.zeros((2, robot.action_size))
    action[:, 0] = [1.0, -1.0]
    position = robot.tool if control == "tool" else robot.qpos
    for _ in range(100):
        robot.act(action)
        sim.step(10)
    if control == "tool":
        assert (np.abs(robot.controller.position_offset()) <= robot.controller.MAX_OFFSET + 1e-2).all()
    at_limit = position[:, 0].copy()
    for _ in range(3 if robot.dof > 5 else 10):  # five joints first unfold
        robot.act(-action)
        sim.step(10)
    least = 0.1 * robot.controller.step if control == "tool" else 0.004  # m, rad
    assert ((position[:, 0] - at_limit) * [-1.0, 1.0] > least).all()


def test_jacobian_is_mujocos(rng):
    """The motion axes that ToolDelta takes for a Jacobian about the centre of mass agree with Batch.jac."""
    envs, robot = started("reach", 16)
    batch, controller = envs.batch.sim.batch, robot.controller
    for _ in range(5):
        envs.step(rng.uniform(-1, 1, (16, 3)))
    jacp, jacr = batch.jac(batch.model.body(robot.hand).id, controller.center)
    np.testing.assert_allclose(controller.cdof.transpose(0, 2, 1), np.concatenate([jacr, jacp], axis=1), atol=1e-12)


@pytest.mark.parametrize("control", ["tool", "joint"])
def test_the_tool_comes_to_its_target(control, rng):
    """It is led there by one action, to a millimetre, whatever the action moves."""
    envs, robot = started("reach", 16, control=control)
    action = rng.uniform(-0.5, 0.5, (16, robot.action_size))
    envs.step(action)
    target = robot.tool + robot.controller.position_offset()
    assert (np.abs(target - robot.tool).max(axis=1) > 0.002).all()
    for _ in range(30):
        envs.step(np.zeros_like(action))
    np.testing.assert_allclose(robot.tool, target, atol=1e-3)
