"""Every configuration file composes and builds what it names."""

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from robodl.config import TrainConfig, settled
from robodl.hydra_command import jobs, register
from robodl.learning.build import algo_class, build_model, pick_device, training_envs
from robodl.options import UsageError
from robodl.train import check
from robodl.tuned import CONF
from robodl_envs import make_vec, task_class, task_names
from tests.envs.plugins import install
from tests.train.conftest import python_path, run


@pytest.mark.parametrize("group", ["algo", "env", "robot", "observation", "encoder", "randomize"])
def test_groups(composed, group):
    for path in sorted((CONF / group).glob("*.yaml")):
        seeing = ["observation=image"] if path.stem in ("pixel_sac", "distill") else []
        cfg = composed(f"{group}={path.stem}", "num_envs=4", *seeing)
        check(cfg)
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ") and len(lines) <= 20


def test_a_robot_without_a_file(composed, monkeypatch):
    """A robot whose model is downloaded composes by its name; what it lacks here shows when it is made."""
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)  # as if it were not installed
    cfg = composed("robot=iiwa14", "num_envs=4")
    assert cfg.robot == {"name": "iiwa14"}
    with pytest.raises(UsageError, match=r"robodl\[robots\]"):
        check(cfg)


@pytest.mark.parametrize("env", task_names())
def test_an_environment_chooses_how_it_is_learnt(composed, env):
    """Its tuned file's choices are in force where nobody chooses, its values with the algorithm that it chooses."""
    cfg = composed(f"env={env}")
    values = {"task": env} | {each.name: each.default for each in fields(task_class(env))}
    assert (
        OmegaConf.load(CONF / f"env/{env}.yaml").items() <= values.items()
    )  # defaults of the class, for people to see
    assert cfg.total_timesteps != TrainConfig.total_timesteps
    envs = training_envs(cfg, 2)
    model = build_model(cfg, envs, pick_device("cpu"))
    assert type(model) is algo_class(cfg.algo)
    envs.close()
    other = composed(f"env={env}", "algo=td3")
    assert other.algo._target_.endswith("TD3") and other.total_timesteps == TrainConfig.total_timesteps
    images = ("observation", "image_size", "renderer", "encoder")
    assert all(other[key] == cfg[key] for key in images)
    if cfg.observation == "image":
        assert composed(f"env={env}", "observation=state", "encoder=impala").encoder.name == "impala"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "tuned").glob("*_*.yaml")))
def test_other_algorithms_have_files_of_their_own(composed, name):
    """A file tuned/<env>_<algo>.yaml applies by its name."""
    if name in task_names():
        return
    env, _, algo = name.rpartition("_")
    cfg = composed(f"env={env}", f"algo={algo}")
    assert cfg.total_timesteps == OmegaConf.load(CONF / f"tuned/{name}.yaml").total_timesteps


def test_jobs_over_environments_are_each_tuned(composed):
    algos = [composed(*job).algo._target_.rpartition(".")[2] for job in jobs(["env=reach,push", "num_envs=4"])]
    targets = [composed(*job).get("total_timesteps") for job in jobs(["env=reach,push", "num_envs=4"])]
    assert algos == ["PPO", "PPO"] and targets == [32_768, 0]


