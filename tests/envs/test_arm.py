"""Arms from MJCF files: the built-in ones, and an arm of one's own with its own servos or with ours."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

import robodl_envs
from robodl_envs.robots.panda import Panda
from robodl_envs.robots.robot import Robot
from tests.envs.arms import begin_episodes, simulate

pytestmark = pytest.mark.unit

# Angles in degrees, servos in another order than the joints, defaults and settings that a scene must not take over, and
# names that a scene has too.
SIX = """
<mujoco model="six">
  <option timestep="0.01" gravity="0 0 -1.6"/>
  <default>
    <geom type="capsule" size="0.05" friction="0.1"/>
    <joint axis="0 1 0" range="-170 170" armature="0.1" damping="1" actuatorfrcrange="-150 150"/>
    <position kp="3000" kv="119"/>
    <default class="red"> <geom rgba="1 0 0 1" margin="0.02"/> </default>
  </default>
  <asset> <texture type="skybox" builtin="gradient" rgb1="1 0 0" rgb2="0 0 0" width="8" height="8"/> </asset>
  <worldbody>
    <light pos="0 0 3"/> <geom name="floor" type="plane" size="1 1 1"/>
    <body name="base" childclass="red"> <geom fromto="0 0 0.05 0 0 0.1" size="0.08"/>
      <body name="goal" pos="0 0 0.2"> <joint name="pan" axis="0 0 1"/> <geom fromto="0 0 0 0 0 0.1"/>
        <body name="cube" pos="0 0 0.13"> <joint name="lift"/> <geom name="cube" fromto="0 0 0.03 0 0 0.32"/>
          <body name="elbow" pos="0 0 0.35"> <joint name="elbow"/> <geom fromto="0 0 0 0 0 0.15"/>
            <body name="forearm" pos="0 0 0.2"> <joint name="roll" axis="0 0 1"/> <geom fromto="0 0 0 0 0 0.1"/>
              <body name="wrist" pos="0 0 0.15"> <joint name="bend"/> <geom fromto="0 -0.02 0 0 0.02 0"/>
                <body name="plate" pos="0 0 0.06"> <joint name="spin" axis="0 0 1"/> <geom fromto="0 0 0 0 0 0.01"/>
                  <body name="hand" pos="0 0 0.04" euler="0 0 180"> <geom fromto="0 -0.08 0.03 0 0.08 0.03"/> </body>
    </body></body></body></body></body></body></body>
  </worldbody>
  <actuator>
    <position name="s6" joint="spin"/> <position name="s5" joint="bend"/> <position name="s4" joint="roll"/>
    <position name="s3" joint="elbow"/> <position name="s2" joint="lift"/> <position name="s1" joint="pan"/>
  </actuator>
