"""Runs that the training tests share: trained once, small, in a folder of their own."""

import subprocess
import sys

import pytest

SMALL = ("total_timesteps=2048", "eval_every=1024", "eval_episodes=10", "test_episodes=20", "video_episodes=0")


def run(module, *arguments, cwd, check=True, wait=300, **environment):
    """A command of ours in a process of its own, as a user runs it."""
    import os

    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=wait,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The working directory of a small PPO run named `small`."""
    folder = tmp_path_factory.mktemp("work")
    run("robodl.train", "env=reach", "name=small", *SMALL, cwd=folder)
    return folder
