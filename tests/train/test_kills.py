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
COMMON = ("eval_episodes=5", "test_episodes=10", "video_episodes=0", "checkpoint_every=512", "algo.hidden=[32]")
IMAGES = ("observation=image", "cameras=[wrist]", "image_size=16", "num_envs=8")
LEARNERS = {
    "ppo": ("env=reach", "algo=ppo", "total_timesteps=65536", "eval_every=8192", "num_envs=32"),
    "sac_with_hindsight": (
        "env=reach",
        "algo=sac",
        "algo.her=4",
        "algo.gradient_steps=2",
        "algo.batch_size=64",
        "total_timesteps=4096",
        "eval_every=1024",
        "num_envs=8",
    ),
    "pixel_sac": (
        "env=reach",
        "algo=pixel_sac",
        "algo.learning_starts=512",
        "algo.gradient_steps=1",
        "algo.batch_size=32",
        "total_timesteps=4096",
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


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_twenty_kills_change_no_bit(tmp_path, learner):
    """Five for each learner, at moments drawn over the whole of a run, starts of programs and checkpoints included."""
    words = (*LEARNERS[learner], *COMMON)
    task = words[0].removeprefix("env=")
    began = time.monotonic()
    run("robodl.train", *words, "name=whole", cwd=tmp_path, OMP_NUM_THREADS="1")
    seconds = time.monotonic() - began
    whole, killed = (tmp_path / f"runs/{task}/{name}" for name in ("whole", "killed"))
    rng, steps = np.random.default_rng(0), []
    for _ in range(KILLS):
        begun = (killed / "checkpoints/last.json").exists()
        if killed.exists() and not begun:  # killed before there was anything to go on from
            shutil.rmtree(killed)
        arguments = [f"resume={killed}"] if begun else [*words, "name=killed"]
        process = subprocess.Popen([sys.executable, "-m", "robodl.train", *arguments], cwd=tmp_path)
        with pytest.raises(subprocess.TimeoutExpired):  # a run that ends by itself would prove nothing
            process.wait(rng.uniform(0.2, 0.7) * seconds)
        process.kill()
        process.wait()
        steps.append(json.loads((killed / "checkpoints/last.json").read_text())["num_timesteps"] if begun else 0)
    assert max(steps) > 0 or learner == "clone", "no kill fell into learning"
    run("robodl.train", f"resume={killed}", cwd=tmp_path)
    for name in ("last.safetensors", "best.safetensors"):
        assert (killed / "checkpoints" / name).read_bytes() == (whole / "checkpoints" / name).read_bytes(), steps
    one, other = (json.loads((folder / "result.json").read_text()) for folder in (whole, killed))
    assert one["success_rate"] == other["success_rate"] and one["return"] == other["return"]
