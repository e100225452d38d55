"""Clones that go on where their process died."""

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from stable_baselines3.common.logger import Logger

from robodl.cli import UsageError
from robodl.imitation import dagger
from robodl.imitation.dagger import clone
from robodl.imitation.transition_store import Kept
from robodl.runs.progress import ImitationProgress
from robodl.runs.report import say_interrupted
from robodl.runs.run_folder import Run
from tests.train.conftest import model_of, run


class Shown:
    """As much of an episode of 50 steps as a clone reads."""

    observations = {"observation": np.zeros((51, 4), np.float32)}
    actions = np.zeros((50, 4), np.float32)

    def __len__(self):
        return len(self.actions)


@pytest.mark.parametrize("when", [(2, 1.0), (3, 0.0), (3, 0.5), (5, 0.5)], ids=["told", "acting", "learning", "last"])
def test_a_clone_goes_on_where_it_died(composed, tmp_path, when):
    """Whatever it was at: what was saved and what it had seen end in the bits of a clone that nothing stopped."""
    words = (
        "++algo.imitation_transitions=60",
        "++algo.imitation_rows=4",
        "++algo.imitation_episode_steps=3",
        "++algo.imitation_updates=2",
    )
    words += (
        "++algo.imitation_last_updates=4",
        "++algo.imitation_keep_episodes=2",
        "++algo.imitation_batch_size=8",
        "++algo.imitation_error_weight=3.0",
    )
    cfg = composed("env=reach", *words)
    run, whole, half, rest = Run(tmp_path), model_of(cfg), model_of(cfg), model_of(cfg)
    run.checkpoints.mkdir()

    def save(state):
        run.save_training(half, {"imitation": state})

    def die(count, loss, learnt):
        if (count // 12, learnt) >= when and (loss is not None or when[1] < 1.0):
            raise KeyboardInterrupt

    torch.manual_seed(3)
    clone(whole, cfg)
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        clone(half, cfg, die, Kept(run.imitation, None, save))
    seen = []
    kept = Kept(run.imitation, run.load_training(rest)["imitation"])
    clone(rest, cfg, lambda count, loss, learnt: seen.append(count), kept)
    assert seen[0] == 12 * (when[0] - 1) and seen[-1] == 60
    for a, b in zip(whole.policy.parameters(), rest.policy.parameters(), strict=True):
        assert torch.equal(a, b)
    kept.forget()
    assert not kept.folder.exists()
    with pytest.raises(UsageError, match=r"can't go on: .*seen.observation.npy is missing"):
        clone(rest, cfg, kept=kept)


def test_a_killed_run_is_resumed_in_its_clone(tmp_path):
    """From the last round that was over; what PPO makes of the clone is what it makes of one that nobody stopped."""
    few = [
        "env=reach",
        "algo=dagger",
        "total_timesteps=512",
        "num_envs=8",
        "algo.batch_size=64",
        "algo.imitation_transitions=25600",
    ]
    few += [
        "algo.imitation_updates=40",
        "algo.imitation_last_updates=40",
        "algo.critic_warmup_steps=256",
        "algo.hidden=[16]",
    ]
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
    assert (half / "checkpoints/imitation/wanted.npy").exists() and not (half / "result.json").exists()
    assert "policy=last" in run("robodl.evaluate", "run=runs/reach/half", cwd=tmp_path, check=False).stderr
    run("robodl.train", "resume=runs/reach/half", cwd=tmp_path)
    assert not (half / "checkpoints/imitation").exists() and (half / "result.json").exists()
    one, other = (load_file(tmp_path / f"runs/reach/{name}/checkpoints/last.safetensors") for name in ("whole", "half"))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    (half / "checkpoints/imitation").mkdir()  # as of a run that was killed while it deleted this
    again = run("robodl.train", "resume=runs/reach/half", cwd=tmp_path).stdout
    assert "already at 512 steps" in again and "imitating" not in again
    assert not (half / "checkpoints/imitation").exists()


def test_a_full_disk_is_told_at_once(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UsageError, match=r"needs 4\.0 GB for .*wanted.npy while it learns: No space left on device"):
        Kept(tmp_path / "clone").array("wanted", (1000, 1000, 1000), np.dtype(np.float32))
    assert not list(tmp_path.iterdir())


def test_passes_over_a_dataset_go_on(composed, monkeypatch):
    """Each pass is told by its share of the transitions, the last learns as long as it should, none is repeated."""
    efforts, counts, saved = [], [], []

    def imitate(model, seen, wanted, choices, steps, batch_size, busy, often):
        efforts.append(steps)
        return 0.5

    monkeypatch.setattr(dagger, "imitate", imitate)
    monkeypatch.setattr(dagger, "read", lambda name, cfg: [Shown()] * 6)
    words = (
        "++algo.imitation_transitions=300",
        "++algo.imitation_rows=2",
        "++algo.imitation_updates=3",
        "++algo.imitation_last_updates=7",
    )
    cfg = composed("env=reach", *words, "++algo.dataset=some")
    clone(model_of(cfg), cfg, lambda count, loss, learnt: counts.append(count), Kept(save=saved.append))
    assert (efforts, counts, [state["done"] for state in saved]) == ([3, 3, 7], [0, 100, 200, 300], [1, 2, 3])
    clone(model_of(cfg), cfg, lambda count, loss, learnt: counts.append(count), Kept(state=saved[1]))
    assert (efforts[3:], counts[4:]) == ([7], [200, 300])


def test_the_time_left_counts_a_longer_last_round(monkeypatch, capsys):
    """Rounds take 10 s to act and 10 s to learn, the last five times as long to learn; it goes on at 100 of 400."""
    clock = [0.0]
    monkeypatch.setattr("robodl.runs.progress.time.monotonic", lambda: clock[0])
    told = ImitationProgress(400, Logger(None, []), 5.0)

    def after(seconds, *what):
        clock[0] += seconds
        told(*what)
        return capsys.readouterr().out

    assert after(0.0, 100, None, 0.0) == ""
    assert "left" not in after(10.0, 200, None, 0.0)
    assert "learning  50%" in after(5.0, 200, None, 0.5)
    assert "loss 0.1000  80 s left" in after(5.0, 200, 0.1, 1.0)  # 2 rounds of 20 s, and 40 s more
    after(10.0, 300, None, 0.0)
    assert "60 s left" in after(10.0, 300, 0.1, 1.0)
    after(10.0, 400, None, 0.0)
    assert "30 s left  learning  40%" in after(20.0, 400, None, 0.4)
    assert "  0 s left" in after(30.0, 400, 0.05, 1.0)


def test_a_stopped_run_says_where_it_goes_on(tmp_path, capsys):
    run = Run(tmp_path)
    run.checkpoints.mkdir()
    say_interrupted(run, 0)
    assert "stopped before the first checkpoint" in capsys.readouterr().out
    run.last.with_suffix(".npz").touch()
    for saved, where in ((0, "of its imitation"), (4096, "at 4,096 steps")):
        say_interrupted(run, saved)
        assert f"the last checkpoint is {where}; python -m robodl.train resume=" in capsys.readouterr().out
