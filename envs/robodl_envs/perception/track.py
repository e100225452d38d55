"""Track: keep a moving object in the wrist camera's view, and say where it is and how fast it moves."""

import math
from dataclasses import dataclass

from robodl_envs.arrays import Array, arange, concat, namespace, norm, one_hot
from robodl_envs.component import Observable
from robodl_envs.perception.hand_camera import HandCamera, camera_to_tool
from robodl_envs.perception.moving_objects import COUNT, HALF_HEIGHT, OBJECTS, MovingObjects
from robodl_envs.perception.perception_task import PerceptionTask
from robodl_envs.perception.target_estimate import MAX_VELOCITY, TargetEstimate
from robodl_envs.perception.tracking_errors import TrackingErrors
from robodl_envs.scene import OFFSET_BOUNDS, POSITION_BOUNDS
from robodl_envs.tasks.task import bounded, length

# The difficulty, with the speeds and paths of `moving_objects`: fixed before anything was learnt.
MAX_VIEW_DISTANCE = 1.25  # of an object's depth in the image at the start, within which it is in view
VELOCITY_WEIGHT = 0.2  # s: an error of the velocity of 1 m/s costs as much as one of the position of 0.2 m
PLANE = OFFSET_BOUNDS[0][:2], OFFSET_BOUNDS[1][:2]  # m, from the tool, in the table's plane
VELOCITY = [-MAX_VELOCITY] * 2, [MAX_VELOCITY] * 2  # m/s


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
    saved = ("target", "in_view")

    radius: float = length(0.03)  # m; an estimate closer than this, and
    speed: float = bounded(0.06, 0.0, 10.0, "m/s")  # m/s; as close to the velocity as this, is success

    @property
    def parts(self):
        return (self.objects, self.estimate, self.camera, self.errors)

    def build(self, spec):
        self.camera = HandCamera(self.robot)
        self.objects, self.estimate = MovingObjects(self.robot), TargetEstimate(self.robot)
        self.errors = TrackingErrors(self.robot)
        super().build(spec)

    def bind(self, sim):
        super().bind(sim)
        robot, self.object_height = self.robot, self.objects.arena.scale * HALF_HEIGHT  # m
        camera = robot.home_tool - camera_to_tool(robot, robot.home_quat)
        self.max_depth = MAX_VIEW_DISTANCE * (camera[2] - self.object_height)  # m
        self.target = sim.zeros(COUNT)  # (N, 4), 1 for the object to track
        self.in_view = sim.zeros(dtype="bool")

    def reset(self, ids, rng):
        super().reset(ids, rng)
        self.target[ids] = one_hot(rng.integers(ids, COUNT), COUNT, self.target)

    def begin(self, ids):
        super().begin(ids)
        self.in_view[ids] = self.target_in_view()[ids]

    def outputs(self):
        return self.estimate.outputs()

    def act(self, answer):
        self.objects.advance(self.robot.control_dt)
        self.estimate.act(answer)

    def of_target(self, values: Array) -> Array:
        """The target's values, (N, 2), of all objects', (N, COUNT, 2)."""
        return values[arange(len(values), values), self.target.argmax(axis=1)]

    def positions_in_view(self, pos: Array) -> Array:
        """Test which objects at positions, (N, p, 2), are in view: (N, p) bool."""
        points = concat([pos, 0.0 * pos[..., :1] + self.object_height])
        coordinates = self.camera.image_coordinates(points)
        inside = (abs(coordinates[..., 0]) <= 1.0) & (abs(coordinates[..., 1]) <= 1.0)
        return inside & (coordinates[..., 2] <= self.max_depth)

    def target_in_view(self) -> Array:
        """(N,) bool"""
        return self.positions_in_view(self.of_target(self.objects.pos)[:, None])[:, 0]

    def keypoint_labels(self):
        pos = self.objects.pos
        offset, visible = pos - self.robot.tool[:, None, :2], self.positions_in_view(pos)
        return {"objects_in_view": namespace(pos).where(visible[:, :, None], offset, math.nan)}

    def update(self, ids):
        self.in_view[ids] = self.target_in_view()[ids]
        self.errors.add(ids, self.achieved_goal() - self.desired_goal(), self.in_view)

    def from_tool(self, pos: Array) -> Array:
        """Offsets from the tool in the table's plane, (N, 2 p), of positions, (N, 2) or (N, p, 2)."""
        tool = self.robot.tool[:, :2]
        return (pos - (tool if pos.ndim == 2 else tool[:, None])).reshape(len(pos), -1)

    def observables(self):
        objects, estimate = self.objects, self.estimate
        offset, velocity, known = ("m", *PLANE), ("m/s", *VELOCITY), True
        offsets, velocities = ((unit, low * COUNT, high * COUNT) for unit, low, high in (offset, velocity))
        which, moving = "1 for the object to track: " + ", ".join(OBJECTS), "velocity, world frame"
        place = "from the tool, world frame, to"
        return [
            Observable("target", "1", [0.0] * COUNT, [1.0] * COUNT, which, lambda: self.target, known),
            Observable("to_estimate", *offset, f"{place} the estimate", lambda: self.from_tool(estimate.pos), known),
            Observable("estimate_velocity", *velocity, f"the estimate's {moving}", lambda: estimate.velocity, known),
            *self.camera.observables(),
            Observable(
                "to_target", *offset, f"{place} the target", lambda: self.from_tool(self.of_target(objects.pos))
            ),
            Observable(
                "target_velocity", *velocity, f"the target's {moving}", lambda: self.of_target(objects.velocity)
            ),
            Observable("to_objects", *offsets, f"{place} each object", lambda: self.from_tool(objects.pos)),
            Observable("objects_velocity", *velocities, f"each object's {moving}", lambda: flat(objects.velocity)),
        ]

    def goal_observables(self):
        low, high = (corner[:2] for corner in POSITION_BOUNDS)
        return [
            Observable("position", "m", low, high, "position on the table, world frame"),
            Observable("velocity", "m/s", *VELOCITY, "velocity, world frame"),
        ]

    def achieved_goal(self):
        return concat([self.estimate.pos, self.estimate.velocity])

    def desired_goal(self):
        return concat([self.of_target(self.objects.pos), self.of_target(self.objects.velocity)])

    def reward(self, achieved, desired):
        """Minus the error of the estimated position, m, and 0.2 s times that of the estimated velocity."""
        position, velocity = errors(achieved, desired)
        return -position - VELOCITY_WEIGHT * velocity

    def success(self, achieved, desired):
        """The estimated position is closer than `radius` to the target, and the velocity closer than `speed` to its."""
        position, velocity = errors(achieved, desired)
        return (position < self.radius) & (velocity < self.speed)

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)


def flat(values: Array) -> Array:
    """(N, p, 2) as (N, 2 p)."""
    return values.reshape(len(values), -1)


def errors(achieved: Array, desired: Array) -> list[Array]:
    """Errors of position and velocity, (...,) each, m and m/s."""
    offset = achieved - desired
    return [norm(offset[..., :2]), norm(offset[..., 2:])]
