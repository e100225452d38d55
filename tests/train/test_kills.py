"""Runs that are killed again and again end where they would have ended."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.train.conftest import imitation_words, run

KILLS = 5  # of each learner
COMMON = ("eval_episodes=5", "test_episodes=10", "video_episodes=0", "checkpoint_every=256", "algo.hidden=[32]")
IMAGES = ("observation=image", "cameras=[wrist]", "image_size=16", "num_envs=8")
LEARNERS = {
    "ppo": ("env=reach", "algo=ppo", "total_timesteps=131072", "eval_every=16384", "num_envs=32"),
    "sac_with_hindsight": (
        "env=reach",
        "algo=sac",
        "algo.her=4",
        "algo.gradient_steps=2",
        "algo.batch_size=64",
        "total_timesteps=8192",
        "eval_every=1024",
        "num_envs=8",
    ),
    "pixel_sac": (
        "env=reach",
        "algo=pixel_sac",
        "algo.learning_starts=512",
        "algo.gradient_steps=1",
        "algo.batch_size=32",
        "total_timesteps=16384",
        "eval_every=1024",
        *IMAGES,
    ),
    "clone": (
        "env=push",
        "algo=dagger",
        "total_timesteps=1024",
        "eval_every=512",
        "num_envs=8",
        *imitation_words(transitions=102_400, rows=64, episode_steps=50, updates=150, last_updates=150),
    ),
}


def time_of(path):
    """When a file was written last; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kill(command, folder, state, checkpoints, delay):
    """Start a command in a folder and kill it some seconds after so many more states have been saved."""
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=folder, stdout=subprocess.DEVNULL)
    written, last = 0, time_of(state)
    while written < checkpoints:
        assert process.poll() is None, "it ended before it was killed"
        now = time_of(state) or last  # it is nowhere while its place is taken
        written, last = written + (now != last), now
        time.sleep(0.001)
    time.sleep(delay)
    assert process.poll() is None, "it ended before it was killed"
    process.kill()
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_twenty_kills_change_no_bit(tmp_path, learner):
    """Five for each learner, at moments drawn at random, starts of programs and the writing of checkpoints included."""
    words = (*LEARNERS[learner], *COMMON)
    task = words[0].removeprefix("env=")
    run("robodl.train", *words, "name=whole", cwd=tmp_path, OMP_NUM_THREADS="1", wait=1200)
    whole, killed = (tmp_path / f"runs/{task}/{name}" for name in ("whole", "killed"))
    rng = np.random.default_rng(list(LEARNERS).index(learner))
    for _ in range(KILLS):
        begun = (killed / "checkpoints/last.json").exists()
        if killed.exists() and not begun:  # killed before there was anything to go on from
            shutil.rmtree(killed)
        command = ["robodl.train", *([f"resume={killed}"] if begun else [*words, "name=killed"])]
        checkpoints = int(rng.integers(0, 3))
        delay = rng.uniform(0.0, 0.5 if checkpoints else 5.0)
        kill(command, tmp_path, killed / "checkpoints/last.npz", checkpoints, delay)
    run("robodl.train", f"resume={killed}", cwd=tmp_path, wait=1200)
    for name in ("last.safetensors", "best.safetensors"):
        assert (killed / "checkpoints" / name).read_bytes() == (whole / "checkpoints" / name).read_bytes()
    one, other = (json.loads((folder / "result.json").read_text()) for folder in (whole, killed))
    assert one["success_rate"] == other["success_rate"] and one["return"] == other["return"]
