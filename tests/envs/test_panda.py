"""The Panda: its numbers, its reach, and a grip that holds."""

import mujoco
import numpy as np
import pytest

from robodl_envs.robots.gripper import FORCE, STROKE
from robodl_envs.robots.panda import Panda
from robodl_envs.scene import OBJECT
from tests.envs.arms import simulated, start


def test_kinematics_of_the_data_sheet():
    """Denavit-Hartenberg parameters of Franka's documentation put the flange where the model has it."""
    dh = [(0, 0.333, 0), (0, 0, -1), (0, 0.316, 1), (0.0825, 0, 1), (-0.0825, 0.384, -1), (0, 0, 1), (0.088, 0, 1)]
    robot = Panda()
    sim = simulated(robot, num=4)
    flange = sim.body("hand").xpos
    low, high = robot.range
    sim.qpos[:] = np.random.default_rng(0).uniform(low, high, (4, 7))
    sim.forward()
    for q, seen in zip(sim.qpos, flange, strict=True):
        pose = np.eye(4)
        for (a, d, quarter), theta in zip(dh, q, strict=True):
            c, s, ca, sa = np.cos(theta), np.sin(theta), 1 - abs(quarter), quarter
            pose = pose @ [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca], [0, 0, 0, 1]]
        np.testing.assert_allclose((pose @ [0, 0, 0.107, 1])[:3], seen, atol=1e-6)


def test_limits_are_in_the_model():
    robot = Panda()
    model = simulated(robot, num=1).model
    np.testing.assert_allclose(model.jnt_actfrcrange[:7, 1], [87] * 4 + [12] * 3)
    np.testing.assert_allclose(model.actuator_ctrlrange[:7], robot.range.T)
    np.testing.assert_allclose(robot.velocity, [2.175] * 4 + [2.61] * 3)
    assert model.body_mass.sum() == pytest.approx(17.4519, abs=1e-4)  # kg, the sum of Menagerie's


def test_home_is_over_the_middle_of_the_workspace():
    robot = Panda()
    sim = simulated(robot, num=2)
    start(robot, sim)
    middle = np.mean(robot.workspace, axis=0)
    np.testing.assert_allclose(robot.tool, [middle] * 2, atol=1e-3)
    np.testing.assert_allclose(np.abs(robot.tool_quat), [[0, 1, 0, 0]] * 2, atol=1e-3)  # straight down


def test_gravity_does_not_sag_the_arm():
    robot = Panda()
    sim = simulated(robot, num=2)
    start(robot, sim)
    before = robot.tool.copy()
    for _ in range(25):
        robot.act(np.zeros((2, 3)))
        sim.step(10)
    np.testing.assert_allclose(robot.tool, before, atol=1e-5)


@pytest.mark.parametrize("size", [0.04, 0.02])
def test_grip_holds_a_cube(size):
    """A 0.1 kg cube stays within 1 mm in the fingers: under gravity (row 0), and shaken with 5 m/s^2 (row 1)."""

    def add_cube(spec):
        cube = spec.worldbody.add_body(name="cube", pos=np.mean(Panda.workspace, axis=0))
        cube.add_freejoint()
        cube.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[size / 2] * 3, mass=0.1, **OBJECT)

    robot = Panda(gripper=True)
    sim = simulated(robot, 2, add_cube)
    cube, gravity, force = sim.body("cube").xpos, sim.expand("opt.gravity"), sim.bind("actuator_force")
    start(robot, sim)
    shut = np.r_[np.zeros(3), -1.0] * np.ones((2, 1))
    gravity[:] = 0.0  # until the fingers have closed
    for _ in range(40):
        robot.act(shut)
        sim.step(10)
    held = (cube - robot.tool).copy()
    for k in range(250):
        t = 0.04 * k
        shake = 5.0 * np.array([np.sin(4 * np.pi * t), np.cos(6 * np.pi * t), np.sin(2 * np.pi * t)])
        gravity[:] = np.array([0.0, 0.0, -9.81]) + np.array([[0.0], [1.0]]) * shake
        robot.act(shut)
        sim.step(10)
        assert np.abs(cube - robot.tool - held).max() < 1e-3
    np.testing.assert_allclose(np.abs(force[:, 7:9]), FORCE, rtol=0.02)
    np.testing.assert_allclose(sim.qpos[:, 7:9], size / 2, atol=5e-4)  # the pads do not sink in


def test_fingers_open_and_shut_at_the_hands_speed():
    robot = Panda(gripper=True)
    sim = simulated(robot, 2)
    start(robot, sim)
    fingers = sim.qpos[:, 7:9]
    np.testing.assert_allclose(fingers, STROKE)
    action = np.zeros((2, 4))
    action[0, 3], action[1, 3] = -1.0, 1.0
    for _ in range(10):  # 0.4 s at 0.05 m/s
        robot.act(action)
        sim.step(10)
    np.testing.assert_allclose(fingers[0], STROKE - 0.02, atol=3e-3)
    np.testing.assert_allclose(fingers[1], STROKE, atol=1e-3)
