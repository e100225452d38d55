"""Robots: published kinematics and limits, a home over the workspace, and grippers that hold."""

import mujoco
import numpy as np
import pytest

from robodl_envs.robots.gripper import STROKE
from robodl_envs.robots.panda import Panda
from robodl_envs.robots.so101 import So101
from robodl_envs.robots.ur5e import Ur5e
from robodl_envs.scene import OBJECT
from tests.envs.arms import begin_episodes, simulate
from tests.envs.rollouts import assert_rows_equal_single_envs

pytestmark = pytest.mark.unit

PANDA_LIMITS = [87] * 4 + [12] * 3, [2.175] * 4 + [2.61] * 3  # N m, rad/s; Franka's data sheet
UR5E_LIMITS = [150] * 3 + [28] * 3, [np.radians(180)] * 6  # N m, rad/s; Universal Robots' data sheet
SO101_LIMITS = [3.35] * 5, [4.7] * 5  # N m, rad/s; TheRobotStudio's model, Feetech's data sheet
HAND = 0.73 + 2 * 0.015  # kg, the Franka Hand with its fingers


@pytest.fixture(params=[Panda, Ur5e, So101], ids=lambda robot: robot.name)
def robot_type(request):
    return request.param


def test_kinematics_of_the_panda():
    """Denavit-Hartenberg parameters of Franka's documentation put the flange where the model has it."""
    dh = [(0, 0.333, 0), (0, 0, -1), (0, 0.316, 1), (0.0825, 0, 1), (-0.0825, 0.384, -1), (0, 0, 1), (0.088, 0, 1)]
    robot = Panda()
    sim = simulate(robot, num=4)
    flange = sim.body("hand").xpos
    low, high = robot.range
    sim.qpos[:] = np.random.default_rng(0).uniform(low, high, (4, 7))
    sim.forward()
    for q, expected in zip(sim.qpos, flange, strict=True):
        pose = np.eye(4)
        for (a, d, quarter), theta in zip(dh, q, strict=True):
            c, s, ca, sa = np.cos(theta), np.sin(theta), 1 - abs(quarter), quarter
            pose = pose @ [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca], [0, 0, 0, 1]]
        np.testing.assert_allclose((pose @ [0, 0, 0.107, 1])[:3], expected, atol=1e-6)


def test_kinematics_of_the_ur5e():
    """Universal Robots' Denavit-Hartenberg parameters of the UR5e; the model's are rounded to millimetres."""
    dh = [  # a, d, quarters of a turn about x
        (0.0, 0.1625, 1),
        (-0.425, 0.0, 0),
        (-0.3922, 0.0, 0),
        (0.0, 0.1333, 1),
        (0.0, 0.0997, -1),
        (0.0, 0.0996, 0),
    ]
    robot = Ur5e()
    sim = simulate(robot, num=8)
    flange, quats = sim.body("hand").xpos, sim.body("hand").xquat
    low, high = robot.range
    sim.qpos[:] = np.random.default_rng(0).uniform(low, high, (8, 6))
    sim.forward()
    for q, expected, quat in zip(sim.qpos, flange, quats, strict=True):
        pose = np.diag([-1.0, -1.0, 1.0, 1.0])  # the data sheet's arm points backwards with its first joint at zero
        for (a, d, quarter), theta in zip(dh, q, strict=True):
            c, s, ca, sa = np.cos(theta), np.sin(theta), 1 - abs(quarter), quarter
            pose = pose @ [[c, -s * ca, s * sa, a * c], [s, c * ca, -c * sa, a * s], [0, sa, ca, d], [0, 0, 0, 1]]
        np.testing.assert_allclose(pose[:3, 3], expected, atol=2.5e-3)
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, quat)
        np.testing.assert_allclose(pose[:3, 2], matrix.reshape(3, 3)[:, 2], atol=1e-6)  # z ahead


@pytest.mark.parametrize(
    ("robot_type", "limits", "mass"),
    [
        (Panda, PANDA_LIMITS, 17.4519),  # kg, the sum of Menagerie's
        (Ur5e, UR5E_LIMITS, 20.9949 + HAND),  # kg, likewise, and the hand
        (So101, SO101_LIMITS, 0.6320),  # kg, the sum of the source's
    ],
)
def test_torque_speed_and_mass_are_published_ones(robot_type, limits, mass):
    robot = robot_type()
    model, dof = simulate(robot, num=1).model, robot.dof
    torque, velocity = limits
    np.testing.assert_allclose(model.jnt_actfrcrange[:dof, 1], torque)
    np.testing.assert_allclose(model.actuator_ctrlrange[:dof], robot.range.T)
    np.testing.assert_allclose(robot.velocity, velocity, rtol=1e-3)
    assert model.body_mass.sum() == pytest.approx(mass, abs=1e-4)


