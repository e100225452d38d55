"""Target estimate: position and velocity of a moving object, corrected a little in each step by the policy."""

from robodl_envs.arrays import Array, clip
from robodl_envs.component import Component
from robodl_envs.perception.moving_objects import MAX_VELOCITY, SPHERE, WHITE, arena, motion_observables, moved_straight
from robodl_envs.perception.perception_task import Output
from robodl_envs.rendering.modalities import FINE_GROUP
from robodl_envs.scene import NO_CONTACT

POSITION_STEP = 0.1  # m, by which an action of 1 moves the estimated position in a step
VELOCITY_STEP = 0.25  # m/s, by which an action of 1 changes the estimated velocity
# For people, dots show the estimate: where the object is, and where it will be in steps of DOT_INTERVAL.
DOT_RADII, DOT_HEIGHT, DOT_INTERVAL = (0.012, 0.006, 0.006, 0.006), 0.07, 0.2  # m, m above the table, s


class TargetEstimate(Component):
    """An estimate that moves on by itself, straight and reflected by rails as objects are, and that actions correct.

    Actions are corrections because the best of them, gains times what is seen minus what was expected, are those of a
    Kalman filter whose state is the estimate: so a policy without memory, which observes the estimate, can be a
    filter. Actions of zeros change nothing: the estimate stays in the arena's middle, at rest.
    """

    saved = ("pos", "velocity")

    def __init__(self, robot):
        self.robot = robot

    def build(self, spec):
        scale = arena(self.robot).scale
        for k, radius in enumerate(DOT_RADII):
            body = spec.worldbody.add_body(name=f"estimate{k}", mocap=True)
            body.add_geom(type=SPHERE, size=[scale * radius, 0.0, 0.0], rgba=WHITE, group=FINE_GROUP, **NO_CONTACT)

    def bind(self, sim):
        self.arena = arena(self.robot, sim.array)
        self.dots = [sim.mocap_pos(f"estimate{k}") for k in range(len(DOT_RADII))]  # (N, 3) each, live
        self.pos = sim.zeros(2)  # m, world frame, within the arena
        self.velocity = sim.zeros(2)  # m/s

    def reset(self, ids, rng):
        self.pos[ids], self.velocity[ids] = self.arena.middle, 0.0
        self.show()

    def act(self, answer: Array) -> None:
        """Move on by a control step, then by the corrections, (N, 4) in [-1, 1]: two of position, two of velocity."""
        pos, velocity = moved_straight(self.pos, self.velocity, self.robot.control_dt, self.arena)
        pos, velocity = pos + POSITION_STEP * answer[:, :2], velocity + VELOCITY_STEP * answer[:, 2:]
        clip(pos, self.arena.low, self.arena.high, out=self.pos)
        clip(velocity, -MAX_VELOCITY, MAX_VELOCITY, out=self.velocity)
        self.show()

    def show(self) -> None:
        """Move the dots over where the estimate says that the object is and will be."""
        for k, dot in enumerate(self.dots):
            dot[:, :2] = self.pos + k * DOT_INTERVAL * self.velocity
            dot[:, 2] = self.arena.scale * DOT_HEIGHT

    def observables(self):
        return motion_observables(self, "estimate", "the estimate", known=True)

    def outputs(self) -> list[Output]:
        """The estimate's parts of the action."""
        position = f"moves the estimated position by {POSITION_STEP:g} m, after it moved on and was reflected by rails"
        velocity = f"changes the estimated velocity by {VELOCITY_STEP:g} m/s"
        return [
            Output("position_correction", 2, "continuous", position),
            Output("velocity_correction", 2, "continuous", velocity),
        ]
