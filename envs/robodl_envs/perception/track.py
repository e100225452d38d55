"""Track: keep a moving object in the wrist camera's view, and say where it is and how fast it moves."""

import math
from dataclasses import dataclass

from robodl_envs.arrays import Array, concat, namespace, norm
from robodl_envs.component import Observable
from robodl_envs.perception.hand_camera import HandCamera, camera_to_tool
from robodl_envs.perception.moving_objects import HALF_HEIGHT, OBJECTS, VELOCITY_BOUNDS, MovingObjects
from robodl_envs.perception.perception_task import PerceptionTask, share
from robodl_envs.perception.target_estimate import TargetEstimate, TrackingErrors
from robodl_envs.scene import POSITION_BOUNDS
from robodl_envs.tasks.task import bounded, length

# The difficulty, with the speeds and paths of `moving_objects`: fixed before anything was learnt.
MAX_VIEW_DISTANCE = 1.25  # of an object's depth in the image at the start, within which it is in view


@dataclass(eq=False)
class Track(PerceptionTask):
    """Keep one of four moving objects in view of the wrist's camera and estimate its position and velocity.

    The objects move about between rails on the table, in an arena larger than the camera's view; which is the target
    is known. An estimate moves on by itself, straight and reflected by rails, and actions correct it. A goal is the
    target's position and velocity, (N, 4), world frame, m and m/s. After the first second, errors count while the
    target is in view: in the image, and not much farther than at the start, so that no arm can rise until it sees
    everything.
    """

    metrics = ("in_view", *(f"errors.{name}" for name in TrackingErrors.metrics))
    saved = ("in_view",)

    radius: float = length(0.03)  # m; an estimate closer than this, and
    speed: float = bounded(0.06, 0.0, 10.0, "m/s")  # m/s; as close to the velocity as this, is success

    @property
    def parts(self):
        return (self.objects, self.estimate, self.camera, self.errors)

    def build(self, spec):
        robot = self.robot
        self.objects, self.estimate = MovingObjects(robot), TargetEstimate(robot)
        self.camera, self.errors = HandCamera(robot, self.image_aspect), TrackingErrors(robot)
        super().build(spec)

    def bind(self, sim):
        super().bind(sim)
        robot, self.object_height = self.robot, self.objects.arena.scale * HALF_HEIGHT  # m
        camera = robot.home_tool - camera_to_tool(robot, robot.home_quat)
        self.start_height = float(camera[2])  # m, of the camera
        self.max_depth = MAX_VIEW_DISTANCE * (self.start_height - self.object_height)  # m
        self.in_view = sim.zeros(dtype="bool")

    def begin(self, ids):
        super().begin(ids)
        self.in_view[ids] = self.target_in_view()[ids]

    def outputs(self):
        return self.estimate.outputs()

    def act(self, answer):
        self.objects.advance(self.robot.control_dt)
        self.estimate.act(answer)

    def update(self, ids):
        self.in_view[ids] = self.target_in_view()[ids]
        self.errors.add(ids, self.achieved_goal() - self.desired_goal(), self.in_view)

    def positions_in_view(self, pos: Array) -> Array:
        """Test which objects at positions, (N, p, 2), are in view: (N, p) bool."""
        return self.camera.is_inside(concat([pos, 0.0 * pos[..., :1] + self.object_height]), self.max_depth)

    def target_in_view(self) -> Array:
        """(N,) bool"""
        return self.positions_in_view(self.objects.of_target(self.objects.pos)[:, None])[:, 0]

    def keypoint_labels(self):
        pos = self.objects.pos
        offset, visible = pos - self.robot.tool[:, None, :2], self.positions_in_view(pos)
        return {"objects_in_view": namespace(pos).where(visible[:, :, None], offset, math.nan)}

    def observables(self):
        which = f"1 for the object to track: {', '.join(OBJECTS)}"
        return [
            share("target", len(OBJECTS), which, lambda: self.objects.target, proprioceptive=True),
            *self.estimate.observables(),
            *self.camera.observables(),
            *self.objects.observables(),
        ]

    def goal_observables(self):
        low, high = (corner[:2] for corner in POSITION_BOUNDS)
        return [
            Observable("position", "m", low, high, "position on the table, world frame"),
            Observable("velocity", "m/s", *VELOCITY_BOUNDS, "velocity, world frame"),
        ]

    def achieved_goal(self):
        return concat([self.estimate.pos, self.estimate.velocity])

    def desired_goal(self):
        objects = self.objects
        return concat([objects.of_target(objects.pos), objects.of_target(objects.velocity)])

    def reward(self, achieved, desired):
        """Minus the error of the estimated position, m, and 0.2 s times that of the estimated velocity."""
        position, velocity = errors(achieved, desired)
        return -position - 0.2 * velocity

    def potential(self, achieved, desired):
        """The error of position, m, 0.5 s times that of velocity, and twice the camera's way to over the target, m.

        It is to be as high there as at the start: from higher up it sees more, but nothing that counts as in view.
        """
        position, velocity = errors(achieved, desired)
        over = concat([desired[..., :2], 0.0 * desired[..., :1] + self.start_height])
        return position + 0.5 * velocity + 2.0 * norm(self.camera.pos - over)

    def success(self, achieved, desired):
        """The estimated position is closer than `radius` to the target, and the velocity closer than `speed` to its."""
        position, velocity = errors(achieved, desired)
        return (position < self.radius) & (velocity < self.speed)


def errors(achieved: Array, desired: Array) -> list[Array]:
    """Errors of position and velocity, (...,) each, m and m/s."""
    offset = achieved - desired
    return [norm(offset[..., :2]), norm(offset[..., 2:])]
