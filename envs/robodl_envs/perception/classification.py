"""What a policy says of what it sees: scores of classes, and that it is sure."""

from collections.abc import Sequence

import numpy as np

from robodl_envs.arrays import Array
from robodl_envs.component import Component

SHARPNESS = 8.0  # of scores from -1 to 1: the best class may have exp(16) times the share of the worst


class ClassificationHead(Component):
    """The answer of each row, from a share of the action: a score for each class, then one number.

    Shares of probability are those of a softmax of the scores times SHARPNESS. The first step in which the last number
    is positive makes the answer final: what is said later changes nothing.
    """

    saved = ("shares", "final", "steps")

    def __init__(self, classes: Sequence[str]):
        self.classes = tuple(classes)
        self.size = len(self.classes) + 1

    def bind(self, sim):
        self.shares = np.full((sim.num, len(self.classes)), 1.0 / len(self.classes))  # (N, K)
        self.final = np.zeros(sim.num, bool)
        self.steps = np.zeros(sim.num, np.int64)  # until the answer was final

    def reset(self, ids, rng):
        self.shares[ids] = 1.0 / len(self.classes)
        self.final[ids], self.steps[ids] = False, 0

    def act(self, action: Array) -> None:
        """Take what is said, (N, size) in [-1, 1]."""
        weights = np.exp(SHARPNESS * action[:, :-1])
        free = ~self.final
        self.steps += free
        self.shares[free] = (weights / weights.sum(axis=1, keepdims=True))[free]
        self.final |= action[:, -1] > 0.0

    def action_parts(self) -> list[tuple[int, str]]:
        """For the documentation of an action."""
        scores = f"scores a class most: {', '.join(self.classes)}"
        return [
            (len(self.classes), f"{scores}; probabilities are a softmax of {SHARPNESS:g} times these"),
            (1, "makes the answer final, as any number above 0 does"),
        ]
