"""Arms of MuJoCo Menagerie: attached, driven and drawn as ours are, tried with a stand-in that needs no network.

The stand-in has the lengths of KUKA's data sheet and none of Menagerie's words. `test_the_real_model` runs where
Menagerie's own is in the cache.
"""

import sys
import types
import warnings

import mujoco
import numpy as np
import pytest

import robodl_envs
from robodl_envs.gym_env import make, make_vec
from robodl_envs.rendering.modalities import COARSE_GROUP, FINE_GROUP
from robodl_envs.robots.iiwa14 import Iiwa14
from robodl_envs.robots.panda import Panda
from robodl_envs.scene import OBJECT_BIT, ROBOT_BIT, empty_scene
from tests.envs.arms import simulated, start
from tests.envs.rollouts import batch_rollout, single_rollout

MODEL, ENTRY = Iiwa14.mjcf.removeprefix("menagerie:").split("/")

# Angles in degrees; settings, defaults, actuators and lights that ours must not take after; a flange within a frame.
ARM = """
<mujoco model="stand-in">
  <compiler autolimits="true" meshdir="assets"/>
  <option integrator="Euler" timestep="0.01" cone="pyramidal" gravity="0 0 -1.6"/>
  <size memory="2M" nuserdata="3"/>
  <visual><map znear="0.2"/></visual>
  <statistic extent="7"/>
  <default>
    <geom friction="0.1" condim="6" contype="4" conaffinity="4" margin="0.02"/>
    <joint damping="7" armature="3" axis="0 0 1" range="-170 170"/>
    <site group="4"/>
    <default class="bend"><joint axis="0 1 0" range="-120 120"/></default>
    <default class="look"><geom type="mesh" mesh="shell" group="2" contype="0" conaffinity="0"/></default>
    <default class="hull"><geom type="capsule" size="0.06" group="3"/></default>
  </default>
  <asset><mesh name="shell" file="shell.obj" scale="0.08 0.08 0.08"/></asset>
  <worldbody>
    <light name="lamp" pos="0 0 3"/>
    <geom name="ground" type="plane" size="1 1 1"/>
    <body name="base">
      <inertial pos="0 0 0.1" mass="5" diaginertia="0.05 0.05 0.05"/>
      <geom class="look"/>
      <geom class="hull" fromto="0 0 0.06 0 0 0.2"/>
      <body name="a" pos="0 0 0.36">
        <inertial pos="0 0 0" mass="5" diaginertia="0.03 0.03 0.02"/>
        <joint name="swing"/>
        <geom class="look"/>
        <body name="b">
          <inertial pos="0 0 0.1" mass="5" diaginertia="0.03 0.03 0.02"/>
          <joint name="lean" class="bend"/>
          <geom class="look"/>
          <geom class="hull" fromto="0 0 0 0 0 0.2"/>
          <body name="cube" pos="0 0 0.2">
            <inertial pos="0 0 0.1" mass="3" diaginertia="0.02 0.02 0.01"/>
            <joint name="twist"/>
            <geom class="hull" fromto="0 0 0 0 0 0.2" group="1"/>
            <body name="d" pos="0 0 0.22">
              <inertial pos="0 0 0.1" mass="3" diaginertia="0.02 0.02 0.01"/>
              <joint name="elbow" class="bend" axis="0 -1 0"/>
              <geom class="look"/>
              <geom class="hull" fromto="0 0 0 0 0 0.2"/>
              <body name="e" pos="0 0 0.2">
                <inertial pos="0 0 0.1" mass="3" diaginertia="0.01 0.01 0.01"/>
                <joint name="roll"/>
                <geom class="look"/>
                <body name="f" pos="0 0 0.2">
                  <inertial pos="0 0 0" mass="1.5" diaginertia="0.005 0.005 0.004"/>
                  <joint name="nod" class="bend"/>
                  <geom class="hull" fromto="0 0 -0.02 0 0 0.02"/>
                  <body name="g">
                    <inertial pos="0 0 0.08" mass="1" diaginertia="0.001 0.001 0.001"/>
                    <joint name="spin" range="-175 175"/>
                    <geom name="tip" class="hull" fromto="0 0 0.05 0 0 0.06"/>
                    <camera name="eye"/>
                    <frame pos="0 0 0.1" euler="0 0 90"><site name="FLANGE" pos="0 0 0.026" euler="0 0 -90"/></frame>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <contact><pair geom1="tip" geom2="ground"/><exclude body1="base" body2="b"/></contact>
  <actuator>
    <motor name="m4" joint="elbow"/>
    <position name="m1" joint="swing" kp="50"/>
    <general name="m7" joint="spin"/>
  </actuator>
  <sensor><jointpos joint="nod"/></sensor>
  <keyframe><key name="home" qpos="0 0 0 0 0 0 0"/></keyframe>
</mujoco>
""".replace("FLANGE", Iiwa14.flange)
SHELL = "v 1 1 1\nv 1 -1 -1\nv -1 1 -1\nv -1 -1 1\nf 1 2 3\nf 1 4 2\nf 1 3 4\nf 2 4 3\n"  # a tetrahedron


