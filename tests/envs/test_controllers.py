"""Controllers: straight, within limits, still when told nothing, and never wound up."""

import mujoco
import numpy as np
import pytest

from robodl_envs import make_vec, robot_class, robot_names
from robodl_envs.arrays import quat_mul, rotation_angle, rotvec_to_quat
from robodl_envs.robots.controllers import ToolDelta, turn_to
from tests.envs.arms import simulated, start


@pytest.fixture
def envs():
    made = make_vec("reach", num_envs=16)
    made.reset(seed=0)
    return made


def robot_of(envs):
    return envs.batch.robot


def test_tool_goes_where_the_action_points(envs, rng):
    """The tool comes to rest where the increments add up to, its orientation kept to 1 degree on the way."""
    robot, begin = robot_of(envs), robot_of(envs).tool.copy()
    quat = robot.tool_quat.copy()
    way = rng.uniform(-0.7, 0.7, (16, 3)) * [1, 1, 0.5]
    for k in range(30):
        envs.step(way if k < 4 else np.zeros((16, 3)))
        assert np.abs((robot.tool_quat * quat).sum(axis=1)).min() > np.cos(np.radians(3) / 2)
    np.testing.assert_allclose(robot.tool - begin, 4 * ToolDelta.STEP * way, atol=1e-3)
    assert np.abs((robot.tool_quat * quat).sum(axis=1)).min() > np.cos(np.radians(0.2) / 2)


@pytest.mark.parametrize("arm", robot_names())
def test_a_tool_goes_where_the_action_points(arm, rng):
    """Every robot's tool, within 2 mm and 3 degrees; five joints leave the SO-101's yaw to its place."""
    envs = make_vec("reach", num_envs=8, robot=arm)
    envs.reset(seed=0)
    robot, begin = robot_of(envs), robot_of(envs).tool.copy()
    quat, way = robot.tool_quat.copy(), rng.uniform(-0.7, 0.7, (8, 3)) * [1, 1, 0.5]
    for k in range(40):
        envs.step(way if k < 3 else np.zeros((8, 3)))
    np.testing.assert_allclose(robot.tool - begin, 3 * robot.controller.STEP * way, atol=2e-3)
    if robot.dof > 5:
        assert np.abs((robot.tool_quat * quat).sum(axis=1)).min() > np.cos(np.radians(3) / 2)


@pytest.mark.parametrize("arm", robot_names())
def test_joints_go_where_the_action_says(arm, rng):
    """Each by its increments, to 2 mrad, at most at its speed limit."""
    envs = make_vec("reach", num_envs=8, robot=arm, control="joint")
    envs.reset(seed=0)
    robot, begin = robot_of(envs), robot_of(envs).qpos.copy()
    way = rng.uniform(-0.5, 0.5, (8, robot.dof))
    for k in range(30):
        envs.step(way if k < 3 else np.zeros((8, robot.dof)))
    np.testing.assert_allclose(robot.qpos - begin, 3 * robot.velocity * 0.04 * way, atol=2e-3)


TURNING = [name for name in robot_names() if len(robot_class(name).home) >= 6]


@pytest.mark.parametrize("arm", TURNING)
def test_the_tool_turns_as_the_action_says(arm, rng):
    """Commanded turns about the world's axes are reached to 0.5 degrees, and the tool stays where it is to 2 mm."""
    envs = make_vec("pose_reach", num_envs=8, robot=arm)
    envs.reset(seed=0)
    robot = robot_of(envs)
    place, quat = robot.tool.copy(), robot.tool_quat.copy()
    turn = rng.uniform(-0.8, 0.8, (8, 3))
    for k in range(40):
        envs.step(np.concatenate([np.zeros((8, 3)), turn if k < 5 else np.zeros((8, 3))], axis=1))
    expected = quat_mul(rotvec_to_quat(5 * ToolDelta.TURN * turn), quat)
    assert rotation_angle(robot.tool_quat, expected).max() < np.radians(0.5)
    np.testing.assert_allclose(robot.tool, place, atol=2e-3)


