"""Perception tasks: a part of the action is an answer instead of a motion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from robodl_envs.arrays import Array
from robodl_envs.component import Observable
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

    The last numbers of an action are the answer, as `outputs` lists them; by default the task's part `head` takes
    them. Goals are the answer and the truth, so that reward and success are pure functions of goals here too.
    """

    cameras = ("wrist",)
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
    name: str, size: int, meaning: str, read: Callable[[], Array] | None = None, proprioceptive: bool = False
) -> Observable:
    """Observable of numbers from 0 to 1, such as probabilities, (N, size)."""
    return Observable(name, "1", [0.0] * size, [1.0] * size, meaning, read, proprioceptive)