SOURCE_TREE = """
import runpy, sys
sys.meta_path = [each for each in sys.meta_path if "editable" not in str(each)]
sys.path[:0] = ["", "envs"]  # the tree as the working directory, and the environments, which are installed
sys.argv = [sys.argv[1], *sys.argv[2:]]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_a_source_tree_finds_its_configuration(command):
    """After `pip install .`, `python -m` in a clone runs the clone's package, which has its conf beside it."""
    words = (sys.executable, "-c", SOURCE_TREE, f"robodl.{command}", "env=push", "--cfg", "job")
    done = subprocess.run(words, cwd=CONF.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert OmegaConf.create(done.stdout).env.task == "push" and not done.stderr


def test_plugins_bring_configurations(tmp_path):
    """An entry point robodl.conf names a package of files like ours; a broken plugin is named and left out."""
    install(tmp_path)
    (tmp_path / "hover_conf/tuned").mkdir(parents=True)
    (tmp_path / "hover_conf/env").mkdir()
    (tmp_path / "hover_conf/env/hover.yaml").write_text("task: hover\nheight: 0.25\n")
    tuned = "# @package _global_\ndefaults: [override /algo: sac]\nimage_size: 20\nalgo: {gamma: 0.5}\n"
    (tmp_path / "hover_conf/tuned/hover.yaml").write_text(tuned)
    with (tmp_path / "hover_plugin-1.0.dist-info/entry_points.txt").open("a") as file:
        file.write("broken = nowhere.tasks\n[robodl.conf]\nhover = hover_conf\nlost = nowhere.conf\n")
    words = ("env=hover", "--cfg", "job", "seed=3")
    done = run("robodl.train", *words, cwd=tmp_path, PYTHONPATH=python_path(tmp_path))
    cfg = OmegaConf.create(done.stdout)
    assert cfg.env == {"task": "hover", "height": 0.25} and cfg.algo._target_.endswith("SAC")
    assert cfg.image_size == 20 and cfg.algo.gamma == 0.5 and cfg.seed == 3
    for name in ("nowhere.tasks", "nowhere.conf"):
        assert name.partition(".")[0] in done.stderr
    assert done.stderr.count("nowhere.conf") == 1


def test_inspect_imitates_until_the_clock_has_run_out(composed):
    """It learns from the beginnings of episodes alone: what a policy sees later must not differ by the time."""
    cfg = composed("env=inspect")
    envs = make_vec("inspect", num_envs=2)
    envs.reset(seed=0)
    for _ in range(int(0.9 * cfg.algo.imitation_episode_steps)):
        envs.step(np.zeros(envs.action_space.shape, np.float32))
    clock = envs.state_observation()["observation"][:, envs.state_columns["clock"]]
    np.testing.assert_array_equal(clock, 1.0)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_experiments(composed, name):
    """An experiment composes to what can be built, sees what its name says, and tells what it is for."""
    cfg = composed(f"experiment={name}")
    assert (cfg.backend == "warp") == name.endswith("_device")
    cfg.backend = "cpu"  # few have a GPU, and all but that is the same
    check(cfg)
    if "pixels" in name:
        assert cfg.observation == "image" and len(cfg.cameras) >= 2
    if "reach_pixels" in name:  # the same two images and reward, whatever the algorithm
        assert cfg.reward == "shaped" and list(cfg.cameras) == ["front", "side"]
    assert (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()[1].startswith("# ")


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_pretraining(name):
    from robodl.pretrain import PretrainConfig

    register("pretrain", PretrainConfig)
    with initialize_config_module("robodl.conf", version_base="1.3"):
        cfg = settled(PretrainConfig, compose("pretrain", overrides=[f"data={name}", "name=some"]))
    assert cfg.data.name == name and cfg.encoder.name == "small"


@pytest.mark.parametrize(
    ("sweep", "values"),
    [
        ("seed=0,1", ["0", "1"]),
        ("seed=choice(0,1)", ["0", "1"]),
        ("seed=range(0,4,2)", ["0", "2"]),
        ("algo.gamma=interval(0.5,0.9)", ["0.5", "0.9"]),
        ("algo=glob(*sac)", ["pixel_sac", "sac"]),
    ],
)
def test_jobs_of_a_sweep(composed, sweep, values):
    """Every kind of sweep is taken apart into jobs, so that each is checked before the first one runs."""
    key = sweep.partition("=")[0]
    assert list(jobs([sweep, "num_envs=4"])) == [[f"{key}={value}", "num_envs=4"] for value in values]
    assert len(list(jobs(["eval_every=shuffle(range(1,4))", sweep]))) == 3 * len(values)
