"""Inspect: look at a part from all sides that matter and say whether it is bad.

The difficulty was fixed before anything was learnt: where parts lie, their light and their defects, and that defects
on two of three faces can't be seen from where the camera starts.
"""

import math
from dataclasses import dataclass

from robodl_envs.arrays import Array, array, clip, namespace
from robodl_envs.component import Constant
from robodl_envs.perception.defects import BLOCK, FACES, Defects
from robodl_envs.perception.hand_camera import HandCamera
from robodl_envs.perception.part import Part, add_plate
from robodl_envs.perception.perception_task import EvidenceHead, PerceptionTask, share
from robodl_envs.scene import CONTROL_DT
from robodl_envs.tasks.task import bounded

LOW, HIGH = (0.47, -0.06, 0.10), (0.57, 0.06, 0.10)  # m, corners of a part's position, on its stand
TILT, SPIN = 0.08, 0.3  # rad, how far it leans at most, and how far it is rotated about its own axis
STAND = 0.03, 0.5 * (LOW[2] - BLOCK[2])  # m, half its width and half its height
MAX_VIEW_ANGLE, MAX_VIEW_DISTANCE = math.radians(55.0), 0.3  # rad and m: beyond, a face is not viewed
CLOCK_STEPS = 48  # steps of 0.04 s that a look at all faces takes, about; then the clock stands still


@dataclass(eq=False)
class Inspect(PerceptionTask):
    """Find out whether a part is bad: bring the wrist's camera before its faces and say how likely it is.

    A part is a block with pins on three faces: top, left and right. Scratches, dents and missing pins are bad; stains
    are harmless. The evidence against a part is the highest mean of three successive probabilities of the episode:
    one bad look at one face condemns it whatever the others show, one mistaken image does not. The verdict is to
    reject what has more than `threshold`. A goal is the evidence, 0 for a good part and 1 for a bad one, and the share
    of its faces that were viewed: (N, 2). A verdict on a part whose faces were not all looked at counts for nothing.
    """

    rotation = True
    metrics = ("head.evidence", "defects.is_bad", "views", "kind")
    saved = ("viewed", "steps")

    threshold: float = bounded(0.5, 0.0, 1.0)  # of evidence; a part with more is rejected

    def __post_init__(self):
        super().__post_init__()
        self.part = Part(LOW, HIGH, (0.0, TILT), math.pi, SPIN)
        self.defects, self.head = Defects(self.part), EvidenceHead("is_bad", "the part is bad")

    @property
    def parts(self):
        return (self.part, self.defects, self.camera, self.head)

    def build(self, spec):
        self.camera = HandCamera(self.robot, self.image_aspect)
        super().build(spec)
        pos = (0.0, 0.0, -BLOCK[2] - STAND[1])
        add_plate(self.part.body, (STAND[0], *STAND), "stand", pos, rgba=(0.2, 0.2, 0.22, 1.0))

    def bind(self, sim):
        super().bind(sim)
        self.viewed = sim.zeros(len(FACES), dtype="bool")
        self.steps = sim.zeros(dtype="int64")

    def reset(self, ids, rng):
        super().reset(ids, rng)
        self.viewed[ids], self.steps[ids] = False, 0

    def update(self, ids):
        self.steps[ids] += 1
        self.viewed[ids] |= self.faces_in_view()[ids]

    def faces_in_view(self) -> Array:
        """Test which faces' middles the camera sees, near enough and not too much aslant: (N, 3) bool."""
        centers = self.defects.centers_of_faces()
        inside, offset = self.camera.is_inside(centers), self.camera.pos[:, None] - centers
        length = namespace(offset).sqrt((offset**2).sum(axis=2))
        along = (offset * self.defects.normals_of_faces()).sum(axis=2)
        return inside & (length < MAX_VIEW_DISTANCE) & (along > math.cos(MAX_VIEW_ANGLE) * length)

    def observables(self):
        viewed, over = (
            f"1 for faces that were viewed: {', '.join(FACES)}",
            f"share of {CLOCK_STEPS * CONTROL_DT:g} s that is over",
        )
        steps = CLOCK_STEPS * (CONTROL_DT / self.robot.control_dt)
        return [
            *self.camera.observables(),
            # Later steps look to a policy like the last of CLOCK_STEPS.
            share("clock", 1, over, lambda: clip(self.steps / steps, 0.0, 1.0)[:, None], proprioceptive=True),
            *self.part.observables_from(self.robot),
            *self.defects.observables(),
            share("viewed", len(FACES), viewed, lambda: self.viewed * 1.0),
        ]

    def goal_observables(self):
        all_faces = Constant((0,), "all faces are to be viewed")
        return [
            share("is_bad", 1, "the evidence that the part is bad, and whether it is"),
            share("all_viewed", 1, "the share of its faces that were viewed", constants=(all_faces,)),
        ]

    def achieved_goal(self):
        return namespace(self.head.evidence).stack([self.head.evidence, self.views / len(FACES)], axis=1)

    def desired_goal(self):
        is_bad = array(self.defects.is_bad, self.head.evidence)
        return namespace(is_bad).stack([is_bad, 0.0 * is_bad + 1.0], axis=1)

    def reward(self, achieved, desired):
        """Minus how far the evidence is from the truth, and minus 1/2 times the share of faces not viewed."""
        wrong = abs(achieved - desired)
        return -(wrong[..., 0] + 0.5 * wrong[..., 1])

    def success(self, achieved, desired):
        """The verdict is right, and all faces were viewed."""
        right = (achieved[..., 0] > self.threshold) == (desired[..., 0] > self.threshold)
        return right & (achieved[..., 1] == desired[..., 1])

    @property
    def views(self) -> Array:
        """Numbers of faces that were viewed, (N,)."""
        return self.viewed.sum(axis=1)

    @property
    def kind(self) -> Array:
        """Indices of the parts' kinds, (N,)."""
        return self.defects.kind.argmax(axis=1)
