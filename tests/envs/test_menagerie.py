"""Arms of MuJoCo Menagerie: attached, driven and drawn as ours are, tested with a stand-in that needs no network.

The stand-in has the lengths of KUKA's data sheet, and other names and settings than Menagerie's model.
`test_the_real_model_has_the_kinematics_of_the_data_sheet` runs where Menagerie's own is in the cache.
"""

import sys
import types
import warnings
from pathlib import Path

import mujoco
import numpy as np
import pytest

import robodl_envs
from robodl_envs.gym_env import make
from robodl_envs.robots.iiwa14 import Iiwa14
from robodl_envs.robots.panda import Panda
from robodl_envs.scene import OBJECT_BIT, ROBOT_BIT, empty_scene
from tests.envs.arms import begin_episodes, simulate, without_contacts
from tests.envs.rollouts import assert_rows_equal_single_envs, expert_success

pytestmark = pytest.mark.unit

MODEL, ENTRY = Iiwa14.mjcf.removeprefix("menagerie:").split("/")

# Angles in degrees; settings, defaults, actuators and lights that a scene must not take over; a flange within a frame.
ARM = (Path(__file__).parent / "stand_in_arm.xml").read_text().replace("FLANGE", Iiwa14.flange)
COARSE, FINE = 4, 5  # groups of geoms that are drawn for learning alone, and for people alone
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
def test_servos_are_ours_on_its_joints():
    """Columns are joints from the base to the hand; ranges are the model's, limits the data sheet's."""
    robot = Iiwa14(gripper=True)
    model = simulate(robot, num=2).model
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
def test_nothing_but_links_and_joints_is_taken_over(capfd):
    """Physics, lights and cameras are the scene's, the fingers those of any arm; and MuJoCo has nothing to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = simulate(Iiwa14(gripper=True), num=2).model
    assert capfd.readouterr() == ("", "")
    ours = empty_scene().compile()
    for name in ("timestep", "integrator", "cone", "impratio"):
        assert getattr(model.opt, name) == getattr(ours.opt, name)
    np.testing.assert_array_equal(model.opt.gravity, ours.opt.gravity)
    assert (model.nlight, model.ncam, model.nkey, model.nsensor, model.npair) == (ours.nlight, 0, 0, 0, 0)
    assert model.vis.map.znear == ours.vis.map.znear and model.nuserdata == 0
    panda = simulate(Panda(gripper=True), num=2).model
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
    sim = simulate(robot, num=2)
    begin_episodes(robot, sim)
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
    sim = simulate(robot, num=16, edit_spec=without_contacts)
    begin_episodes(robot, sim)
    low, high = robot.range
    for k in range(100):
        if k % 10 == 0:
            action = np.sign(rng.uniform(-1, 1, (16, robot.action_size)))
        robot.act(action)
        sim.step(10)
        assert (np.abs(robot.qvel) <= 1.05 * robot.velocity).all()
        assert (robot.qpos >= low - 0.03).all() and (robot.qpos <= high + 0.03).all()


@pytest.mark.usefixtures("menagerie")
def test_links_touch_the_floor_and_not_each_other(rng):
    robot = Iiwa14()
    sim = simulate(robot, num=32)
    model = sim.model
    solid = np.flatnonzero((model.geom_contype != 0) | (model.geom_conaffinity != 0))
    of_robot = solid[model.body_rootid[model.geom_bodyid[solid]] == robot.root_body]
    assert len(of_robot) >= 6
    np.testing.assert_array_equal(model.geom_contype[of_robot], ROBOT_BIT)
    np.testing.assert_array_equal(model.geom_conaffinity[of_robot], OBJECT_BIT)
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
def test_links_are_drawn_coarsely_for_learning_and_finely_for_people():
    """Links with hidden collision shapes are drawn by them for learning, by meshes for people; others as they are."""
    model = simulate(Iiwa14(), num=2).model
    groups = {
        name: sorted(model.geom_group[model.geom_bodyid == model.body(f"iiwa14/{name}").id])
        for name in ("b", "cube", "e", "f")
    }
    assert groups == {"b": [COARSE, FINE], "cube": [1], "e": [2], "f": [COARSE]}
    env = make("reach", robot="iiwa14", observation="image", cameras=["front_segmentation"], image_size=32)
    assert (env.reset(seed=0)[0]["front_segmentation"] == 2).sum() > 20  # pixels of the robot


@pytest.mark.usefixtures("menagerie")
@pytest.mark.parametrize("task", ["pick_and_place", "pose_reach", "stack"])
def test_experts_work_with_it(task):
    """Experts know nothing of it, and yet it reaches, grips, carries and rotates."""
    assert expert_success(task, 8, 150, seed=3, robot="iiwa14").all()


@pytest.mark.usefixtures("menagerie")
@pytest.mark.parametrize("num", [3, 16])
def test_row_equals_single_env(control, num):
    """As for every robot: to the last bit, through resets."""
    settings = {"steps": 45, "robot": "iiwa14", "control": control}
    assert_rows_equal_single_envs("pick_and_place", 7, num, rows=[num - 1], **settings)


def refusal(error):
    """The message, one line, with which `make` refuses the robot."""
    with pytest.raises(error) as caught:
        make("reach", robot="iiwa14")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_package_is_refused_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)  # as if it were not installed
    assert 'pip install "robodl[robots]"' in refusal(ModuleNotFoundError)


@pytest.mark.parametrize("kind", ["DownloadError", OSError])
def test_a_model_that_cannot_be_downloaded_is_refused_with_the_ways_out(monkeypatch, tmp_path, kind):
    """The ways out are the command that downloads it, and the variables that say where it is."""
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
def test_a_changed_model_is_refused(monkeypatch, tmp_path, old, new, words):
    """The message says what the model must have and what it has."""
    assert old in ARM
    removed = '<general name="m7" joint="spin"/>', 'qpos="0 0 0 0 0 0 0"'
    text = ARM.replace(old, new)
    for part in removed if "spin" in old else ():
        text = text.replace(part, "")
    install(monkeypatch, tmp_path, text)
    message = refusal(ValueError)
    for word in (MODEL, *words):
        assert word in message


def test_downloaded_robots_are_named_only_on_request():
    """So that code that goes through all robots needs no network."""
    assert "iiwa14" not in robodl_envs.robot_names() and "iiwa14" in robodl_envs.robot_names(downloaded=True)
    with pytest.raises(KeyError, match=r"did you mean 'iiwa14'.*with the extra robots: iiwa14"):
        make("reach", robot="iiwa")


def test_the_real_package_has_the_interface_that_we_call(monkeypatch, tmp_path):
    """And raises the errors that we expect where a model is missing."""
    package = pytest.importorskip("mujoco_menagerie")
    assert ENTRY in package.get(MODEL).entry_names
    monkeypatch.delenv("MENAGERIE_ROOT", raising=False)
    monkeypatch.setenv("MENAGERIE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MENAGERIE_BASE_URL", (tmp_path / "nowhere").as_uri())
    assert f"prefetch {MODEL}" in refusal(FileNotFoundError)
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert "MENAGERIE_ROOT" in refusal(ValueError)


def test_the_real_model_has_the_kinematics_of_the_data_sheet(rng):
    """Its joints have the axes, positions and ranges of KUKA's data sheet."""
    package = pytest.importorskip("mujoco_menagerie")
    cache = package.Cache()
    if cache.root is None and not cache.is_cached(package.get(MODEL)):
        pytest.skip(f"{MODEL} is not in Menagerie's cache")
    robot = Iiwa14()
    sim = simulate(robot, num=4)
    flange = sim.body("hand").xpos
    sim.qpos[:] = rng.uniform(*robot.range, (4, 7))
    sim.forward()
    for q, expected in zip(sim.qpos, flange, strict=True):
        position, rotation = np.zeros(3), np.eye(3)
        for k, (along, length) in enumerate(zip("zyzyzyz", (0.36, 0, 0.42, 0, 0.40, 0, 0.126), strict=True)):
            rotation = rotation @ rotation_about(along, -q[k] if k == 3 else q[k])
            position = position + rotation @ [0.0, 0.0, length]
        np.testing.assert_allclose(position, expected, atol=1e-5)
    np.testing.assert_allclose(np.degrees(robot.range[1]), [170, 120, 170, 120, 170, 120, 175], atol=0.01)


def rotation_about(axis, angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]] if axis == "z" else [[c, 0, s], [0, 1, 0], [-s, 0, c]])