class Package(types.ModuleType):
    """The part of `mujoco_menagerie` that we call, over a folder of models."""

    __version__ = "2026.9.0"
    MenagerieError = type("MenagerieError", (Exception,), {})
    DownloadError = type("DownloadError", (MenagerieError,), {})

    def __init__(self, folder):
        super().__init__("mujoco_menagerie")
        self.folder = folder

    def get(self, name):
        self.robot = name
        return self

    def spec(self, entry):
        return mujoco.MjSpec.from_file(str(self.folder / self.robot / f"{entry}.xml"))


def install(monkeypatch, folder, text=ARM):
    """A package that has the stand-in, or another text, in place of the real model."""
    (folder / MODEL / "assets").mkdir(parents=True, exist_ok=True)
    (folder / MODEL / "assets" / "shell.obj").write_text(SHELL)
    (folder / MODEL / f"{ENTRY}.xml").write_text(text)
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", Package(folder))


@pytest.fixture
def menagerie(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path)


@pytest.mark.usefixtures("menagerie")
def test_our_servos_on_its_joints():
    """Columns are joints from the base to the hand; ranges are the model's, limits the data sheet's."""
    robot = Iiwa14(gripper=True)
    model = simulated(robot, num=2).model
    names = [f"iiwa14/{name}" for name in ("swing", "lean", "twist", "elbow", "roll", "nod", "spin")]
    assert [model.joint(i).name for i in range(9)] == [*names, "left_finger", "right_finger"]
    assert [int(model.actuator(i).trnid[0]) for i in range(model.nu)] == list(range(9))
    np.testing.assert_allclose(robot.range[1], np.radians([170, 120, 170, 120, 170, 120, 175]))
    np.testing.assert_allclose(model.jnt_range[:7], robot.range.T)
    np.testing.assert_allclose(model.actuator_ctrlrange[:7], robot.range.T)
    np.testing.assert_allclose(model.jnt_actfrcrange[:7, 1], [320, 320, 176, 176, 110, 40, 40])
    np.testing.assert_allclose(np.degrees(robot.velocity), [85, 85, 100, 75, 130, 135, 135])
    assert np.abs(model.dof_damping[:7] - 1.0).max() == 0.0  # our servos', not the model's


@pytest.mark.usefixtures("menagerie")
def test_nothing_else_of_it_is_left(capfd):
    """Physics, lights and cameras are the scene's, the fingers those of any arm; and MuJoCo has nothing to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = simulated(Iiwa14(gripper=True), num=2).model
    assert capfd.readouterr() == ("", "")
    ours = empty_scene().compile()
    for name in ("timestep", "integrator", "cone", "impratio"):
        assert getattr(model.opt, name) == getattr(ours.opt, name)
    np.testing.assert_array_equal(model.opt.gravity, ours.opt.gravity)
    assert (model.nlight, model.ncam, model.nkey, model.nsensor, model.npair) == (ours.nlight, 0, 0, 0, 0)
    assert model.vis.map.znear == ours.vis.map.znear and model.nuserdata == 0
    panda = simulated(Panda(gripper=True), num=2).model
    for name in ("contype", "conaffinity", "condim", "friction", "margin", "size", "solref", "priority", "group"):
        for body in ("hand", "left_finger", "right_finger"):
            mine, others = (getattr(m, f"geom_{name}")[m.geom_bodyid == m.body(body).id] for m in (model, panda))
            np.testing.assert_array_equal(mine, others)
    np.testing.assert_array_equal(model.dof_damping[7:9], panda.dof_damping[7:9])
    np.testing.assert_array_equal(model.dof_armature[7:9], panda.dof_armature[7:9])


@pytest.mark.usefixtures("menagerie")
def test_home_is_over_the_middle_of_the_workspace():
    """The data sheet's lengths lead there, and gravity does not sag the arm."""
    robot = Iiwa14()
    sim = simulated(robot, num=2)
    start(robot, sim)
    np.testing.assert_allclose(robot.tool, [np.mean(robot.workspace, axis=0)] * 2, atol=1e-3)
    np.testing.assert_allclose(np.abs(robot.tool_quat), [[0, 1, 0, 0]] * 2, atol=1e-3)  # straight down
    before = robot.tool.copy()
    for _ in range(25):
        robot.act(np.zeros((2, 3)))
        sim.step(10)
    np.testing.assert_allclose(robot.tool, before, atol=1e-5)


