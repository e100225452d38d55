"""The first second of a command."""

import os
import pty
import subprocess
import sys

import pytest

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
    """A line comes before the first slow import."""
    (tmp_path / "sitecustomize.py").write_text(NOTHING_SLOW)
    words = [sys.executable, "-m", f"robodl.{command}", "env=reach"]
    environment = {**os.environ, "PYTHONPATH": python_path(tmp_path)}
    ours, theirs = pty.openpty()
    subprocess.run(words, stdout=subprocess.PIPE, stderr=theirs, env=environment, cwd=tmp_path, timeout=60, check=False)
    os.close(theirs)
    assert os.read(ours, 1000).decode().startswith(f"{command}: starting\r\n")
    os.close(ours)


def test_a_pipe_gets_no_such_line(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOTHING_SLOW)
    words = [sys.executable, "-m", "robodl.evaluate", "env=reach"]
    environment = {**os.environ, "PYTHONPATH": python_path(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.stderr == "slow import" and not done.stdout
