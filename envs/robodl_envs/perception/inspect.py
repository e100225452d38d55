"""Inspect: look at a part from all sides that matter and say whether it is bad.

How difficult it is was fixed before anything was learnt: where parts lie, their light and their flaws, and that flaws
on two of three faces can't be seen from where the camera starts.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from robodl_envs.component import Field
from robodl_envs.perception.classification import SHARPNESS
from robodl_envs.perception.defects import FACES, HALF, KINDS, Defects
from robodl_envs.perception.hand_camera import HandCamera
from robodl_envs.perception.part import Part
from robodl_envs.scene import NO_CONTACT
from robodl_envs.tasks.task import Task

LOW, HIGH = (0.47, -0.06, 0.10), (0.57, 0.06, 0.10)  # m, where a part's middle is, on its stand
TILT, SPIN = 0.08, 0.3  # rad, how far it leans at most, and how far it is turned about its own axis
STAND = 0.03, 0.5 * (LOW[2] - HALF[2])  # m, half its width and half its height
ASLANT, NEAR = math.radians(55.0), 0.3  # rad and m: from farther away, or more aslant, a face is not viewed
ROUND = 48  # control steps that a look at all faces takes, about; then the clock stands still, and later is like then
SAID = 3  # steps over which what is said is averaged


@dataclass(eq=False)
class Inspect(Task):
    """Find out whether a part is bad: bring the wrist's camera before its faces and say how likely it is.

    A part is a block with pins on three faces: top, left and right. Scratches, dents and missing pins are bad; stains
    are harmless. The evidence against a part is the most that the mean of the last three said probabilities has been:
    one bad look at one face condemns it whatever the others show, one mistaken picture does not. The verdict is to
    reject what has more than `threshold`. A goal is the evidence, 0 for a good part and 1 for a bad one, and the share
    of its faces that were viewed: (N, 2). A verdict on a part whose faces were not all looked at counts for nothing.
    """

    cameras = ("wrist",)
    label = "kind"
    rotation = True
    size = 1

    threshold: float = 0.5  # of evidence; a part with more is rejected

    def __post_init__(self):
        if not 0.0 < self.threshold < 1.0:
            raise ValueError(f"threshold must be more than 0 and less than 1, got {self.threshold}")
        self.part = Part(LOW, HIGH, (0.0, TILT), math.pi, SPIN)
        self.flaws = Defects(self.part)

    @property
    def parts(self):
        return (self.part, self.flaws, self.eye)

    def build(self, spec):
        self.eye = HandCamera(self.robot)
        super().build(spec)
        self.part.body.add_geom(
            name="stand",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[0.0, 0.0, -HALF[2] - STAND[1]],
            size=[STAND[0], *STAND],
            rgba=[0.2, 0.2, 0.22, 1.0],
            **NO_CONTACT,
        )

    def bind(self, sim):
        super().bind(sim)
        self.said = np.zeros((sim.num, SAID))  # (N, 3), the last probabilities of being bad that were said
        self.evidence = np.zeros(sim.num)
        self.viewed = np.zeros((sim.num, len(FACES)), bool)
        self.steps = np.zeros(sim.num, np.int64)

    saved = ("said", "evidence", "viewed", "steps")

    def reset(self, ids, rng):
        super().reset(ids, rng)
        self.said[ids], self.evidence[ids] = 0.0, 0.0
        self.viewed[ids], self.steps[ids] = False, 0

    def act(self, action):
        self.said[:, :-1] = self.said[:, 1:]
        self.said[:, -1] = 1.0 / (1.0 + np.exp(-SHARPNESS * action[:, 0]))
        np.maximum(self.evidence, self.said.sum(axis=1) / SAID, out=self.evidence)

    def action_parts(self):
        return [(1, f"says that the part is bad; the probability is a logistic function of {SHARPNESS:g} times this")]

    def choices(self):
        return [slice(0, 1)]

    def classes(self, label):
        return KINDS if label == "kind" else ()

    def count(self, ids):
        self.steps[ids] += 1
        self.viewed[ids] |= self.in_view()[ids]

    def in_view(self):
        """Whether the camera sees each face's middle, near enough and not too much aslant: (N, 3) bool."""
        middles = self.flaws.middles()
        seen, way = self.eye.seen(middles), self.eye.pos[:, None] - middles
        away = np.sqrt((way**2).sum(axis=2))
        inside = (abs(seen[..., 0]) < 1.0) & (abs(seen[..., 1]) < 1.0) & (away < NEAR)
        return inside & ((way * self.flaws.normals()).sum(axis=2) > math.cos(ASLANT) * away)

    def feel(self):
        clock = np.minimum(self.steps / ROUND, 1.0)
        return [self.eye.turn(), clock[:, None]]

    def feel_fields(self):
        return [
            self.eye.field(),
            Field("clock", "1", [0.0], [1.0], f"the share of {ROUND} steps that is over"),
        ]

    def observe(self):
        return [*self.part.observe(self.robot.tool), *self.flaws.observe(), self.viewed * 1.0]

    def fields(self):
        none, every = [0.0] * len(FACES), [1.0] * len(FACES)
        viewed = Field("viewed", "1", none, every, f"1 for faces that were viewed: {', '.join(FACES)}")
        return [*self.part.fields(), *self.flaws.fields(), viewed]

    def goal_fields(self):
        return [
            Field("is_bad", "1", [0.0], [1.0], "the evidence that the part is bad, and whether it is"),
            Field("all_viewed", "1", [0.0], [1.0], "the share of its faces that were viewed"),
        ]

    def achieved_goal(self):
        return np.stack([self.evidence, self.viewed.sum(axis=1) / len(FACES)], axis=1)

    def desired_goal(self):
        return np.stack([self.flaws.is_bad * 1.0, np.ones(len(self.evidence))], axis=1)

    def reward(self, achieved, desired):
        """Minus how far the evidence is from the truth, and minus 1/2 times the share of faces not viewed."""
        wrong = abs(achieved - desired)
        return -(wrong[..., 0] + 0.5 * wrong[..., 1])

    def success(self, achieved, desired):
        """The verdict is right, and all faces were viewed."""
        right = (achieved[..., 0] > self.threshold) == (desired[..., 0] > self.threshold)
        return right & (achieved[..., 1] == desired[..., 1])

    def distance(self, achieved, desired):
        """How far the evidence is from the truth."""
        return abs(achieved - desired)[..., 0]

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)

    def metrics(self):
        return {
            "evidence": self.evidence.copy(),
            "is_bad": self.flaws.is_bad,
            "views": self.viewed.sum(axis=1),
            "kind": self.flaws.kind.argmax(axis=1),
        }

    def caption(self, row):
        verdict = "reject" if self.evidence[row] > self.threshold else "pass"
        kind = KINDS[self.flaws.kind[row].argmax()].replace("_", " ")
        where = f" on its {FACES[self.flaws.face[row].argmax()]}" if self.flaws.face[row].any() else ""
        return f"bad now: {self.said[row, -1]:.0%}, at most: {self.evidence[row]:.0%}: {verdict}; it is: {kind}{where}"

    def summary(self, last):
        """`auroc` of the evidence; `escape_rate`, the share of bad parts passed; `overkill`, that of good parts
        rejected; `escape_at_5`, the former with the threshold that rejects 5 % of the good parts; `threshold_at_5`,
        that threshold; `views`, how many faces were viewed.
        """
        evidence, bad = last["evidence"], last["is_bad"].astype(bool)
        strict = stricter(evidence[~bad], 0.05)
        return {
            "auroc": auroc(evidence, bad),
            "escape_rate": share(evidence[bad] <= self.threshold),
            "overkill": share(evidence[~bad] > self.threshold),
            "escape_at_5": share(evidence[bad] <= strict),
            "threshold_at_5": strict,
            "views": float(last["views"].mean()),
        }


def share(claims: np.ndarray) -> float:
    """How many of claims, (n,) bool, are true; NaN of none."""
    return float(claims.mean()) if len(claims) else math.nan


def stricter(scores: np.ndarray, most: float) -> float:
    """The least threshold that at most a share of scores, (n,), is above; 1 for no scores."""
    return float(np.sort(scores)[::-1][int(most * len(scores))]) if len(scores) else 1.0


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """How often a positive's score, (n,), is above a negative's, ties counting half; NaN where one kind is missing."""
    wins = positive.sum() * (~positive).sum()
    if not wins:
        return math.nan
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - 0.5 * (count - 1))[place]  # from 1, the mean one of equal scores
    least = 0.5 * positive.sum() * (positive.sum() + 1)
    return float((rank[positive].sum() - least) / wins)
