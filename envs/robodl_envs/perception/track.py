"""Track: keep a moving thing in the wrist camera's view, and say where it is and how fast it moves."""

import math
from dataclasses import dataclass

import numpy as np

from robodl_envs.arrays import namespace
from robodl_envs.component import Field
from robodl_envs.perception.hand_camera import PLACE, HandCamera, camera_to_tool
from robodl_envs.perception.moving_objects import TALL, THINGS, Arena, MovingObjects
from robodl_envs.perception.target_estimate import FASTEST, TargetEstimate
from robodl_envs.tasks.task import AWAY, NEAR, Task, checked_length

# How difficult it is, with the speeds and turns of `movers`: fixed before anything was learnt.
STRETCH = 1.6  # the arena's sides, of those of the table below the robot's workspace
WIDTH = 0.5  # m, of the Panda's table; things and speeds of an arm whose table is narrower are smaller by as much
FARTHEST = 1.25  # of a thing's distance from the camera at the start, in which it is in view
ACQUIRE = 1.0  # s, for finding the target at the start, which do not count
SLOW = 0.2  # s: an error of the velocity of 1 m/s costs as much as one of the place of 0.2 m
COUNT = len(THINGS)
LOW, HIGH = AWAY[0][:2], AWAY[1][:2]  # m, from the tool, in the table's plane
QUICK = [-FASTEST] * 2, [FASTEST] * 2  # m/s
ONE = [0.0] * COUNT, [1.0] * COUNT


