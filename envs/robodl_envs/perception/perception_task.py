"""Perception tasks: a part of the action is an answer instead of a motion, which a head of the task takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from robodl_envs.arrays import Array, namespace
from robodl_envs.component import Component, Constant, Observable
from robodl_envs.tasks.task import Task

SHARPNESS = 8.0  # of scores from -1 to 1: the best class may be exp(16) times as probable as the worst


@dataclass(frozen=True)
class Output:
    """A part of the action that is the policy's answer.

    Args:
        name: of the part.
        size: numbers of it.
        kind: "logits" are scores of classes, for a softmax; "binary" is one logit; "continuous" are quantities.
        meaning: what an action of 1 does, in words that go on "an action of 1 ...".
    """

    name: str
    size: int
    kind: Literal["logits", "binary", "continuous"]
    meaning: str


class PerceptionTask(Task):
    """A task in which an arm moves a camera and the policy answers a question about what it sees.

    The last numbers of an action are the answer, as `outputs` lists them; by default the task's part `head` takes
    them. Goals are the answer and the truth, so that reward and success are pure functions of goals here too.
    """

    cameras = ("wrist",)
    image_aspect: float = 1.0  # width of images by their height, set by the engine before `build`
    head: Any  # a part with `outputs` and `act`, of tasks that do not define these themselves

    def outputs(self) -> list[Output]:
        """Parts of the answer, in the order of the action's numbers."""
        return self.head.outputs()

    def act(self, answer: Array) -> None:
        """Take the answers, (N, size) in [-1, 1]; called in each step before the simulation moves."""
        self.head.act(answer)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)

    def keypoint_labels(self) -> dict[str, Array]:
        """Positions in images for supervised learning: {name: (N, p, d) m}, NaN where out of view."""
        return {}

    @property
    def output_size(self) -> int:
        """Numbers of the action that are the answer."""
        return sum(output.size for output in self.outputs())


def share(
    name: str,
    size: int,
    meaning: str,
    read: Callable[[], Array] | None = None,
    proprioceptive: bool = False,
    constants: tuple[Constant, ...] = (),
) -> Observable:
    """Observable of numbers from 0 to 1, such as probabilities, (N, size)."""
    return Observable(name, "1", [0.0] * size, [1.0] * size, meaning, read, proprioceptive, constants)


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