</mujoco>
"""
JOINTS = ["pan", "lift", "elbow", "roll", "bend", "spin"]


def six(folder, text=SIX, **attributes):
    """A Robot class whose arm is that of the text."""
    (folder / "six.xml").write_text(text)

    @dataclass(eq=False)
    class Six(Robot):
        name = "six"
        mjcf = folder / "six.xml"
        velocity_limits = (3.0,) * 6
        home = (0.0, 0.4620, 1.6823, 0.0, 0.9973, 0.0)
        workspace = ((0.30, -0.25, 0.05), (0.60, 0.25, 0.45))
        reach = 0.68

    for name, value in attributes.items():
        setattr(Six, name, value)
    return Six


SERVOS = pytest.mark.parametrize("servos", [{}, {"torque_limits": (150.0,) * 6}], ids=["of the file", "ours"])


@pytest.mark.parametrize("name", robodl_envs.robot_names())
def test_built_in_files_open_on_their_own(name):
    """With the joints and servos of their robots, which hold the arm at home."""
    robot = robodl_envs.robot_class(name)()
    model = mujoco.MjModel.from_xml_path(str(robot.mjcf))
    assert model.njnt == model.nu == robot.dof == len(robot.velocity_limits)
    np.testing.assert_array_equal(model.jnt_range, robot.range.T)
    np.testing.assert_allclose(model.actuator_ctrlrange, robot.range.T, rtol=1e-12)
    assert [model.joint(i).name for i in model.actuator_trnid[:, 0]] == [model.joint(i).name for i in range(robot.dof)]
    assert model.body(robot.hand).id
    data = mujoco.MjData(model)
    data.qpos[:] = data.ctrl[:] = robot.home
    mujoco.mj_step(model, data, 100)
    np.testing.assert_allclose(data.qpos, robot.home, atol=1e-6)


@SERVOS
def test_commands_are_in_the_order_of_the_joints(tmp_path, servos):
    """Whatever the order of the file's actuators, with the limits of the file."""
    robot = six(tmp_path, **servos)(gripper=True)
    model = simulate(robot, num=2).model
    names = [*(f"six/{joint}" for joint in JOINTS), "left_finger", "right_finger"]
    assert [model.joint(i).name for i in model.actuator_trnid[:, 0]] == names
    np.testing.assert_allclose(model.actuator_ctrlrange[:6], np.radians([[-170, 170]] * 6))
    np.testing.assert_array_equal(model.actuator_forcerange[:6, 1], 150.0)
    np.testing.assert_array_equal(model.jnt_actfrcrange[:6, 1], 150.0)
    kp, kv = model.actuator_gainprm[:6, 0], -model.actuator_biasprm[:6, 2]
    np.testing.assert_allclose((kv + model.dof_damping[:6]) / kp, robot.servo_time)
    assert (kp == (3750.0 if servos else 3000.0)).all()


def test_the_file_changes_neither_the_scene_nor_the_gripper(tmp_path):
    model = simulate(six(tmp_path)(), num=2).model
    panda = simulate(Panda(), num=2).model
    assert (model.opt.timestep, model.opt.gravity[2]) == (0.004, -9.81)
    assert (model.nlight, model.ncam, model.ntex) == (panda.nlight, panda.ncam, panda.ntex)
    assert list(np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)) == [model.geom("floor").id]
    for name in ("friction", "condim", "margin", "solref", "rgba", "contype", "conaffinity", "group"):
        for body in ("left_finger", "right_finger"):
            ours, others = (getattr(m, f"geom_{name}")[m.geom_bodyid == m.body(body).id] for m in (model, panda))
            np.testing.assert_array_equal(ours, others)


def test_the_files_frame_carries_the_arm(tmp_path):
    """Here a frame with an offset and a rotation by 90 degrees."""
    text = SIX.replace('<body name="base"', '<frame pos="0.1 0 0" euler="0 0 90"> <body name="base"')
    workspace = ((0.0, 0.3, 0.1), (0.2, 0.6, 0.4))
    robot = six(tmp_path, text.replace("  </worldbody>", "</frame> </worldbody>"), workspace=workspace)()
    simulate(robot, num=2)
    np.testing.assert_allclose(robot.home_tool, [0.1, 0.45, 0.25], atol=1e-3)


