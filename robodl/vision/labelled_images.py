"""Labelled pictures: frames that the simulator renders, image sets in IDX files, and scikit-learn's digits.

Pictures are {name: (n, channels, height, width)} and labels (n,) integers, for classes, or (n, k) numbers.
"""

import gzip
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig

from robodl.evaluation.ablation import RandomMotion
from robodl.learning.vec_env import channels_first, channels_first_space, make_envs, pictures_of
from robodl_envs import did_you_mean, make_policy

KEYS = {"sim": ("label", "frames", "motion"), "mnist": ("root",), "digits": ()}  # each set's settings
HELD_BACK = 0.2  # share of a set without a test part of its own
SPLIT_SEED = 0  # of the pictures held back, the same in every run
ROWS = 256  # arms that make frames
# By data.motion, how arms come to where frames are made: steps of an episode, steps between two frames.
MOTIONS = {"random": (10, 2), "still": (1, 1), "expert": (20, 1)}
NOISE = 0.3  # standard deviation of what is added to an expert's actions


@dataclass(frozen=True)
class Dataset:
    """Pictures with labels, some of them for testing alone.

    classes: the labels' names where they are classes, else none.
    unit: of labels that are numbers, for reports. Numbers that are NaN are unknown: not learned, and not judged.
    points: how many places labels that are numbers speak of.
    """

    pictures: dict[str, np.ndarray]
    labels: np.ndarray
    test: np.ndarray  # (n,) bool
    boxes: dict[str, spaces.Box]
    classes: tuple[str, ...] = ()
    unit: str = ""
    points: int = 1

    def __len__(self) -> int:
        return len(self.labels)


def load(cfg: DictConfig, progress: Callable[[int], object] = int) -> Dataset:
    """The dataset that cfg.data names; ValueError in one line if it is damaged or missing."""
    kind = checked_kind(cfg)
    if kind == "mnist":
        return idx_folder(cfg.data.get("root"))
    if kind == "digits":
        return digits()
    return simulated(cfg, progress)


def checked_kind(cfg: DictConfig) -> str:
    """The kind of dataset, once its settings are known to be its own: ValueError otherwise."""
    kind = cfg.data.get("name")
    if kind not in KEYS:
        raise ValueError(f"data.name must be one of {', '.join(KEYS)}, got {kind!r}")
    for key in set(cfg.data) - {"name", *KEYS[kind]}:
        raise ValueError(f"data={kind} has no setting named {key!r}{did_you_mean(str(key), KEYS[kind])}")
    return str(kind)


def simulated(cfg: DictConfig, progress: Callable[[int], object]) -> Dataset:
    """Frames of arms that wander, stand still or do their task, and what the simulator knows of them."""
    total, motion = int(cfg.data["frames"]), str(cfg.data["motion"])
    episode, every = MOTIONS[motion]
    # Arms that stand still show a fresh episode in every frame.
    mode = "SameStep" if motion == "still" else "NextStep"
    envs = make_envs(cfg, min(ROWS, total), autoreset_mode=mode, max_episode_steps=episode)
    inner: Any = envs.unwrapped
    batch = inner.batch
    label = cfg.data["label"] or batch.task.label
    act = actions(motion, envs, cfg.seed)
    observation, _ = envs.reset(seed=cfg.seed)
    boxes = pictures_of(channels_first_space(envs.single_observation_space))
    made: dict[str, list[np.ndarray]] = {name: [] for name in boxes}
    labels: list[np.ndarray] = []
    count = step = 0
    while count < total:
        observation, *_ = envs.step(act())
        step += 1
        if step % every == 0:
            seen = channels_first(observation)
            for name in made:
                made[name].append(seen[name])
            labels.append(labelled(batch)[label])
            count += envs.num_envs
            progress(count)
    envs.close()
    joined = {name: np.concatenate(parts)[:total] for name, parts in made.items()}
    numbers, classes = np.concatenate(labels)[:total].astype(np.float32), batch.task.classes(label)
    points = numbers.shape[1] if numbers.ndim == 3 else 1
    numbers = numbers.reshape(total, -1)
    # Whole arms are held back: frames of one episode look alike and have one goal.
    num = envs.num_envs
    test = np.arange(total) % num >= round(num * (1.0 - HELD_BACK))
    return Dataset(joined, numbers.argmax(axis=1) if classes else numbers, test, boxes, classes, "m", points)


