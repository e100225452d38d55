"""Supervised learning of encoders, by the commands."""

import gzip
import json
import struct

import numpy as np
import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robodl.vision.labelled_images import read_idx_folder
from tests.train.conftest import run
from tests.train.test_rendered_images import loaded

TINY = ("data.frames=600", "epochs=2", "image_size=16", "torch_threads=1")


def write_idx(path, array, packed):
    content = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture
def image_set(tmp_path):
    """A function that writes an image set of two easy classes, bright to the left or to the right."""

    def write(folder, count=300, part="t10k", packed=True):
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(len(part))
        labels = rng.integers(0, 2, count).astype(np.uint8)
        images = rng.integers(0, 60, (count, 12, 12)).astype(np.uint8)
        images[labels == 0, :, :6] += 120
        images[labels == 1, :, 6:] += 120
        end = ".gz" if packed else ""
        write_idx(folder / f"{part}-images-idx3-ubyte{end}", images, packed)
        write_idx(folder / f"{part}-labels-idx1-ubyte{end}", labels, packed)
        return folder

    return lambda *args, **kwargs: write(tmp_path / "set", *args, **kwargs)


def test_idx_files(image_set):
    """Gzipped or plain; a random fifth is the test part, the same every time; a set with its own test part keeps it."""
    data = read_idx_folder(str(image_set(packed=False)))
    assert data.images["image"].shape == (300, 1, 12, 12) and data.is_test.sum() == 60
    np.testing.assert_array_equal(data.is_test, read_idx_folder(str(image_set())).is_test)
    both = read_idx_folder(str(image_set(part="train", count=100)))
    assert len(both) == 400 and both.is_test.sum() == 300


def test_pretraining_on_an_image_set(image_set, tmp_path):
    """Learning leaves an encoder, curves, a confusion matrix and samples."""
    folder = image_set()
    arguments = ["data=mnist", f"data.root={folder}", "encoder=article", "epochs=4", "name=two", "shift=1"]
    done = run("robodl.pretrain", *arguments, cwd=tmp_path)
    assert "epoch 4 / 4" in done.stdout and "right" in done.stdout
    result = json.loads((tmp_path / "runs/pretrain/two/result.json").read_text())
    assert result["accuracy"] > 0.95 and result["images"] == 300 and result["seconds"] > 0
    assert load_file(tmp_path / "runs/pretrain/two/encoder.safetensors")
    events = EventAccumulator(str(tmp_path / "runs/pretrain/two/tb"))
    events.Reload()
    assert {"train/loss", "eval/loss", "eval/accuracy"} <= set(events.Tags()["scalars"])
    assert {"eval/confusion", "eval/samples"} <= set(events.Tags()["images"])


def test_same_seed_same_bits(image_set, tmp_path):
    folder = image_set()
    for name in ("one", "other"):
        arguments = [f"data.root={folder}", "epochs=1", f"name={name}", "torch_threads=1", "shift=1"]
        run("robodl.pretrain", "data=mnist", *arguments, cwd=tmp_path)
    one, other = (load_file(tmp_path / f"runs/pretrain/{name}/encoder.safetensors") for name in ("one", "other"))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_from_rendered_frames_to_a_policy(tmp_path):
    """The simulator renders and labels frames; a policy starts with the encoder and, frozen, keeps it."""
    run("robodl.pretrain", "env=reach", "name=encoder", *TINY, cwd=tmp_path)
    result = json.loads((tmp_path / "runs/pretrain/encoder/result.json").read_text())
    assert 0 < result["error_mm"] < 400
    few = ["total_timesteps=256", "num_envs=8", "algo.n_steps=16", "algo.batch_size=64", "eval_every=256"]
    few += ["eval_episodes=4", "test_episodes=4", "video_episodes=0", "image_size=16"]
    weights = "encoder.weights=runs/pretrain/encoder/encoder.safetensors"
    run("robodl.train", "observation=image", weights, "encoder.frozen=true", "name=p", *few, cwd=tmp_path)
    encoder = load_file(tmp_path / "runs/pretrain/encoder/encoder.safetensors")
    policy = load_file(tmp_path / "runs/reach/p/checkpoints/last.safetensors")
    for name, tensor in encoder.items():
        np.testing.assert_array_equal(policy[f"features_extractor.image_encoder.{name}"], tensor)
    again = run("robodl.pretrain", "env=reach", "name=encoder", *TINY, cwd=tmp_path, check=False)
    assert again.returncode == 2
    assert again.stderr.endswith(
        "there is a run runs/pretrain/encoder already; choose another name, or remove that folder\n"
    )
    (tmp_path / "runs/pretrain/encoder/encoder.safetensors").unlink()  # the policy has its own copy
    run("robodl.evaluate", "run=runs/reach/p", "episodes=2", cwd=tmp_path)


@pytest.mark.slow
def test_plots_in_tensorboard(tmp_path):
    """TensorBoard shows the predictions for test frames of each task that needs images; other labels can be chosen."""
    tags = {"read_digit": "eval/confusion", "inspect": "eval/confusion", "track": "eval/scatter"}
    for env, tag in tags.items():
        run("robodl.pretrain", f"env={env}", f"name={env}", *TINY, cwd=tmp_path)
        events = EventAccumulator(str(tmp_path / f"runs/pretrain/{env}/tb"))
        events.Reload()
        assert {tag, "eval/samples"} <= set(events.Tags()["images"])
    labels = loaded("env=read_digit", "data.frames=300", "image_size=8", "data.label=to_part")
    assert not labels.class_names and labels.labels.shape == (300, 3)


@pytest.mark.parametrize("spoil", ["half", "empty"])
def test_incomplete_sets_are_refused(image_set, spoil, tmp_path):
    folder = image_set(count=1 if spoil == "empty" else 100)
    if spoil == "half":
        image_set(part="train")
        (folder / "train-labels-idx1-ubyte.gz").unlink()
    done = run("robodl.pretrain", "data=mnist", f"data.root={folder}", cwd=tmp_path, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert ("only one of" if spoil == "half" else "to test on") in done.stderr


@pytest.mark.parametrize("spoil", ["cut", "magic", "count", "gzip"])
def test_damaged_sets_are_refused(image_set, spoil, tmp_path):
    path = image_set(packed=spoil == "gzip") / f"t10k-labels-idx1-ubyte{'.gz' if spoil == 'gzip' else ''}"
    content = bytearray(path.read_bytes())
    if spoil == "cut" or spoil == "gzip":
        content = content[:-20]
    elif spoil == "magic":
        content[2] = 13
    else:
        content = content[:4] + struct.pack(">I", 299) + content[8:-1]
    path.write_bytes(bytes(content))
    done = run("robodl.pretrain", "data=mnist", f"data.root={path.parent}", cwd=tmp_path, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "damaged" in done.stderr or "labels of shape" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_digits(tmp_path):
    """The set inside scikit-learn, an optional extra; without it one line says how to get it."""
    from importlib.util import find_spec

    done = run("robodl.pretrain", "data=digits", "encoder=article", "epochs=3", "name=d", cwd=tmp_path, check=False)
    if find_spec("sklearn") is None:
        assert done.returncode == 2 and "pip install 'robodl[digits]'" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "runs").exists()
        return
    assert json.loads((tmp_path / "runs/pretrain/d/result.json").read_text())["accuracy"] > 0.9
