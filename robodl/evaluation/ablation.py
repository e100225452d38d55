"""A policy that moves another way, or sees nothing but noise: what its own way, and its sight, are worth."""

import numpy as np

from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES, Policy, image_modality

MOTIONS = ("own", "still", "random")
SIGHTS = ("own", "noise")
MOST_HOLD = 6  # steps that a wandering arm goes on in one direction


class Wandering:
    """Random directions for many arms, each held for some steps.

    Args:
        shape: of the actions, (N, size).
    """

    def __init__(self, shape: tuple[int, ...], seed: int):
        self.shape, self.rng, self.step = shape, np.random.default_rng(seed), 0

    def __call__(self) -> np.ndarray:
        """The next actions, in [-1, 1]."""
        if self.step % MOST_HOLD == 0:
            self.action = self.rng.uniform(-1.0, 1.0, self.shape)
        self.step += 1
        return self.action


def moving(policy: Policy, size: int, motion: str, seed: int) -> Policy:
    """A policy that says what another says, and moves the arm in its "own" way, not at all ("still"), or at "random".

    Args:
        size: numbers of an action that are the arm's.
    """
    if motion == "own":
        return policy
    wandering: list[Wandering] = []

    def moved(observation: dict[str, np.ndarray]) -> np.ndarray:
        action = np.array(policy(observation))
        if motion == "random" and not wandering:
            wandering.append(Wandering((len(action), size), seed))
        action[:, :size] = wandering[0]() if wandering else 0.0
        return action

    return moved


def seeing(policy: Policy, sight: str, seed: int) -> Policy:
    """A policy that sees its "own" pictures, or "noise" in their place: uniform in their range, new in each step."""
    if sight == "own":
        return policy
    rng = np.random.default_rng(seed)

    def noise(name: str, picture: np.ndarray) -> np.ndarray:
        most = {"depth": MAX_DEPTH, "segmentation": len(SEGMENTATION_CLASSES)}.get(image_modality(name)[1], 256)
        return (most * rng.random(picture.shape)).astype(picture.dtype)

    return lambda observation: policy(
        {name: noise(name, value) if value.ndim == 4 else value for name, value in observation.items()}
    )