def labelled(batch) -> dict[str, np.ndarray]:
    """All that pictures of a BatchEnv can be labelled with, by name: (N, k), or (N, p, d) where they are points."""
    state = batch.state_observation()
    fields = {name: state["observation"][:, columns] for name, columns in batch.state_columns().items()}
    return {**state, **fields, **batch.task.points()}


def actions(motion: str, envs, seed: int) -> Callable[[], np.ndarray]:
    """What makes the next actions of all arms."""
    shape, batch = envs.action_space.shape, envs.unwrapped.batch
    if motion == "still":
        return lambda: np.zeros(shape)
    if motion == "random":
        return RandomMotion(shape, seed)
    expert, rng = make_policy("expert", envs), np.random.default_rng(seed)
    return lambda: np.clip(expert(batch.state_observation()) + NOISE * rng.standard_normal(shape), -1.0, 1.0)


def idx_folder(root: str | None) -> Dataset:
    """An image set: its own test part if it has one ("t10k"), else a random fifth is held back, the same every time."""
    if root is None:
        raise ValueError("data=mnist needs data.root=<folder with IDX files>")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise ValueError(f"data.root must be a folder with IDX files; there is no folder {root}")
    parts = {}
    for part in ("train", "t10k"):
        images, labels = (idx_file(folder, f"{part}-{name}-ubyte") for name in ("images-idx3", "labels-idx1"))
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            raise ValueError(f"{folder} has only one of {part}-images-idx3-ubyte and {part}-labels-idx1-ubyte")
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(f"{folder}: {part} has images of shape {images.shape} and labels of shape {labels.shape}")
        parts[part] = images[:, None], labels.astype(np.int64)
    if not parts:
        raise ValueError(
            f"{folder} has no IDX files such as t10k-images-idx3-ubyte.gz with its t10k-labels-idx1-ubyte.gz"
        )
    if len({part[0].shape[1:] for part in parts.values()}) > 1:
        raise ValueError(f"{folder}: train and t10k have pictures of different sizes")
    pictures, labels = (np.concatenate([part[i] for part in parts.values()]) for i in range(2))
    test = np.concatenate([np.full(len(part[1]), name == "t10k") for name, part in parts.items()])
    return classified(pictures, labels, held_back(len(labels)) if len(parts) == 1 else test)


def idx_file(folder: Path, name: str) -> np.ndarray | None:
    """The array in an IDX file of bytes, gzipped or not; None if there is no such file.

    Raises:
        ValueError: it is damaged, or holds something else.
    """
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if path is None:
        return None
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from None
    # Two zero bytes, 8 for unsigned bytes, the number of axes, and the length of each as a big-endian integer.
    axes = content[3] if len(content) > 3 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= axes <= 3 or len(content) < 4 + 4 * axes:
        raise ValueError(f"{path} is damaged: it does not begin as an IDX file of bytes does")
    shape = tuple(int.from_bytes(content[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes))
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    if values.size != math.prod(shape):
        raise ValueError(f"{path} is damaged: it announces {shape} bytes and holds {values.size}")
    return values.reshape(shape)


def digits() -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError("data=digits needs scikit-learn: pip install 'robodl[digits]'") from None
    found = load_digits()
    pictures = np.round(found.images[:, None] * (255.0 / 16.0)).astype(np.uint8)
    return classified(pictures, found.target.astype(np.int64), held_back(len(found.target)))


def classified(pictures: np.ndarray, labels: np.ndarray, test: np.ndarray) -> Dataset:
    if not test.any() or test.all():
        raise ValueError(f"an image set needs pictures to learn from and to test on, got {len(labels)} in all")
    box = spaces.Box(0, 255, pictures.shape[1:], np.uint8)
    names = tuple(str(k) for k in range(int(labels.max()) + 1))
    return Dataset({"image": pictures}, labels, test, {"image": box}, classes=names)


def held_back(count: int) -> np.ndarray:
    """Which of count pictures are for testing, (count,) bool."""
    test = np.zeros(count, bool)
    test[np.random.default_rng(SPLIT_SEED).permutation(count)[: round(HELD_BACK * count)]] = True
    return test
