"""Supervised backpropagation, as a user runs it."""

import gzip
import json
import struct

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robodl.vision.augment import shifted
from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.labelled_images import idx_folder
from robodl.vision.supervised import Reader, loss_of, score
from tests.train.conftest import run

TINY = ("data.frames=600", "epochs=2", "image_size=16", "torch_threads=1")


def write_idx(path, array, packed):
    content = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture
def images(tmp_path):
    """A function that writes an image set of two easy classes, bright to the left or to the right."""

    def write(folder, count=300, part="t10k", packed=True):
        folder.mkdir(exist_ok=True)
        rng = np.random.default_rng(len(part))
        labels = rng.integers(0, 2, count).astype(np.uint8)
        pictures = rng.integers(0, 60, (count, 12, 12)).astype(np.uint8)
        pictures[labels == 0, :, :6] += 120
        pictures[labels == 1, :, 6:] += 120
        end = ".gz" if packed else ""
        write_idx(folder / f"{part}-images-idx3-ubyte{end}", pictures, packed)
        write_idx(folder / f"{part}-labels-idx1-ubyte{end}", labels, packed)
        return folder

    return lambda *args, **kwargs: write(tmp_path / "set", *args, **kwargs)


def test_idx_files(images):
    """Gzipped or plain; a fifth is held back, the same every time; a set with a test part of its own keeps it."""
    data = idx_folder(str(images(packed=False)))
    assert data.pictures["image"].shape == (300, 1, 12, 12) and data.test.sum() == 60
    np.testing.assert_array_equal(data.test, idx_folder(str(images())).test)
    both = idx_folder(str(images(part="train", count=100)))
    assert len(both) == 400 and both.test.sum() == 300


def test_an_image_set(images, tmp_path):
    """Learns, tells, and leaves an encoder, curves, a confusion matrix and samples."""
    folder = images()
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


def test_same_seed_same_bits(images, tmp_path):
    folder = images()
    for name in ("one", "other"):
        arguments = [f"data.root={folder}", "epochs=1", f"name={name}", "torch_threads=1", "shift=1"]
        run("robodl.pretrain", "data=mnist", *arguments, cwd=tmp_path)
    one, other = (load_file(tmp_path / f"runs/pretrain/{name}/encoder.safetensors") for name in ("one", "other"))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_from_rendered_frames_to_a_policy(tmp_path):
    """Frames that the simulator renders and labels; the policy begins with the encoder, frozen, and keeps it."""
    run("robodl.pretrain", "env=reach", "name=eyes", *TINY, cwd=tmp_path)
    result = json.loads((tmp_path / "runs/pretrain/eyes/result.json").read_text())
    assert 0 < result["error_mm"] < 400
    few = ["total_timesteps=256", "num_envs=8", "algo.n_steps=16", "algo.batch_size=64", "eval_every=256"]
    few += ["eval_episodes=4", "test_episodes=4", "video_episodes=0", "image_size=16"]
    weights = "encoder.weights=runs/pretrain/eyes/encoder.safetensors"
    run("robodl.train", "observation=image", weights, "encoder.frozen=true", "name=p", *few, cwd=tmp_path)
    eyes = load_file(tmp_path / "runs/pretrain/eyes/encoder.safetensors")
    policy = load_file(tmp_path / "runs/reach/p/checkpoints/last.safetensors")
    for name, tensor in eyes.items():
        np.testing.assert_array_equal(policy[f"features_extractor.eyes.{name}"], tensor)
    again = run("robodl.pretrain", "env=reach", "name=eyes", *TINY, cwd=tmp_path, check=False)
    assert again.returncode == 2
    assert again.stderr.endswith(
        "there is a run runs/pretrain/eyes already; choose another name, or remove that folder\n"
    )
    (tmp_path / "runs/pretrain/eyes/encoder.safetensors").unlink()  # the policy has its own copy
    run("robodl.evaluate", "run=runs/reach/p", "episodes=2", cwd=tmp_path)


def test_shifts():
    """Every picture of a row moves alike, by at most so many pixels; the edge is repeated; nothing else changes."""
    picture = torch.arange(49.0).reshape(1, 1, 7, 7).repeat(200, 1, 1, 1)
    moved = shifted({"a": picture, "b": picture}, 2, torch.Generator().manual_seed(0))
    assert (moved["a"] == moved["b"]).all()
    middles = {int(value) for value in moved["a"][:, 0, 3, 3]}
    assert middles == {24 + 7 * dy + dx for dy in range(-2, 3) for dx in range(-2, 3)}
    padded = torch.nn.functional.pad(picture[:1], (2, 2, 2, 2), mode="replicate")
    windows = {tuple(padded[0, 0, y : y + 7, x : x + 7].ravel().tolist()) for y in range(5) for x in range(5)}
    assert {tuple(each.ravel().tolist()) for each in moved["a"][:, 0]} == windows


