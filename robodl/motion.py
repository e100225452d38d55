"""Other ways to move an arm while a policy says what it sees: what its own way is worth."""

import numpy as np

from robodl_envs import Policy

MOTIONS = ("own", "still", "random")
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
