"""ReadDigit: bring the wrist's camera before a plate and say which digit is written on it."""

from dataclasses import dataclass

from robodl_envs.arrays import Array, array, concat
from robodl_envs.component import Constant
from robodl_envs.perception.digit_plate import DIGITS, DigitPlate
from robodl_envs.perception.hand_camera import HandCamera
from robodl_envs.perception.part import Part
from robodl_envs.perception.perception_task import ClassificationHead, PerceptionTask, share

# The difficulty, with the sizes of `digit_plate`: fixed before anything was tuned.
LOW, HIGH = (0.45, -0.14, 0.06), (0.64, 0.14, 0.12)  # m, corners of the plate's position, world frame
FACING, SPIN = 2.2, 0.35  # rad, how far from the arm's base it may face, and how far a digit is rotated


@dataclass(eq=False)
class ReadDigit(PerceptionTask):
    """Read the handwritten digit on a plate: bring the wrist's camera before it, say which it is, and commit.

    An episode starts with the plate at some position in front of the arm, leaning so that the camera sees it aslant,
    and lit from some direction. Whatever is said later, the committed answer counts. A goal is the answer: the
    probabilities of the ten digits and whether it is committed, (N, 11).
    """

    rotation = True
    metrics = ("is_right", "head.is_final", "head.steps_used")

    least_tilt: float = 0.6  # rad, the least that a plate leans
    most_tilt: float = 1.2  # rad, the most

    def __post_init__(self):
        if not 0.0 <= self.least_tilt <= self.most_tilt <= 1.5:
            raise ValueError(
                f"least_tilt and most_tilt must be from 0 to 1.5 rad, in this order, got {self.least_tilt} rad "
                f"and {self.most_tilt} rad"
            )
        self.part = Part(LOW, HIGH, (self.least_tilt, self.most_tilt), FACING, SPIN)
        self.head, self.plate = ClassificationHead(DIGITS), DigitPlate(self.part)

    @property
    def parts(self):
        return (self.part, self.head, self.camera, self.plate)

    def build(self, spec):
        self.camera = HandCamera(self.robot, self.image_aspect)
        super().build(spec)

    def observables(self):
        committed = "1 once the answer is committed"
        return [
            *self.camera.observables(),
            share("is_committed", 1, committed, self.commitment, proprioceptive=True),
            *self.part.observables_from(self.robot),
            share("digit", len(DIGITS), "1 for the written digit", lambda: self.plate.digit),
        ]

    def goal_observables(self):
        committed = Constant((0,), "every answer is to be committed")
        return [
            share("answer", len(DIGITS), "the probability of each digit"),
            share("is_committed", 1, "1 for a committed answer", constants=(committed,)),
        ]

    def achieved_goal(self):
        return concat([self.head.probabilities, self.commitment()])

    def commitment(self) -> Array:
        """1 for a committed answer, else 0: (N, 1)."""
        return array(self.head.is_final[:, None], self.head.probabilities)

    def desired_goal(self):
        return concat([self.plate.digit, 0.0 * self.plate.digit[:, :1] + 1.0])

    def reward(self, achieved, desired):
        """Minus the probability of the nine wrong digits, and minus 1/2 while the answer is not committed."""
        return -0.5 * abs(achieved - desired).sum(-1)

    def success(self, achieved, desired):
        """The answer is committed, and the written digit has more than half of the probability."""
        wrong = 0.5 * abs(achieved[..., :-1] - desired[..., :-1]).sum(-1)  # probability of the wrong digits
        return (achieved[..., -1] == desired[..., -1]) & (wrong < 0.5)

    @property
    def is_right(self) -> Array:
        """Rows, (N,) bool, in which the written digit has more than half of the probability."""
        return (self.head.probabilities * self.plate.digit).sum(axis=1) > 0.5
