"""Labelled images by the name in `data.name`: from files, or rendered, with labels from the simulator's state."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from omegaconf import DictConfig

from robodl.evaluation.ablation import HOLD_STEPS
from robodl.vec_env import channels_first, channels_first_space, image_boxes, make_envs
from robodl.vision.labelled_images import TEST_SHARE, LabelledImages, read_idx_folder, sklearn_digits
from robodl.vision.task_labels import class_names, default_label, image_labels
from robodl_envs import did_you_mean, make_policy

SETTINGS = {"sim": ("label", "frames", "motion"), "mnist": ("root",), "digits": ()}  # of each source
MAX_ROWS = 256  # rendered at once
# By data.motion, how arms come to where frames are rendered: steps of an episode, and steps between two frames.
MOTIONS = {"random": (10, 2), "still": (1, 1), "expert": (20, 1)}
NOISE_STD = 0.3  # of what is added to an expert's actions


def load_images(cfg: DictConfig, progress: Callable[[int], object] = int) -> LabelledImages:
    """Load or render the images of a configuration.

    Args:
        progress: called now and then with the number of rendered frames.

    Raises:
        ValueError: the settings are wrong, or the files are missing or damaged.
    """
    source = checked_source(cfg)
    if source == "mnist":
        return read_idx_folder(cfg.data.get("root"))
    if source == "digits":
        return sklearn_digits()
    return render_images(cfg, progress)


def checked_source(cfg: DictConfig) -> str:
    """The name of the source; ValueError if a setting is not of that source."""
    source = str(cfg.data.name)
    for key in set(cfg.data) - {"name", *SETTINGS[source]}:
        raise ValueError(f"data={source} has no setting named {key!r}{did_you_mean(str(key), SETTINGS[source])}")
    return source


def render_images(cfg: DictConfig, progress: Callable[[int], object]) -> LabelledImages:
    """Render `data.frames` frames of arms that move at random, stand still or follow the expert."""
    total, motion = int(cfg.data["frames"]), str(cfg.data["motion"])
    episode_steps, frame_every = MOTIONS[motion]
    # Arms that stand still show a new episode in every frame.
    mode = "SameStep" if motion == "still" else "NextStep"
    envs = make_envs(cfg, min(MAX_ROWS, total), autoreset_mode=mode, max_episode_steps=episode_steps)
    inner: Any = envs.unwrapped
    label = cfg.data["label"] or default_label(inner.task)
    next_action = motion_actions(motion, envs, cfg.seed)
    envs.reset(seed=cfg.seed)
    boxes = image_boxes(channels_first_space(envs.single_observation_space))
    images: dict[str, list[np.ndarray]] = {name: [] for name in boxes}
    labels: list[np.ndarray] = []
    step = 0
    while len(labels) * envs.num_envs < total:
        observation, *_ = envs.step(next_action())
        step += 1
        if step % frame_every == 0:
            observation = channels_first(observation)
            for name in images:
                images[name].append(observation[name])
            labels.append(image_labels(inner)[label])
            progress(len(labels) * envs.num_envs)
    names = class_names(inner.task, label)
    envs.close()
    numbers = np.concatenate(labels)[:total].astype(np.float32)
    num_keypoints = numbers.shape[1] if numbers.ndim == 3 else 1
    numbers = numbers.reshape(total, -1)
    # Whole rows are for testing: frames of one episode look alike and have one goal.
    is_test = np.arange(total) % envs.num_envs >= round(envs.num_envs * (1.0 - TEST_SHARE))
    return LabelledImages(
        images={name: np.concatenate(parts)[:total] for name, parts in images.items()},
        labels=numbers.argmax(axis=1) if names else numbers,
        is_test=is_test,
        boxes=boxes,
        class_names=names,
        num_keypoints=num_keypoints,
    )


def motion_actions(motion: str, envs, seed: int) -> Callable[[], np.ndarray]:
    """A function that returns the next actions of all rows."""
    shape, inner = envs.action_space.shape, envs.unwrapped
    if motion == "still":
        return lambda: np.zeros(shape)
    if motion == "random":
        return random_motion(shape, seed).__next__
    expert, rng = make_policy("expert", envs), np.random.default_rng(seed)
    return lambda: np.clip(expert(inner.state_observation()) + NOISE_STD * rng.standard_normal(shape), -1.0, 1.0)


def random_motion(shape: tuple[int, ...], seed: int) -> Iterator[np.ndarray]:
    """Yield actions of many arms, in [-1, 1], of this shape, (N, size): random directions, each kept for some steps."""
    rng = np.random.default_rng(seed)
    while True:
        action = rng.uniform(-1.0, 1.0, shape)
        for _ in range(HOLD_STEPS):
            yield action
