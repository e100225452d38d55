"""Faults during a run: what survives them, what is said about them, and how the command ends."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from robodl.atomic_write import together
from tests.train.conftest import SMALL, run

FAULTS = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "noise": lambda content: np.random.default_rng(0).bytes(len(content)),
    "text": lambda content: b"hello\n",
}


def one_bit(content):
    """A fault of the disk in the middle, where tensors lie."""
    place = 2 * len(content) // 3
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def spoilt(trained, tmp_path):
    """A copy of a small finished run of which a file can be spoilt."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    return tmp_path / "runs/reach/small"


def damage(path, fault):
    path.write_bytes(fault(path.read_bytes()))


DAMAGE = [(("last.npz",), fault) for fault in (*FAULTS.values(), one_bit)]
DAMAGE += [(("last.json",), FAULTS["truncated"]), (("last.npz", "last.json", "last.safetensors"), FAULTS["noise"])]


@pytest.mark.parametrize(("names", "fault"), DAMAGE)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(spoilt, names, fault):
    """The run goes on from the checkpoint before, says so, and ends where it ended."""
    expected = (spoilt / "checkpoints/last.safetensors").read_bytes()
    for name in names:
        damage(spoilt / "checkpoints" / name, fault)
    done = run("robodl.train", f"resume={spoilt}", cwd=spoilt.parents[2])
    warned = [name for name in names if f"{name} is damaged" in done.stderr]
    assert warned == [name for name in names if name != "last.safetensors"] and done.stderr.count("\n") == len(warned)
    assert (spoilt / "checkpoints/last.safetensors").read_bytes() == expected


def test_the_checkpoint_before_is_kept_whole(spoilt):
    """Each of its files, from an earlier step of the run."""
    last, before = ({path.suffix: path for path in spoilt.glob(f"checkpoints/{stem}*")} for stem in ("last", "before"))
    assert set(last) == set(before) == {".json", ".npz", ".safetensors", ".zip"}
    steps = [json.loads(files[".json"].read_text())["num_timesteps"] for files in (before, last)]
    states = [int(np.load(files[".npz"])["counters|num_timesteps"]) for files in (before, last)]
    assert steps == states and steps[0] < steps[1]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "names", [("last.json", "before.json"), ("last.npz", "before.npz"), ("best.safetensors",), ("best.json",)]
)
def test_files_that_cannot_be_read_are_named(spoilt, names, fault):
    """In one line, with exit code 2, and what can be read stays as it is."""
    for name in names:
        damage(spoilt / "checkpoints" / name, FAULTS[fault])
    before = contents(spoilt / "checkpoints")
    done = run("robodl.train", f"resume={spoilt}", cwd=spoilt.parents[2], check=False)
    *_, error = done.stderr.splitlines()
    assert done.returncode == 2 and error.startswith("error: ") and names[-1].partition(".")[0] in error
    assert contents(spoilt / "checkpoints") == before


def test_one_wrong_bit_of_a_policy_is_found(spoilt):
    path = spoilt / "checkpoints/best.safetensors"
    path.write_bytes(one_bit(path.read_bytes()))
    done = run("robodl.evaluate", f"run={spoilt}", cwd=spoilt.parents[2], check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "best.safetensors is damaged" in done.stderr


def test_a_set_of_files_changes_as_one(tmp_path):
    """Until the last is written, all are as they were, and what was in their places can be kept."""
    one, two = (tmp_path / name for name in ("one", "two"))
    for path in (one, two):
        path.write_text("old")
    with pytest.raises(RuntimeError), together() as files:
        files.part(one).write_text("new")
        files.part(two).write_text("new")
        raise RuntimeError
    assert contents(tmp_path) == {"one": b"old", "two": b"old"}
    for text in ("new", "newest"):
        earlier = contents(tmp_path)
        with together(earlier=lambda path: path.with_suffix(".kept")) as files:
            files.part(one).write_text(text)
            files.part(two).write_text(text)
            assert contents(tmp_path).items() >= earlier.items()
    assert contents(tmp_path) == {"one": b"newest", "two": b"newest", "one.kept": b"new", "two.kept": b"new"}


def test_a_set_is_kept_without_links(tmp_path, monkeypatch):
    """Some file systems have none."""
    monkeypatch.setattr(os, "link", Mock(side_effect=PermissionError))
    (tmp_path / "one").write_text("old")
    with together(earlier=lambda path: path.with_suffix(".kept")) as files:
        files.part(tmp_path / "one").write_text("new")
    assert contents(tmp_path) == {"one": b"new", "one.kept": b"old"}


@pytest.mark.parametrize("calls", range(4))
def test_a_set_is_whole_wherever_it_is_cut_off(tmp_path, monkeypatch, calls):
    """Of two files in their places or two kept ones, all are of one set, at each moment of the change."""
    names = ("one", "two")
    for name in names:
        (tmp_path / name).write_text("old")
        (tmp_path / f"{name}.kept").write_text("oldest")
    left = iter(range(calls))

    def counted(function):
        def call(*arguments, **settings):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return function(*arguments, **settings)

        return call

    monkeypatch.setattr(os, "link", counted(os.link))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))
    with pytest.raises(KeyboardInterrupt), together(earlier=lambda path: path.with_suffix(".kept")) as files:
        for name in names:
            files.part(tmp_path / name).write_text("new")
    found = contents(tmp_path)
    places, kept = ([found.get(name) for name in group] for group in (names, [f"{name}.kept" for name in names]))
    assert places in ([b"old"] * 2, [b"new"] * 2) or kept == [b"old"] * 2


