"""Ablations of a policy's motion and of its images: what each is worth."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from robodl_envs import Policy

MOTIONS = ("own", "still", "random")
SIGHTS = ("own", "noise")
HOLD_STEPS = 6  # that random motion keeps its direction


def random_motion(shape: tuple[int, ...], seed: int) -> Iterator[np.ndarray]:
    """Yield actions of many arms, in [-1, 1], of this shape, (N, size): random directions, each kept for some steps."""
    rng = np.random.default_rng(seed)
    while True:
        action = rng.uniform(-1.0, 1.0, shape)
        for _ in range(HOLD_STEPS):
            yield action


def replace_motion(policy: "Policy", size: int, motion: str, seed: int) -> "Policy":
    """Keep a policy's outputs for the task, and move the arm as `motion` says.

    Args:
        size: numbers of an action that move the arm.
        motion: "own", as the policy does; "still", not at all; or "random".
    """
    if motion == "own":
        return policy
    motions: list[Iterator[np.ndarray]] = []

    def replaced(observation: dict[str, np.ndarray]) -> np.ndarray:
        action = np.array(policy(observation))
        if motion == "random" and not motions:
            motions.append(random_motion((len(action), size), seed))
        action[:, :size] = next(motions[0]) if motions else 0.0
        return action

    return replaced


def replace_images(policy: "Policy", sight: str, seed: int) -> "Policy":
    """Give a policy its "own" images, or "noise": uniform in each image's range, new in each step."""
    from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES, image_modality

    if sight == "own":
        return policy
    rng = np.random.default_rng(seed)

    def noise(name: str, image: np.ndarray) -> np.ndarray:
        high = {"depth": MAX_DEPTH, "segmentation": len(SEGMENTATION_CLASSES)}.get(image_modality(name)[1], 256)
        return (high * rng.random(image.shape)).astype(image.dtype)

    return lambda observation: policy(
        {name: noise(name, value) if value.ndim == 4 else value for name, value in observation.items()}
    )