@pytest.mark.usefixtures("menagerie")
def test_speeds_and_ranges_are_kept(control, rng):
    robot = Iiwa14(control=control)
    sim = simulated(robot, num=16, add=without_contacts)
    start(robot, sim)
    low, high = robot.range
    for k in range(100):
        if k % 10 == 0:
            action = np.sign(rng.uniform(-1, 1, (16, robot.action_size)))
        robot.act(action)
        sim.step(10)
        assert (np.abs(robot.qvel) <= 1.05 * robot.velocity).all()
        assert (robot.qpos >= low - 0.03).all() and (robot.qpos <= high + 0.03).all()


def without_contacts(spec):
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0


@pytest.mark.usefixtures("menagerie")
def test_it_touches_the_floor_and_not_itself(rng):
    robot = Iiwa14()
    sim = simulated(robot, num=32)
    model = sim.model
    solid = np.flatnonzero((model.geom_contype != 0) | (model.geom_conaffinity != 0))
    own = solid[model.body_rootid[model.geom_bodyid[solid]] == robot.root_body]
    assert len(own) >= 6
    np.testing.assert_array_equal(model.geom_contype[own], ROBOT_BIT)
    np.testing.assert_array_equal(model.geom_conaffinity[own], OBJECT_BIT)
    sim.qpos[:] = rng.uniform(*robot.range, (32, 7))
    data, touched = mujoco.MjData(model), 0
    for qpos in sim.qpos:
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        for pair in data.contact.geom:
            assert model.geom("floor").id in pair
            touched += 1
    assert touched


@pytest.mark.usefixtures("menagerie")
def test_two_looks():
    """Links with hidden collision shapes are drawn by them for learning, by meshes for people; others as they are."""
    model = simulated(Iiwa14(), num=2).model
    groups = {
        name: sorted(model.geom_group[model.geom_bodyid == model.body(f"iiwa14/{name}").id])
        for name in ("b", "cube", "e", "f")
    }
    assert groups == {"b": [COARSE_GROUP, FINE_GROUP], "cube": [1], "e": [2], "f": [COARSE_GROUP]}
    env = make("reach", robot="iiwa14", observation="image", cameras=["front_segmentation"], image_size=32)
    assert (env.reset(seed=0)[0]["front_segmentation"] == robodl_envs.SEGMENTATION_CLASSES.index("robot")).sum() > 20


@pytest.mark.usefixtures("menagerie")
@pytest.mark.parametrize("task", ["pick_and_place", "pose_reach", "stack"])
def test_experts_do_tasks_with_it(task):
    """Experts know nothing of it: it reaches, grips, carries and turns."""
    envs = make_vec(task, num_envs=8, robot="iiwa14", autoreset_mode="Disabled")
    policy = robodl_envs.make_policy("expert", envs)
    observation, _ = envs.reset(seed=3)
    for _ in range(150):
        observation, *_, info = envs.step(policy(observation))
    assert info["success_at_end"].all()


@pytest.mark.usefixtures("menagerie")
@pytest.mark.parametrize("num", [3, 16])
def test_row_equals_single_env(control, num):
    """As for every robot: to the last bit, through resets."""
    settings = {"robot": "iiwa14", "control": control}
    rows = batch_rollout("pick_and_place", seed=7, steps=120, num=num, threads=2, **settings)
    np.testing.assert_array_equal(rows[:, -1], single_rollout("pick_and_place", 7 + num - 1, steps=120, **settings))


