"""Imitation that is resumed where its process died, and its progress."""

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from stable_baselines3.common.logger import Logger

from robodl.atomic_write import together
from robodl.imitation.dagger import imitate
from robodl.imitation.transition_store import TransitionStore
from robodl.options import UsageError
from robodl.runs.report import ImitationProgress, say_interrupted
from robodl.runs.run_folder import Run
from tests.train.conftest import assert_same_policy, imitation_words, model_of, run

WARP = ["backend=warp", "device=cpu"]
IMAGES = ["observation=image", "image_size=16", *imitation_words(state_weight=1.0)]


@pytest.mark.parametrize("when", [(2, 1.0), (3, 0.0), (3, 0.5), (5, 0.5)], ids=["saved", "acting", "learning", "last"])
@pytest.mark.parametrize(
    "words",
    [[], IMAGES, pytest.param(WARP, marks=[pytest.mark.warp, pytest.mark.slow])],
    ids=["state", "image", "warp"],
)
def test_imitation_is_resumed_to_the_bit(composed, tmp_path, words, when):
    """Wherever it died: the saved state and the stored transitions lead to the bits of imitation without a stop."""
    settings = {"transitions": 60, "rows": 4, "episode_steps": 3, "updates": 2, "last_updates": 4}
    settings |= {"keep_episodes": 2, "batch_size": 8, "error_weight": 3.0}
    cfg = composed("env=reach", *words, *imitation_words(**settings))
    run, whole, half, rest = Run(tmp_path), model_of(cfg), model_of(cfg), model_of(cfg)
    run.checkpoints.mkdir()

    def save(state):
        with together() as files:
            run.save_training(files, half, {"imitation": state})

    def die(count, loss, learnt):
        if (count // 12, learnt) >= when and (loss is not None or when[1] < 1.0):
            raise KeyboardInterrupt

    torch.manual_seed(3)
    imitate(whole, cfg)
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt):
        imitate(half, cfg, die, TransitionStore(run.imitation, None, save))
    counts = []
    store = TransitionStore(run.imitation, run.load_training(rest)["imitation"])
    imitate(rest, cfg, lambda count, loss, learnt: counts.append(count), store)
    assert counts[0] == 12 * (when[0] - 1) and counts[-1] == 60
    for a, b in zip(whole.policy.parameters(), rest.policy.parameters(), strict=True):
        assert torch.equal(a, b)
    store.delete()
    assert not store.folder.exists()
    with pytest.raises(UsageError, match=r"can't be resumed: .*observations\.\w+\.npy is missing"):
        imitate(rest, cfg, store=store)


def test_damaged_transitions_are_refused(tmp_path):
    """In one line, with the file: another shape, another type, or no array at all."""
    TransitionStore(tmp_path).array("some", (3, 2), np.dtype(np.float32))
    store = TransitionStore(tmp_path, {"done": 1})
    assert store.done == 1 and store.array("some", (3, 2), np.dtype(np.float32)).shape == (3, 2)
    for shape, dtype in (((2, 2), np.float32), ((3, 2), np.int64)):
        with pytest.raises(UsageError, match=r"some.npy must be .*, got float32 \(3, 2\)"):
            store.array("some", shape, np.dtype(dtype))
    (tmp_path / "some.npy").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"some\.npy is damaged"):
        store.array("some", (3, 2), np.dtype(np.float32))


def test_a_killed_run_is_resumed_in_its_imitation(tmp_path):
    """From its last complete round, and with PPO after it ends in the bits of a run without a stop."""
    few = ["env=reach", "algo=dagger", "total_timesteps=512", "num_envs=8", "algo.batch_size=64", "algo.hidden=[16]"]
    few += imitation_words(transitions=25600, updates=40, last_updates=40)
    few += ["algo.critic_warmup_steps=256"]
    few += ["eval_episodes=4", "test_episodes=4", "video_episodes=0"]
    run("robodl.train", *few, "name=whole", cwd=tmp_path)
    command = [sys.executable, "-m", "robodl.train", *few, "name=half"]
    killed = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    half = tmp_path / "runs/reach/half"
    while not (half / "checkpoints/before.npz").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    assert (half / "checkpoints/imitation/expert_actions.npy").exists() and not (half / "result.json").exists()
    assert "policy=last" in run("robodl.evaluate", "run=runs/reach/half", cwd=tmp_path, check=False).stderr
    run("robodl.train", "resume=runs/reach/half", cwd=tmp_path)
    assert not (half / "checkpoints/imitation").exists() and (half / "result.json").exists()
    assert_same_policy(tmp_path / "runs/reach/whole", half)
    (half / "checkpoints/imitation").mkdir()  # as in a run that was killed while it deleted this
    again = run("robodl.train", "resume=runs/reach/half", cwd=tmp_path).stdout
    assert "already at 512 steps" in again and "imitating" not in again
    assert not (half / "checkpoints/imitation").exists()


def test_a_full_disk_is_found_at_once(tmp_path, monkeypatch):
    def full(file, start, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(UsageError, match=r"needs 4\.0 GB for .*actions.npy while it learns: No space left on device"):
        TransitionStore(tmp_path / "some").array("actions", (1000, 1000, 1000), np.dtype(np.float32))
    assert not list(tmp_path.iterdir())


def test_the_time_left_counts_a_longer_last_round(monkeypatch, capsys):
    """Rounds take 10 s to act and 10 s to learn, the last five times as long to learn; it goes on at 100 of 400."""
    clock = [0.0]
    monkeypatch.setattr("robodl.runs.report.time.monotonic", lambda: clock[0])
    progress = ImitationProgress(400, Logger(None, []), 5.0)

    def after(seconds, *what):
        clock[0] += seconds
        progress(*what)
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


@pytest.mark.parametrize(
    ("imitated", "saved", "where"),
    [(25_600, 0, "of its imitation"), (25_600, 4096, "at 4,096 steps"), (None, 0, "at 0 steps")],
)
def test_a_stopped_run_says_where_it_goes_on(tmp_path, capsys, imitated, saved, where):
    """A checkpoint is there from the run's first second on."""
    cfg = OmegaConf.create({"algo": {"imitation_transitions": imitated}})
    say_interrupted(Run(tmp_path / "a run"), cfg, saved)
    said = capsys.readouterr().out
    assert f"the last checkpoint is {where}; python -m robodl.train 'resume=" in said and said.endswith("a run'\n")