@dataclass(eq=False)
class Track(Task):
    """Keep one of four moving things in view of the wrist's camera and report its place and velocity in every step.

    The things move about between rails on the table, larger than the camera's view; which is the target is known. A
    report goes on by itself, straight and back from rails, and actions correct it. A goal is the target's place and
    velocity, (N, 4), world frame, m and m/s. After the first second, errors count while the target is in view: in the
    picture, and not much farther than at the start, so that no arm can rise until it sees everything.
    """

    cameras = ("wrist",)
    label = "things_in_view"
    size = TargetEstimate.size

    radius: float = 0.03  # m; a report closer than this, and
    speed: float = 0.06  # m/s; as close to the velocity as this, is success

    def __post_init__(self):
        checked_length("radius", self.radius)
        if not 0.0 < self.speed < 10.0:
            raise ValueError(f"speed must be more than 0 m/s and less than 10 m/s, got {self.speed} m/s")

    @property
    def parts(self):
        return (self.movers, self.report, self.eye)

    def build(self, spec):
        self.eye, area = HandCamera(self.robot), arena(self.robot)
        self.movers, self.report = MovingObjects(area), TargetEstimate(area)
        super().build(spec)

    def bind(self, sim):
        super().bind(sim)
        num, robot = sim.num, self.robot
        eye = robot.home_tool - camera_to_tool(robot, robot.home_quat[None])[0]
        self.farthest = FARTHEST * (eye[2] - self.movers.arena.scale * TALL)  # m, ahead of the camera
        self.target = np.zeros((num, COUNT))  # 1 for the thing to track
        self.steps = np.zeros(num, np.int64)  # since the start
        self.counted = np.zeros(num, np.int64)  # steps after ACQUIRE
        self.seen = np.zeros(num, np.int64)  # of these, steps with the target in view
        self.squares = np.zeros((num, 2))  # m^2, (m/s)^2, of the errors of place and velocity in these, summed
        self.in_view = np.zeros(num, bool)

    saved = ("target", "steps", "counted", "seen", "squares", "in_view")

    def reset(self, ids, rng):
        super().reset(ids, rng)
        self.target[ids] = rng.integers(ids, COUNT)[:, None] == np.arange(COUNT)
        self.steps[ids] = self.counted[ids] = self.seen[ids] = 0
        self.squares[ids] = 0.0

    def begin(self, ids):
        self.in_view[ids] = self.looks()[ids]

    def act(self, action):
        self.movers.advance(self.robot.control_dt)
        self.report.advance(action, self.robot.control_dt)

    def action_parts(self):
        return self.report.action_parts()

    def chosen(self, values):
        """The target's, (N, 2), of the things' (N, COUNT, 2)."""
        return values[np.arange(len(values)), self.target.argmax(axis=1)]

    def sees(self, pos):
        """Which things at places pos, (N, p, 2), are in view, (N, p) bool."""
        height = np.full((*pos.shape[:2], 1), self.movers.arena.scale * TALL)
        right, up, ahead = np.moveaxis(self.eye.seen(np.concatenate([pos, height], axis=2)), 2, 0)
        return (abs(right) <= 1.0) & (abs(up) <= 1.0) & (ahead <= self.farthest)

    def looks(self):
        """Whether the target is in view, (N,) bool."""
        return self.sees(self.chosen(self.movers.pos)[:, None])[:, 0]

    def points(self):
        pos = self.movers.pos
        way = pos - self.robot.tool[:, None, :2]
        return {"things_in_view": np.where(self.sees(pos)[:, :, None], way, np.nan)}

    def count(self, ids):
        self.steps[ids] += 1
        self.in_view[ids] = self.looks()[ids]
        counts = self.steps[ids] * self.robot.control_dt > ACQUIRE + 1e-9
        seen = counts & self.in_view[ids]
        self.counted[ids] += counts
        self.seen[ids] += seen
        error = (self.achieved_goal() - self.desired_goal())[ids] ** 2 * seen[:, None]
        self.squares[ids] += np.stack([error[:, :2].sum(axis=1), error[:, 2:].sum(axis=1)], axis=1)

    def feel(self):
        tool = self.robot.tool[:, :2]
        return [self.target, self.report.pos - tool, self.report.velocity, self.eye.turn()]

    def feel_fields(self):
        return [
            Field("target", "1", *ONE, "1 for the thing to track: " + ", ".join(THINGS)),
            Field("to_report", "m", LOW, HIGH, "from the tool to the reported place, world frame"),
            Field("report_velocity", "m/s", *QUICK, "the reported velocity, world frame"),
            self.eye.field(),
        ]

    def observe(self):
        tool, movers = self.robot.tool[:, :2], self.movers
        num = len(tool)
        return [
            self.chosen(movers.pos) - tool,
            self.chosen(movers.velocity),
            (movers.pos - tool[:, None]).reshape(num, -1),
            movers.velocity.reshape(num, -1),
        ]

    def fields(self):
        slow, quick = QUICK
        return [
            Field("to_target", "m", LOW, HIGH, "from the tool to the target, world frame"),
            Field("target_velocity", "m/s", *QUICK, "the target's velocity, world frame"),
            Field("to_things", "m", LOW * COUNT, HIGH * COUNT, "from the tool to each thing, world frame"),
            Field("things_velocity", "m/s", slow * COUNT, quick * COUNT, "their velocities, world frame"),
        ]

    def goal_fields(self):
        return [
            Field("position", "m", NEAR[0][:2], NEAR[1][:2], "place on the table, world frame"),
            Field("velocity", "m/s", *QUICK, "velocity, world frame"),
        ]

    def achieved_goal(self):
        return np.concatenate([self.report.pos, self.report.velocity], axis=1)

    def desired_goal(self):
        return np.concatenate([self.chosen(self.movers.pos), self.chosen(self.movers.velocity)], axis=1)

    def reward(self, achieved, desired):
        """Minus the error of the reported place, m, and 0.2 s times that of the reported velocity."""
        place, velocity = errors(achieved, desired)
        return -place - SLOW * velocity

    def success(self, achieved, desired):
        """The reported place is closer than `radius` to the target, and the velocity closer than `speed` to its."""
        place, velocity = errors(achieved, desired)
        return (place < self.radius) & (velocity < self.speed)

    def distance(self, achieved, desired):
        """The error of the reported place, m."""
        return errors(achieved, desired)[0]

    def potential(self, achieved, desired):
        """The dense reward with the sign changed."""
        return -self.reward(achieved, desired)

    def caption(self, row):
        place, velocity = (100.0 * error[row] for error in errors(self.achieved_goal(), self.desired_goal()))
        name = list(THINGS)[self.target[row].argmax()]
        return f"{name}: {place:.1f} cm and {velocity:.0f} cm/s off" + ("" if self.in_view[row] else ", out of view")

    def metrics(self):
        place, velocity = np.sqrt(self.squares / np.maximum(self.seen, 1)[:, None]).T
        return {
            "in_view": self.in_view.copy(),
            "view_share": self.seen / np.maximum(self.counted, 1),
            "position_rmse": place.copy(),
            "velocity_rmse": velocity.copy(),
            "steps_counted": self.counted.copy(),
            "steps_in_view": self.seen.copy(),
        }

    def summary(self, last):
        """`position_rmse_mm` and `velocity_rmse_cm_s` while the target was in view, and `in_view`, the share of time in
        which it was, of all steps after the first second, of all episodes together.
        """
        seen, counted = last["steps_in_view"].sum(), last["steps_counted"].sum()

        def pooled(rmse):
            return math.sqrt((rmse**2 * last["steps_in_view"]).sum() / seen) if seen else math.nan

        return {
            "position_rmse_mm": 1000.0 * pooled(last["position_rmse"]),
            "velocity_rmse_cm_s": 100.0 * pooled(last["velocity_rmse"]),
            "in_view": float(seen / counted) if counted else math.nan,
        }


def arena(robot) -> Arena:
    """Where things move before a robot: its table, stretched, with its middle below the camera at the start."""
    low, high = np.asarray(robot.table)
    middle = 0.5 * (low + high) + PLACE[:2]  # the hand's x axis is the world's then
    return Arena(middle, 0.5 * STRETCH * (high - low), float(high[1] - low[1]) / WIDTH)


def errors(achieved, desired):
    """The errors of place and velocity, (...,) each, m and m/s."""
    way = achieved - desired
    xp = namespace(way)
    return [xp.sqrt(xp.linalg.vecdot(part, part)) for part in (way[..., :2], way[..., 2:])]
