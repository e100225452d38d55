"""Perception tasks: a part of the action is an answer instead of a motion."""

from dataclasses import dataclass
from typing import Literal

from robodl_envs.arrays import Array
from robodl_envs.tasks.task import Task


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

    The last numbers of an action are the answer, as `outputs` lists them. Goals are the answer and the truth, so that
    reward and success are pure functions of goals here too.
    """

    cameras = ("wrist",)

    def outputs(self) -> list[Output]:
        """Parts of the answer, in the order of the action's numbers."""
        raise NotImplementedError

    def act(self, answer: Array) -> None:
        """Take the answers, (N, size) in [-1, 1]; called in each step before the simulation moves."""
        raise NotImplementedError

    def keypoint_labels(self) -> dict[str, Array]:
        """Positions in images for supervised learning: {name: (N, p, d) m}, NaN where out of view."""
        return {}

    @property
    def output_size(self) -> int:
        """Numbers of the action that are the answer."""
        return sum(output.size for output in self.outputs())
