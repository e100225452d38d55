"""Runs that the training tests share: trained once, small, in a folder of their own."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from safetensors.numpy import load_file

from robodl.config import TrainConfig, settled
from robodl.hydra_command import register
from robodl.learning.build import build_model, pick_device, training_envs

SMALL = ("total_timesteps=2048", "eval_every=1024", "eval_episodes=10", "test_episodes=20", "video_episodes=0")


def run(module, *arguments, cwd, check=True, wait=300, **environment):
    """A command of ours in a process of its own, as a user runs it; its environment is ours but for what is given."""
    if environment:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=wait,
        )
    else:
        done = run_warm(module, *arguments, cwd=cwd, wait=wait)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def run_warm(module, *arguments, cwd, wait=300):
    """As `run`, in a process that has imported PyTorch and the like already: three seconds less, for many commands."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stable_baselines3", "sb3_contrib", "hydra.main", "gymnasium.vector", "mujoco"])
    with tempfile.TemporaryDirectory() as folder:
        out, err = (Path(folder) / name for name in ("out", "err"))
        process = context.Process(target=be, args=(module, arguments, cwd, out, err, dict(os.environ)))
        process.start()
        process.join(wait)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{module} did not end within {wait} s: {err.read_text()}")
        return CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def be(module, arguments, cwd, out, err, environment):
    """Become the command in a warm process, its output in files."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.update(environment)  # that of the server is from when it began
    os.chdir(cwd)
    sys.path.insert(0, str(cwd))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def python_path(folder):
    """PYTHONPATH with a folder in front."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture
def composed():
    """Training's configuration, composed from overrides."""
    register("config", TrainConfig)
    with initialize_config_module("robodl.conf", version_base="1.3"):
        yield lambda *overrides: settled(TrainConfig, compose("config", overrides=list(overrides)))


def model_of(cfg):
    """An untrained model with four environments, the same each time."""
    torch.manual_seed(0)
    return build_model(cfg, training_envs(cfg, 4), pick_device("cpu"))


def assert_same_policy(one, other):
    """Compare the last policies of two run folders, to the bit; returns the tensors by name."""
    ours, theirs = (load_file(folder / "checkpoints/last.safetensors") for folder in (one, other))
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    return ours


def assert_resumes_exactly(words, steps, cwd):
    """Half of a Reach run, then resumed, ends in the bits of a whole one, `whole`; returns its tensors by name."""
    run("robodl.train", *words, f"total_timesteps={steps}", "name=whole", cwd=cwd)
    run("robodl.train", *words, f"total_timesteps={steps // 2}", "name=half", cwd=cwd)
    run("robodl.train", "resume=runs/reach/half", f"total_timesteps={steps}", cwd=cwd)
    return assert_same_policy(cwd / "runs/reach/whole", cwd / "runs/reach/half")


def imitation_words(**settings):
    """Overrides of a configuration that set imitation's settings, by the names of ImitationConfig."""
    return [f"++algo.imitation_{name}={value}" for name, value in settings.items()]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The working directory of a small PPO run named `small`."""
    folder = tmp_path_factory.mktemp("work")
    run("robodl.train", "env=reach", "name=small", *SMALL, cwd=folder)
    return folder