@pytest.mark.parametrize("arm", TURNING)
def test_orientation_is_held_where_no_turn_is_commanded(arm, rng):
    """Also where the tool could turn, and after it has: on the way within 5 degrees, then within 0.5."""
    envs = make_vec("pose_reach", num_envs=8, robot=arm)
    envs.reset(seed=0)
    robot = robot_of(envs)
    turn, way = rng.uniform(-0.8, 0.8, (2, 8, 3)) * [[[1.0]], [[0.8]]]
    none = np.zeros((8, 3))
    for k in range(40):
        envs.step(np.concatenate([none, turn if k < 3 else none], axis=1))
    quat, place = robot.tool_quat.copy(), robot.tool.copy()
    for k in range(40):
        envs.step(np.concatenate([way if k < 3 else none, none], axis=1))
        assert rotation_angle(robot.tool_quat, quat).max() < np.radians(5)
    assert rotation_angle(robot.tool_quat, quat).max() < np.radians(0.5)
    np.testing.assert_allclose(robot.tool - place, 3 * ToolDelta.STEP * way, atol=2e-3)


@pytest.mark.parametrize("arm", robot_names())
def test_nothing_moves_without_action(arm, control):
    envs = make_vec("reach", num_envs=2, robot=arm, control=control)
    envs.reset(seed=0)
    before = robot_of(envs).tool.copy()
    for _ in range(100):
        envs.step(np.zeros(envs.action_space.shape))
    np.testing.assert_allclose(robot_of(envs).tool, before, atol=1e-4)


@pytest.mark.parametrize("arm", robot_names())
def test_joint_speeds_torques_and_ranges_are_kept(arm, control, rng):
    """Extreme actions, nothing in the way: joints keep their speed and torque limits, and nearly their range."""
    robot = robot_class(arm)(control=control)
    sim = simulated(robot, 32, without_contacts)
    torque, (low, high) = sim.bind("qfrc_actuator"), robot.range
    start(robot, sim)
    limit = np.array([servo.torque for servo in robot.servos])
    for k in range(200):
        if k % 10 == 0:
            action = np.sign(rng.uniform(-1, 1, (32, robot.action_size)))
        robot.act(action)
        sim.step(10)
        assert (np.abs(robot.qvel) <= 1.15 * robot.velocity).all()  # more than 1 where a torque limit is met
        assert (np.abs(torque) <= limit + 1e-9).all()
        assert (robot.qpos >= low - 0.03).all() and (robot.qpos <= high + 0.03).all()


@pytest.mark.parametrize("arm", robot_names())
def test_no_wind_up(arm, control):
    """However long an action pushes against a limit, the target stays near and the way back begins at once."""
    robot = robot_class(arm)(control=control)
    sim = simulated(robot, 2, without_contacts)
    start(robot, sim)
    action = np.zeros((2, robot.action_size))
    action[:, 0] = [1.0, -1.0]
    where = robot.tool if control == "tool" else robot.qpos
    for _ in range(100):
        robot.act(action)
        sim.step(10)
    if control == "tool":
        assert (np.abs(robot.controller.target - robot.tool) <= robot.controller.LEASH + 1e-2).all()
    stuck = where[:, 0].copy()
    for _ in range(3 if robot.dof > 5 else 10):  # five joints first unfold
        robot.act(-action)
        sim.step(10)
    least = 0.1 * robot.controller.STEP if control == "tool" else 0.004  # m, rad
    assert ((where[:, 0] - stuck) * [-1.0, 1.0] > least).all()


def without_contacts(spec):
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)


def test_jacobian_is_mujocos(envs, rng):
    """The motion axes that ToolDelta takes for a Jacobian about the centre of mass agree with Batch.jac."""
    robot, batch = robot_of(envs), envs.batch.sim.batch
    for _ in range(5):
        envs.step(rng.uniform(-1, 1, (16, 3)))
    controller = robot.controller
    jacp, jacr = batch.jac(batch.model.body(robot.hand).id, controller.center)
    np.testing.assert_allclose(controller.axes.transpose(0, 2, 1), np.concatenate([jacr, jacp], axis=1), atol=1e-12)


def test_turn_to(rng):
    a, b = rng.normal(size=(2, 5, 4))
    a, b = a / np.linalg.norm(a, axis=1)[:, None], b / np.linalg.norm(b, axis=1)[:, None]
    for i in range(5):
        inverse, expected = np.zeros(4), np.zeros(4)
        mujoco.mju_negQuat(inverse, b[i])
        mujoco.mju_mulQuat(expected, a[i], inverse)
        np.testing.assert_allclose(turn_to(a)[i] @ b[i], expected[1:], atol=1e-15)
