"""Classification: scores of classes and a commitment, as a part of the action."""

from collections.abc import Sequence

from robodl_envs.arrays import Array, namespace
from robodl_envs.component import Component
from robodl_envs.perception.perception_task import Output

SHARPNESS = 8.0  # of scores from -1 to 1: the best class may be exp(16) times as probable as the worst


class ClassificationHead(Component):
    """The classification of each row: a score for each class, then one number that commits to it.

    Probabilities are a softmax of the scores times SHARPNESS. The first step in which the last number is positive
    commits: later scores change nothing.
    """

    saved = ("probabilities", "is_committed", "steps")

    def __init__(self, classes: Sequence[str]):
        self.classes = tuple(classes)

    def bind(self, sim):
        self.probabilities = sim.zeros(len(self.classes)) + 1.0 / len(self.classes)  # (N, K)
        self.is_committed = sim.zeros(dtype="bool")
        self.steps = sim.zeros(dtype="int64")  # until the commitment

    def reset(self, ids, rng):
        self.probabilities[ids] = 1.0 / len(self.classes)
        self.is_committed[ids], self.steps[ids] = False, 0

    def act(self, answer: Array) -> None:
        """Take scores and commitments, (N, K + 1) in [-1, 1]."""
        xp = namespace(answer)
        weights = xp.exp(SHARPNESS * answer[:, :-1])
        free = ~self.is_committed
        self.steps += free
        self.probabilities[free] = (weights / weights.sum(axis=1, keepdims=True))[free]
        self.is_committed |= answer[:, -1] > 0.0

    def outputs(self) -> list[Output]:
        """The head's parts of the action."""
        scores = f"scores a class most: {', '.join(self.classes)}"
        softmax = f"probabilities are a softmax of {SHARPNESS:g} times these"
        return [
            Output("scores", len(self.classes), "logits", f"{scores}; {softmax}"),
            Output("commit", 1, "continuous", "commits to the answer, as any number above 0 does"),
        ]
