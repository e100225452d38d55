"""Clones that go on where their process died."""

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from robodl.cli import UsageError
from robodl.cloning import clone
from robodl.kept import Kept
from robodl.runs import Run
from tests.train.conftest import model_of, run


@pytest.mark.parametrize("when", [(2, 1.0), (3, 0.0), (3, 0.5), (4, 1.0)], ids=["told", "acting", "learning", "last"])
def test_a_clone_goes_on_where_it_died(composed, tmp_path, when):
    """Whatever it was at: what was saved and what it had seen end in the bits of a clone that nothing stopped."""
    words = ("++algo.clone=60", "++algo.clone_rows=4", "++algo.clone_length=3", "++algo.clone_steps=2")
    cfg = composed("env=reach", *words, "++algo.clone_last=4", "++algo.clone_keep=2", "++algo.clone_batch=8")
    run, whole, half, rest = Run(tmp_path), model_of(cfg), model_of(cfg), model_of(cfg)
    run.checkpoints.mkdir()

    def save(state):
        run.save_training(half, {"clone": state})

    def die(count, loss, learnt):
        if (count // 12, learnt) >= when and (loss is not None or when[1] < 1.0):
            raise KeyboardInterrupt

    torch.manual_seed(3)
    clone(whole, cfg)
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        clone(half, cfg, die, Kept(run.checkpoints / "clone", None, save))
    seen = []
    kept = Kept(run.checkpoints / "clone", run.load_training(rest)["clone"])
    clone(rest, cfg, lambda count, loss, learnt: seen.append(count), kept)
    assert 12 < seen[0] <= 12 * when[0] and seen[-1] == 60
    for a, b in zip(whole.policy.parameters(), rest.policy.parameters(), strict=True):
        assert torch.equal(a, b)
    kept.forget()
    assert not kept.folder.exists()
    with pytest.raises(UsageError, match=r"can't go on: .*seen.observation.npy is missing"):
        clone(rest, cfg, kept=kept)


def test_a_killed_run_is_resumed_in_its_clone(tmp_path):
    """From the last round that was over; what PPO makes of the clone is what it makes of one that nobody stopped."""
    few = ["env=reach", "algo=dagger", "total_timesteps=512", "num_envs=8", "algo.batch_size=64", "algo.clone=25600"]
    few += ["algo.clone_steps=40", "algo.clone_last=40", "algo.value_first=256", "algo.hidden=[16]"]
    few += ["eval_episodes=4", "test_episodes=4", "video_episodes=0"]
    run("robodl.train", *few, "name=whole", cwd=tmp_path)
    command = [sys.executable, "-m", "robodl.train", *few, "name=half"]
    killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    half = tmp_path / "runs/reach/half"
    while not (half / "checkpoints/last.npz").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert (half / "checkpoints/clone/wanted.npy").exists() and not (half / "result.json").exists()
    assert "policy=last" in run("robodl.evaluate", "run=runs/reach/half", cwd=tmp_path, check=False).stderr
    run("robodl.train", "resume=runs/reach/half", cwd=tmp_path)
    assert not (half / "checkpoints/clone").exists() and (half / "result.json").exists()
    one, other = (load_file(tmp_path / f"runs/reach/{name}/checkpoints/last.safetensors") for name in ("whole", "half"))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    again = run("robodl.train", "resume=runs/reach/half", cwd=tmp_path).stdout
    assert "already at 512 steps" in again and "imitating" not in again


def test_a_full_disk_is_told_at_once(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UsageError, match=r"needs 4\.0 GB for .*wanted.npy while it learns: No space left on device"):
        Kept(tmp_path).array("wanted", (1000, 1000, 1000), np.dtype(np.float32))
    assert not list(tmp_path.iterdir())
