"""ReadDigit: bring the wrist's camera before a plate and say which digit is written on it."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.component import Field
from robodl_envs.perception.classification import ClassificationHead
from robodl_envs.perception.hand_camera import HandCamera
from robodl_envs.perception.handwriting import PIECES, write
from robodl_envs.perception.part import Part, plate
from robodl_envs.scene import NO_CONTACT
from robodl_envs.tasks.task import Task

# How difficult it is: fixed before anything was tuned.
LOW, HIGH = (0.45, -0.14, 0.06), (0.64, 0.14, 0.12)  # m, where a plate's middle is, world frame
FACING, SPIN = 2.2, 0.35  # rad, how far from the arm's base it may face, and how far a digit is turned
HALF, THIN = 0.05, 0.004  # m, half sizes of the plate
SIZE = 0.036  # m, half the height of a digit
PEN = (0.0025, 0.0045)  # m, radius of the pen
PAPER, INK = (0.55, 1.0), (0.0, 0.3)  # how much red, green and blue they have
DIGITS = tuple("0123456789")


@dataclass(eq=False)
class ReadDigit(Task):
    """Read the handwritten digit on a plate: bring the wrist's camera before it, say which it is, and that it is final.

    An episode starts with the plate in some place in front of the arm, leaning so that the camera sees it aslant, and
    lit from somewhere. Whatever is said later, the final answer counts. A goal is the answer: the probabilities of the
    ten digits and whether it is final, (N, 11).
    """

    cameras = ("wrist",)
    chance = 1.0 / len(DIGITS)
    label = "digit"
    rotation = True
    size = len(DIGITS) + 1

    least_tilt: float = 0.6  # rad, the least that a plate leans
    most_tilt: float = 1.2  # rad, the most

    def __post_init__(self):
        if not 0.0 <= self.least_tilt <= self.most_tilt <= 1.5:
            raise ValueError(
                f"least_tilt and most_tilt must be from 0 to 1.5 rad, in this order, got {self.least_tilt} rad "
                f"and {self.most_tilt} rad"
            )
        self.part = Part(LOW, HIGH, (self.least_tilt, self.most_tilt), FACING, SPIN)
        self.answer = ClassificationHead(DIGITS)

    @property
    def parts(self):
        return (self.part, self.answer, self.eye)

    def build(self, spec):
        self.eye = HandCamera(self.robot)
        super().build(spec)
        plate(self.part.body, (HALF, HALF, THIN), "plate")
        for k in range(PIECES):
            # Aslant: of geoms that lie as their body does, MuJoCo would not look at a row's own places.
            self.part.body.add_geom(
                name=f"stroke{k}",
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                pos=[0.001 * (k + 1), 0.0, THIN],
                quat=[math.cos(0.5), 0.0, math.sin(0.5), 0.0],
                size=[PEN[0], 0.01, 0.0],
                **NO_CONTACT,
            )

    def bind(self, sim):
        super().bind(sim)
        self.digit = np.zeros((sim.num, len(DIGITS)))  # (N, 10), 1 for the one that is written
        self.plate = int(sim.model.geom("plate").id)
        first = int(sim.model.geom("stroke0").id)
        self.strokes = slice(first, first + PIECES)
        self.geom_pos, self.geom_quat = sim.expand("geom_pos"), sim.expand("geom_quat")
        self.geom_size, self.color = sim.expand("geom_size"), sim.expand("geom_rgba")

    saved = ("digit",)

    def reset(self, ids, rng):
        super().reset(ids, rng)
        digits = rng.integers(ids, len(DIGITS))
        self.digit[ids] = digits[:, None] == np.arange(len(DIGITS))
        ends = SIZE * write(digits, ids, rng)  # (n, PIECES, 2, 2): m, to the right and upwards
        # Upwards is the part's x axis, to the right its -y: so the camera sees it, whose x axis is upwards too.
        middle, way = ends.mean(axis=2), ends[:, :, 1] - ends[:, :, 0]
        length = np.maximum(np.sqrt((way**2).sum(axis=2)), 1e-6)
        along = way / length[..., None]
        level = np.full_like(length, THIN)
        self.geom_pos[ids, self.strokes] = np.stack([middle[..., 1], -middle[..., 0], level], axis=2)
        half = math.sqrt(0.5)  # of a capsule, whose axis is z, a quarter turn lays it into the plate
        turn = [np.full_like(length, half), half * along[..., 0], half * along[..., 1], np.zeros_like(length)]
        self.geom_quat[ids, self.strokes] = np.stack(turn, axis=2)
        self.geom_size[ids, self.strokes, 0] = rng.uniform(ids, *PEN)[:, None]
        self.geom_size[ids, self.strokes, 1] = 0.5 * length
        self.color[ids, self.plate, :3] = rng.uniform(ids, [PAPER[0]] * 3, PAPER[1])
        self.color[ids, self.strokes, :3] = rng.uniform(ids, [INK[0]] * 3, INK[1])[:, None]

    def act(self, action):
        self.answer.act(action)

    def action_parts(self):
        return self.answer.action_parts()

    def choices(self):
        return [slice(0, len(DIGITS))]

    def classes(self, label):
        return DIGITS if label == "digit" else ()

    def feel(self):
        return [self.eye.turn(), self.answer.final[:, None] * 1.0]

    def feel_fields(self):
        return [self.eye.field(), Field("final", "1", [0.0], [1.0], "1 once the answer is final")]

    def observe(self):
        return [*self.part.observe(self.robot.tool), self.digit]

    def fields(self):
        one = [0.0] * len(DIGITS), [1.0] * len(DIGITS)
        return [*self.part.fields(), Field("digit", "1", *one, "1 for the digit that is written")]

    def goal_fields(self):
        one = [0.0] * len(DIGITS), [1.0] * len(DIGITS)
        return [
            Field("answer", "1", *one, "the probability of each digit"),
            Field("is_final", "1", [0.0], [1.0], "1 for a final answer"),
        ]

    def achieved_goal(self):
        return np.concatenate([self.answer.shares, self.answer.final[:, None]], axis=1)

    def desired_goal(self):
        return np.concatenate([self.digit, np.ones((len(self.digit), 1))], axis=1)

    def reward(self, achieved, desired):
        """Minus the probability of the nine wrong digits, and minus 1/2 while the answer is not final."""
        return -0.5 * abs(achieved - desired).sum(-1)

    def success(self, achieved, desired):
        """The answer is final, and the digit that is written has more than half of the probability."""
        return (achieved[..., -1] == desired[..., -1]) & (self.distance(achieved, desired) < 0.5)

    def distance(self, achieved, desired):
        """The probability of the wrong digits."""
        return 0.5 * abs(achieved[..., :-1] - desired[..., :-1]).sum(-1)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)

    def metrics(self):
        right = (self.answer.shares * self.digit).sum(axis=1) > 0.5
        return {"is_right": right, "is_final": self.answer.final.copy(), "steps_used": self.answer.steps.copy()}

    def caption(self, row):
        shares = self.answer.shares[row]
        said = f"{DIGITS[shares.argmax()]}: {shares.max():.0%}"
        return f"{said}, final, written: {DIGITS[self.digit[row].argmax()]}" if self.answer.final[row] else said

    def summary(self, last):
        """`accuracy`, the share of right answers, final or not; `final`, that of final ones; `steps_used` till then."""
        return {
            "accuracy": float(last["is_right"].mean()),
            "final": float(last["is_final"].mean()),
            "steps_used": float(last["steps_used"].mean()),
        }
