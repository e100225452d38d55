"""Classification as a part of the action: of many classes, with a commitment, or of two, with evidence."""

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

    saved = ("probabilities", "is_final", "steps_used")

    def __init__(self, classes: Sequence[str]):
        self.classes = tuple(classes)

    def bind(self, sim):
        self.probabilities = sim.zeros(len(self.classes)) + 1.0 / len(self.classes)  # (N, K)
        self.is_final = sim.zeros(dtype="bool")  # whether the row has committed
        self.steps_used = sim.zeros(dtype="int64")  # until the commitment

    def reset(self, ids, rng):
        self.probabilities[ids] = 1.0 / len(self.classes)
        self.is_final[ids], self.steps_used[ids] = False, 0

    def act(self, answer: Array) -> None:
        """Take scores and commitments, (N, K + 1) in [-1, 1]."""
        weights, free = namespace(answer).exp(SHARPNESS * answer[:, :-1]), ~self.is_final
        self.steps_used += free
        self.probabilities[free] = (weights / weights.sum(axis=1, keepdims=True))[free]
        self.is_final |= answer[:, -1] > 0.0

    def outputs(self) -> list[Output]:
        """The head's parts of the action."""
        scores = f"scores a class most: {', '.join(self.classes)}"
        softmax = f"probabilities are a softmax of {SHARPNESS:g} times these"
        return [
            Output("scores", len(self.classes), "logits", f"{scores}; {softmax}"),
            Output("commit", 1, "continuous", "commits to the answer, as any number above 0 does"),
        ]


class EvidenceHead(Component):
    """The evidence of each row for a claim: the highest mean of three successive probabilities of the episode."""

    saved = ("probabilities", "evidence")

    def __init__(self, name: str, claim: str):
        self.name, self.claim = name, claim

    def bind(self, sim):
        self.probabilities = sim.zeros(3)  # (N, 3), of the last steps
        self.evidence = sim.zeros()

    def reset(self, ids, rng):
        self.probabilities[ids] = self.evidence[ids] = 0.0

    def act(self, answer: Array) -> None:
        """Take logits, (N, 1) in [-1, 1] before they are multiplied by SHARPNESS."""
        xp = namespace(answer)
        now = 1.0 / (1.0 + xp.exp(-SHARPNESS * answer))
        self.probabilities = xp.concatenate([self.probabilities[:, 1:], now], axis=1)
        self.evidence = xp.maximum(self.evidence, self.probabilities.sum(axis=1) / 3)

    def outputs(self) -> list[Output]:
        """The head's part of the action."""
        logistic = f"the probability is a logistic function of {SHARPNESS:g} times this"
        return [Output(self.name, 1, "binary", f"says that {self.claim}; {logistic}")]