@SERVOS
def test_the_tool_moves_straight(tmp_path, servos):
    """5 cm along each axis of the world, ending within 5 mm, never 5 mm off the line; each row in its own direction."""
    robot = six(tmp_path, **servos)()
    sim = simulate(robot, num=3)
    begin_episodes(robot, sim)
    home = robot.tool.copy()
    np.testing.assert_allclose(home, [np.mean(robot.workspace, axis=0)] * 3, atol=1e-3)
    np.testing.assert_allclose(np.abs(robot.tool_quat), [[0, 1, 0, 0]] * 3, atol=1e-3)
    goal = home + 0.05 * np.eye(3)
    for _ in range(40):
        robot.act(np.clip((goal - robot.tool) / 0.04, -0.25, 0.25))
        sim.step(10)
        off_line = (robot.tool - home) * (1.0 - np.eye(3))
        assert np.abs(off_line).max() < 0.005
    np.testing.assert_allclose(robot.tool, goal, atol=0.005)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("</mujoco>", "", ["six.xml can't be read", "XML"]),
        ('<body name="base"', '<body name="table"/> <body name="base"', ["1 body", "2: table, base"]),
        ('<joint name="roll" axis="0 0 1"/>', "", ["6 hinges", "pan, lift, elbow, bend, spin"]),
        ('<joint name="roll"', "<joint", ["hinges with names", "one without a name"]),
        ('<joint name="roll"', '<joint name="roll" type="slide"', ["6 hinges"]),
        ('<joint name="roll"', '<joint name="roll" range="0 0"', ["ranges", "roll without"]),
        ('body name="hand"', 'body name="tcp"', ["a body hand", "flange", "plate, tcp"]),
        ('<position name="s4" joint="roll"/>', "", ["joint roll", "torque_limits", "no actuators"]),
        ('<position name="s4"', '<motor name="s4"', ["position servo", "joint roll", "s4"]),
        ('<position name="s4"', '<position name="s4" gear="2"', ["position servo", "s4"]),
        ('kp="3000" kv="119"', 'kp="3000" dampratio="1"', ["kp and kv", "joint pan", "s1"]),
        ('kp="3000" kv="119"', 'kp="3000"', ["servo_time, 0.04 s", "0.000333 s"]),
        ('<position name="s4"', '<position name="s4" kv="200"', ["servo_time, 0.04 s", "0.067 s at joint roll"]),
        (' actuatorfrcrange="-150 150"', "", ["actuatorfrcrange", "joint pan", "torque_limits"]),
    ],
)
def test_invalid_files_are_refused(tmp_path, old, new, words):
    """One line says what the file must have and what it has."""
    assert old in SIX
    text = SIX.replace(old, new)
    if 'joint="roll"' in text and 'joint name="roll"' not in text:
        text = text.replace('<position name="s4" joint="roll"/>', "")
    robot = six(tmp_path, text)
    with pytest.raises(ValueError) as caught:
        robot()
    message = str(caught.value)
    assert "\n" not in message and str(robot.mjcf) in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("attributes", "error", "words"),
    [
        ({"mjcf": "nowhere.xml"}, FileNotFoundError, ["mjcf of robot six", "nowhere.xml", "__file__"]),
        ({"velocity_limits": (3.0,) * 5}, ValueError, ["5 hinges", "velocity_limits", "bend, spin"]),
        ({"velocity_limits": (0.0,) * 6}, ValueError, ["velocity_limits of robot six", "6 positive"]),
        ({"torque_limits": (9.0,) * 5}, ValueError, ["torque_limits of robot six", "6 positive"]),
        ({"flange": "flange"}, ValueError, ["a site flange", "no sites"]),
        ({"servo_time": 0.1}, ValueError, ["servo_time, 0.1 s", "0.04 s at joint pan"]),
        ({"home": (0.0,) * 5}, ValueError, ["home of robot six", "6 angles", "-2.967 to 2.967"]),
        ({"home": (4.0,) * 6}, ValueError, ["home of robot six", "6 angles"]),
    ],
)
def test_invalid_classes_are_refused(tmp_path, attributes, error, words):
    """One line says which attribute must be what."""
    with pytest.raises(error) as caught:
        six(tmp_path, **attributes)()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_home_outside_the_workspace_is_refused(tmp_path):
    """Such as that of a base with another orientation than the class expects; once the model is compiled."""
    robot = six(tmp_path, home=(1.5708, 0.4620, 1.6823, 0.0, 0.9973, 0.0))()
    with pytest.raises(ValueError, match=r"home of robot six .* workspace, \(0.3, .*got \(-?0\.0, 0\.45, 0\.25\)"):
        simulate(robot, num=2)


@pytest.mark.parametrize("name", ["name", "mjcf", "home", "workspace", "velocity_limits", "reach"])
def test_a_class_without_a_required_attribute_is_refused(tmp_path, name):
    robot = six(tmp_path)
    delattr(robot, name)
    with pytest.raises(TypeError, match=f"a robot must have {name}, .*; set it in class Six"):
        robot()