def loaded(*overrides):
    """The dataset of a command line."""
    from hydra import compose, initialize_config_module

    from robodl.config import settled
    from robodl.hydra_command import register
    from robodl.pretrain import PretrainConfig
    from robodl.vision.labelled_images import load

    register("pretrain", PretrainConfig)
    with initialize_config_module("robodl.conf", version_base="1.3"):
        return load(settled(PretrainConfig, compose("pretrain", overrides=list(overrides))))


def test_no_goal_is_in_training_and_in_test():
    """Frames are held back by arm: no episode's goal stands on both sides."""
    data = loaded("data.frames=1500", "image_size=8")
    train, test = ({tuple(row) for row in data.labels[chosen]} for chosen in (~data.test, data.test))
    assert not train & test and 0.15 < data.test.mean() < 0.25


@pytest.mark.parametrize("motion", ["random", "still", "expert"])
def test_classes_of_a_scene(motion):
    """Labels that are 1 for one class become class numbers with names; arms that stand still show only first views."""
    data = loaded("env=read_digit", "data.frames=900", "image_size=8", f"data.motion={motion}")
    assert data.classes == tuple("0123456789") and data.labels.shape == (900,)
    assert set(np.unique(data.labels)) == set(range(10))
    changes = (data.labels[256:] != data.labels[:-256]).mean()  # from an arm's frame to its next
    assert changes > 0.8 if motion == "still" else changes < 0.35


def test_a_scene_of_classes_becomes_pictures(tmp_path):
    """`pretrain env=read_digit` and the others show in TensorBoard what they make of held-out frames."""
    tags = {"read_digit": "eval/confusion", "inspect": "eval/confusion", "track": "eval/scatter"}
    for env, tag in tags.items():
        run("robodl.pretrain", f"env={env}", f"name={env}", *TINY, cwd=tmp_path)
        events = EventAccumulator(str(tmp_path / f"runs/pretrain/{env}/tb"))
        events.Reload()
        assert {tag, "eval/samples"} <= set(events.Tags()["images"])
    places = loaded("env=read_digit", "data.frames=300", "image_size=8", "data.label=to_part")
    assert not places.classes and places.labels.shape == (300, 3)


def test_places_out_of_view_are_neither_learned_nor_judged():
    """Track's pictures are labelled with the places of what they show."""
    data = loaded("env=track", "data.frames=600", "image_size=8")
    known = ~np.isnan(data.labels)
    assert data.points == 4 and data.labels.shape == (600, 8) and 0.1 < known.mean() < 0.9
    np.testing.assert_array_equal(known[:, ::2], known[:, 1::2])
    off = np.tile(np.float32([0.003, 0.004]), 4)
    assert score((data.labels + off)[data.test], data) == pytest.approx(0.005, rel=1e-3)
    reader = Reader(ImageEncoder(data.boxes, "keypoints"), 8)
    labels = torch.from_numpy(data.labels)
    output = (torch.nan_to_num(labels, 5.0) + torch.from_numpy(off)).requires_grad_()
    loss = loss_of(reader, output, labels, data)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * 0.005**2, rel=1e-3)
    np.testing.assert_array_equal(output.grad.numpy() != 0.0, known)


@pytest.mark.parametrize("spoil", ["half", "empty"])
def test_incomplete_sets_are_refused(images, spoil, tmp_path):
    folder = images(count=1 if spoil == "empty" else 100)
    if spoil == "half":
        images(part="train")
        (folder / "train-labels-idx1-ubyte.gz").unlink()
    done = run("robodl.pretrain", "data=mnist", f"data.root={folder}", cwd=tmp_path, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert ("only one of" if spoil == "half" else "to test on") in done.stderr


@pytest.mark.parametrize("spoil", ["cut", "magic", "count", "gzip"])
def test_damaged_sets_are_refused(images, spoil, tmp_path):
    path = images(packed=spoil == "gzip") / f"t10k-labels-idx1-ubyte{'.gz' if spoil == 'gzip' else ''}"
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
