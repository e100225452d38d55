"""Every configuration file composes and builds what it names."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import robodl.conf
from robodl.config import TrainConfig, check, combinations, register
from robodl.learning.build import algo_class, build_model, pick_device, training_envs
from robodl_envs import make_vec

CONF = Path(next(iter(robodl.conf.__path__)))
TUNED = sorted(path.stem for path in (CONF / "tuned").glob("*_*.yaml"))


@pytest.mark.parametrize("group", ["algo", "env", "robot", "observation", "encoder", "randomize"])
def test_groups(composed, group):
    for path in sorted((CONF / group).glob("*.yaml")):
        seeing = ["observation=image"] if path.stem == "pixel_sac" else []
        cfg = composed(f"{group}={path.stem}", "num_envs=4", *seeing)
        check(cfg)
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ") and len(lines) <= 20


def test_a_robot_without_a_file(composed, monkeypatch):
    """A robot whose model is downloaded composes by its name; what it lacks here shows when it is made."""
    monkeypatch.setitem(sys.modules, "mujoco_menagerie", None)  # as if it were not installed
    cfg = composed("robot=iiwa14", "num_envs=4")
    assert cfg.robot == {"name": "iiwa14"}
    with pytest.raises(ModuleNotFoundError, match=r"robodl\[robots\]"):
        check(cfg)


@pytest.mark.parametrize("name", TUNED)
def test_tuned(composed, name):
    """A tuned file applies by its name, and what it sets is in force."""
    env, _, algo = name.rpartition("_")
    cfg = composed(f"env={env}", f"algo={algo}")
    assert cfg.total_timesteps != TrainConfig.total_timesteps
    envs = training_envs(cfg, 2)
    model = build_model(cfg, envs, pick_device("cpu"))
    assert type(model) is algo_class(cfg.algo)
    envs.close()


def test_inspects_clone_sees_the_clock_run_out(composed):
    """It learns from the beginnings of episodes alone: what a policy sees later must not differ by the time."""
    cfg = composed("env=inspect")
    envs = make_vec("inspect", num_envs=2)
    envs.reset(seed=0)
    for _ in range(int(0.9 * cfg.algo.clone_length)):
        envs.step(np.zeros(envs.action_space.shape, np.float32))
    _, clock = envs.task.feel()
    np.testing.assert_array_equal(clock, 1.0)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_experiments(composed, name):
    """An experiment composes to what can be built, sees what its name says, and tells what it is for."""
    cfg = composed(f"experiment={name}")
    check(cfg)
    assert cfg.observation == "image" and cfg.reward == "shaped" and list(cfg.cameras) == ["front", "side"]
    assert (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()[1].startswith("# ")


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_pretraining(name):
    from robodl.pretrain import PretrainConfig

    register("pretrain", PretrainConfig)
    with initialize_config_module("robodl.conf", version_base="1.3"):
        cfg = compose("pretrain", overrides=[f"data={name}", "name=some"])
    assert cfg.data.name == name and cfg.encoder.name == "small"


def test_combinations_of_sweeps():
    assert combinations(["seed=0,1", "algo=sac"]) == [["seed=0", "algo=sac"], ["seed=1", "algo=sac"]]
