"""The first second of a command."""

import os
import pty
import subprocess
import sys
import time

import pytest

from robodl.evaluation.rollout import evaluate_policy
from robodl.runs.report import counting
from robodl_envs import make_policy, make_vec
from tests.train.conftest import python_path

COMMANDS = ["train", "evaluate", "pretrain", "demos", "bench", "suite", "doctor", "check", "results", "pages"]
# Ends a process where it begins to import what takes long.
NOTHING_SLOW = """
import os, sys

SLOW = ("torch", "stable_baselines3", "hydra", "mujoco", "gymnasium", "matplotlib")

def hook(event, arguments):
    if event == "import" and arguments[0] in SLOW:
        os.write(2, b"slow import")
        os._exit(0)

sys.addaudithook(hook)
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_terminal_shows_at_once_that_a_command_has_begun(command, tmp_path):
    """A line comes before the first slow import, within a second."""
    (tmp_path / "sitecustomize.py").write_text(NOTHING_SLOW)
    words = [sys.executable, "-m", f"robodl.{command}", "env=reach"]
    environment = {**os.environ, "PYTHONPATH": python_path(tmp_path)}
    ours, theirs = pty.openpty()
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment, cwd=tmp_path)
    os.close(theirs)
    assert os.read(ours, 1000).decode().startswith(f"{command}: starting")
    assert time.monotonic() - began < 1.0
    process.communicate(timeout=60)
    os.close(ours)


def test_a_pipe_gets_no_such_line(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOTHING_SLOW)
    words = [sys.executable, "-m", "robodl.evaluate", "env=reach"]
    environment = {**os.environ, "PYTHONPATH": python_path(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.stderr == "slow import" and not done.stdout


def test_counters_have_totals(monkeypatch, capsys):
    """A terminal sees the count grow, by steps of all episodes, and a clean line at the end."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    envs = make_vec("reach", num_envs=3, max_episode_steps=2, autoreset_mode="Disabled")
    evaluate_policy(make_policy("zero", envs), envs, 5, seed=0, progress=counting("episodes", 5))
    shown = [text for text in capsys.readouterr().out.split("\r") if text]
    assert shown == ["1 / 5 episodes", "3 / 5 episodes", "4 / 5 episodes", "\033[K"]