def refusal(error):
    """What `make` says about the robot, which is one line."""
    with pytest.raises(error) as caught:
        make("reach", robot="iiwa14")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)  # as if it were not installed
    assert 'pip install "robodl[robots]"' in refusal(ModuleNotFoundError)


@pytest.mark.parametrize("kind", ["DownloadError", OSError])
def test_without_a_network(monkeypatch, tmp_path, kind):
    """The model is not there and can't be had: how to bring it."""
    install(monkeypatch, tmp_path)
    package = sys.modules["mujoco_menagerie"]

    def fail(entry):
        raise (getattr(package, kind) if isinstance(kind, str) else kind)("https://somewhere: no route")

    monkeypatch.setattr(package, "spec", fail)
    message = refusal(FileNotFoundError)
    for word in (MODEL, "no route", f"mujoco-menagerie prefetch {MODEL}", "MENAGERIE_CACHE_DIR", "MENAGERIE_ROOT"):
        assert word in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<joint name="spin" range="-175 175"/>', "", ["7 hinges", "swing, lean, twist, elbow, roll, nod"]),
        ('<joint name="spin" range', '<joint name="spin" type="slide" range', ["7 hinges", "spin"]),
        ('<joint name="roll"/>', '<joint name="roll" range="0 0"/>', ["ranges", "roll"]),
        (f'site name="{Iiwa14.flange}"', 'site name="wrist"', [Iiwa14.flange, "wrist"]),
        ('<body name="base">', '<body name="table"/><body name="base">', ["1 body", "2"]),
        ("<worldbody>", "<wordbody>", ["can't be used", "XML"]),
    ],
)
def test_another_model_than_expected(monkeypatch, tmp_path, old, new, words):
    """A model that has changed is refused with what it must have and what it has."""
    assert old in ARM
    removed = '<general name="m7" joint="spin"/>', 'qpos="0 0 0 0 0 0 0"'
    text = ARM.replace(old, new)
    for part in removed if "spin" in old else ():
        text = text.replace(part, "")
    install(monkeypatch, tmp_path, text)
    message = refusal(ValueError)
    for word in (MODEL, *words):
        assert word in message


def test_names():
    """Named where asked for, so that what goes through all robots needs no network."""
    assert "iiwa14" not in robodl_envs.robot_names() and "iiwa14" in robodl_envs.robot_names(downloaded=True)
    with pytest.raises(KeyError, match=r"did you mean 'iiwa14'.*with the extra robots: iiwa14"):
        make("reach", robot="iiwa")


def test_the_real_package(monkeypatch, tmp_path):
    """It has what we call, and says by the errors that we expect that a model can't be had."""
    package = pytest.importorskip("mujoco_menagerie")
    assert ENTRY in package.get(MODEL).entry_names
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MENAGERIE_BASE_URL", (tmp_path / "nowhere").as_uri())
    assert f"prefetch {MODEL}" in refusal(FileNotFoundError)
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert "MENAGERIE_ROOT" in refusal(ValueError)


def test_the_real_model(rng):
    """Its joints have the axes, places and ranges of KUKA's data sheet."""
    package = pytest.importorskip("mujoco_menagerie")
    cache = package.Cache()
    if cache.root is None and not cache.is_cached(package.get(MODEL)):
        pytest.skip(f"{MODEL} is not in Menagerie's cache")
    robot = Iiwa14()
    sim = simulated(robot, num=4)
    flange = sim.body("hand").xpos
    sim.qpos[:] = rng.uniform(*robot.range, (4, 7))
    sim.forward()
    for q, seen in zip(sim.qpos, flange, strict=True):
        place, turn = np.zeros(3), np.eye(3)
        for k, (along, length) in enumerate(zip("zyzyzyz", (0.36, 0, 0.42, 0, 0.40, 0, 0.126), strict=True)):
            turn = turn @ rotation(along, -q[k] if k == 3 else q[k])
            place = place + turn @ [0.0, 0.0, length]
        np.testing.assert_allclose(place, seen, atol=1e-5)
    np.testing.assert_allclose(np.degrees(robot.range[1]), [170, 120, 170, 120, 170, 120, 175], atol=0.01)


def rotation(axis, angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]] if axis == "z" else [[c, 0, s], [0, 1, 0], [-s, 0, c]])