def test_fewer_steps_than_done_are_refused(spoilt):
    before = contents(spoilt)
    done = run("robodl.train", f"resume={spoilt}", "total_timesteps=1024", cwd=spoilt.parents[2], check=False)
    assert done.returncode == 2 and "is at 2,048 steps: total_timesteps must be as many or more" in done.stderr
    assert contents(spoilt) == before


def test_weights_that_diverge_end_the_run(tmp_path):
    """With exit code 1, one line that says when, and the last good checkpoint."""
    wild = ("name=wild", "algo.learning_rate=1e20", "algo.max_grad_norm=1e20")
    done = run("robodl.train", "env=reach", *wild, *SMALL, cwd=tmp_path, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "became NaN or infinite between 0 and 1,024 steps" in done.stderr
    with np.load(tmp_path / "runs/reach/wild/checkpoints/last.npz") as file:
        assert all(np.isfinite(file[name]).all() for name in file.files if name.startswith("parameters|policy"))


def start(cwd, *words, limit=None):
    """A training run in a process of its own; limit: bytes, the largest file that it may write."""

    def limited():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "robodl.train", "env=reach", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, preexec_fn=limited, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)


def wait_for(path, seconds=90):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path} after {seconds} s"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_a_run_at_a_checkpoint(tmp_path, number, code):
    """Within five seconds, with the command that goes on, which does."""
    process = start(tmp_path, "name=x", "total_timesteps=1_000_000", "eval_every=2048", "eval_episodes=5")
    wait_for(tmp_path / "runs/reach/x/checkpoints/before.npz")
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 5.0
    assert process.returncode == code and not err
    assert "python -m robodl.train resume=runs/reach/x" in out
    step = int(np.load(tmp_path / "runs/reach/x/checkpoints/last.npz")["counters|num_timesteps"])
    more = ("resume=runs/reach/x", f"total_timesteps={step + 1024}", "video_episodes=0", "test_episodes=5")
    assert "trained" in run("robodl.train", *more, cwd=tmp_path).stdout


def test_two_processes_never_train_in_one_folder(tmp_path):
    """The second is refused in one line, and the first goes on."""
    process = start(tmp_path, "name=x", "total_timesteps=1_000_000", "eval_every=2048", "eval_episodes=5")
    wait_for(tmp_path / "runs/reach/x/checkpoints/last.npz")
    done = run("robodl.train", "resume=runs/reach/x", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "another process is training in runs/reach/x" in done.stderr
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_a_run_can_be_resumed_from_its_first_second_on(tmp_path):
    """Killed before its first evaluation, it ends in the bits of an undisturbed one."""
    words = ("total_timesteps=4096", "eval_every=4096", *SMALL[2:])
    process = start(tmp_path, "name=killed", *words)
    wait_for(tmp_path / "runs/reach/killed/checkpoints/last.npz")
    process.kill()
    process.communicate()
    run("robodl.train", "resume=runs/reach/killed", cwd=tmp_path)
    run("robodl.train", "env=reach", "name=whole", *words, cwd=tmp_path)
    killed, whole = (tmp_path / f"runs/reach/{name}/checkpoints/last.safetensors" for name in ("killed", "whole"))
    assert killed.read_bytes() == whole.read_bytes()


def test_a_full_disk_ends_the_run_with_one_line(tmp_path):
    """Exit code 1, and nothing that was whole is spoilt; a limit on the size of files stands for the disk."""
    process = start(tmp_path, "name=full", *SMALL, limit=100_000)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and err.count("\n") == 1 and "can't read or write runs/reach/full/checkpoints" in err
    assert not [path for path in (tmp_path / "runs/reach/full/checkpoints").iterdir() if path.name.endswith(".part")]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    done = run("robodl.train", "env=reach", "name=x", *SMALL, cwd=tmp_path, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "runs/reach/x" in done.stderr