@pytest.mark.parametrize("gripper", [False, True])
def test_home_is_over_the_middle_of_the_workspace(robot_type, gripper):
    """The tool points straight down there, fingers opening sideways, and the joints have room on both sides."""
    robot = robot_type(gripper=gripper)
    sim = simulate(robot, num=2)
    begin_episodes(robot, sim)
    middle = np.mean(robot.workspace, axis=0)
    np.testing.assert_allclose(robot.tool, [middle] * 2, atol=1e-3)
    np.testing.assert_allclose(np.abs(robot.tool_quat), [[0, 1, 0, 0]] * 2, atol=1e-3)
    np.testing.assert_allclose(robot.tool[0], robot.home_tool, atol=1e-9)
    assert (robot.qpos > robot.range[0] + 0.3).all() and (robot.qpos < robot.range[1] - 0.3).all()


def test_gravity_does_not_sag_the_arm(robot_type, control):
    robot = robot_type(control=control)
    sim = simulate(robot, num=2)
    begin_episodes(robot, sim)
    before = robot.tool.copy()
    for _ in range(25):
        robot.act(np.zeros((2, robot.action_size)))
        sim.step(10)
    np.testing.assert_allclose(robot.tool, before, atol=1e-5)


@pytest.mark.parametrize(
    ("robot_type", "size"), [(Panda, 0.04), (Panda, 0.02), (Ur5e, 0.04), (Ur5e, 0.02), (So101, 0.03), (So101, 0.02)]
)
def test_grip_holds_a_cube(robot_type, size):
    """A 0.1 kg cube stays within 1 mm in the fingers: under gravity (row 0), and shaken with 5 m/s^2 (row 1)."""

    def add_cube(spec):
        cube = spec.worldbody.add_body(name="cube", pos=np.mean(robot_type.workspace, axis=0))
        cube.add_freejoint()
        cube.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[size / 2] * 3, mass=0.1, **OBJECT)

    robot = robot_type(gripper=True)
    sim = simulate(robot, 2, add_cube)
    cube, gravity, force = sim.body("cube").xpos, sim.expand("opt.gravity"), sim.bind("actuator_force")
    begin_episodes(robot, sim)
    closed = np.zeros((2, robot.action_size))
    closed[:, -1] = -1.0
    gravity[:] = 0.0  # until the fingers have closed
    for _ in range(40):
        robot.act(closed)
        sim.step(10)
    offset = (cube - robot.tool).copy()
    for k in range(250):
        t = 0.04 * k
        shake = 5.0 * np.array([np.sin(4 * np.pi * t), np.cos(6 * np.pi * t), np.sin(2 * np.pi * t)])
        gravity[:] = np.array([0.0, 0.0, -9.81]) + np.array([[0.0], [1.0]]) * shake
        robot.act(closed)
        sim.step(10)
        assert np.abs(cube - robot.tool - offset).max() < 1e-3
    limit = sim.model.actuator_forcerange[robot.dof :, 1]
    np.testing.assert_allclose(np.abs(force[:, robot.dof :]), [limit] * 2, rtol=0.02)
    np.testing.assert_allclose(robot.fingers.opening, size, atol=1e-3)  # the pads do not sink in


def test_fingers_open_and_close_at_their_speed(robot_type):
    robot = robot_type(gripper=True)
    sim = simulate(robot, 2)
    begin_episodes(robot, sim)
    fingers = robot.fingers
    np.testing.assert_allclose(fingers.opening, fingers.widest, atol=1e-9)
    action = np.zeros((2, robot.action_size))
    action[0, -1], action[1, -1] = -1.0, 1.0
    before = fingers.qpos.copy()
    for _ in range(10):
        robot.act(action)
        sim.step(10)
    expected = 0.4 * fingers.speed
    share = (before[0] - fingers.qpos[0]) / expected
    least = 0.85 if fingers.parallel else 0.6  # the jaw, whose force is limited, lags its command
    assert (share > least).all() and (share < 1.05).all()
    np.testing.assert_allclose(fingers.qpos[1], before[1], atol=0.05 * expected)
    for _ in range(20):
        robot.act(-action)
        sim.step(10)
    np.testing.assert_allclose(fingers.opening[0], fingers.widest, atol=1e-3)


def test_the_franka_hands_stroke_and_speed():
    assert Panda.gripper_class.widest == Ur5e.gripper_class.widest == 2 * STROKE == 0.08  # m
    assert Panda.gripper_class.speed == 0.05  # m/s a finger


@pytest.mark.parametrize("robot", ["ur5e", "so101"])
def test_row_equals_single_env(robot, control):
    """With other arms and grippers than the Panda's, with which all tasks are tested."""
    settings = {"steps": 45, "robot": robot, "control": control}
    assert_rows_equal_single_envs("pick_and_place", 3, 3, **settings)
