"""Stack: put one cube on another and let go."""

from dataclasses import dataclass

from robodl_envs.arrays import clip, concat, distance, norm
from robodl_envs.component import Constant, Observable
from robodl_envs.free_body import BLUE
from robodl_envs.tasks.potentials import from_above, grasping
from robodl_envs.tasks.task import MIN_DISTANCE, Task, length, turned_by


@dataclass(eq=False)
class Stack(Task):
    """Put the red cube on the blue one, wherever that is, and open the gripper.

    A goal is the offset from the blue cube to the red one, world frame, and the gap between the fingers, (N, 4),
    metres: one cube up, fingers wide. An episode starts with the cubes at least 10 cm apart.
    """

    gripper = parallel_fingers = True

    radius: float = length(0.015)  # m; closer than this to its place is success, if the fingers are off the cube
    yaw: float = turned_by()  # rad, the most that the cubes are turned at the start

    def build(self, spec):
        self.cube, self.base = self.add_cube(spec, "cube"), self.add_cube(spec, "base", BLUE)
        self.max_closing = self.robot.fingers.widest - self.robot.cube - 0.01  # m, of fingers that are open still

    def bind(self, sim):
        super().bind(sim)
        self.goal = sim.zeros(4) + sim.array([0.0, 0.0, self.robot.cube, self.robot.fingers.widest])

    def reset(self, ids, rng):
        low, high = self.on_table(0.5 * self.robot.cube)
        start = rng.uniform(ids, low, high)
        self.place_turned(self.base, ids, start, rng)
        self.place_turned(self.cube, ids, rng.uniform_apart(ids, low, high, start, MIN_DISTANCE), rng)

    def goal_observables(self):
        offset, widest = "from the blue cube to the red one, world frame", self.robot.fingers.widest + 0.02
        upon, wide = Constant((0, 1, 2), "one cube is to lie upon the other"), Constant((0,), "the fingers are to open")
        return [
            Observable("offset", "m", [-1.5] * 3, [1.5] * 3, offset, constants=(upon,)),
            Observable("opening", "m", [-0.02], [widest], "gap between the fingers", constants=(wide,)),
        ]

    def achieved_goal(self):
        return concat([self.cube.pos - self.base.pos, self.robot.fingers.opening[:, None]])

    def reward(self, achieved, desired):
        """Minus the red cube's distance to its place, m, and minus a tenth of how far the fingers have shut, m."""
        return -distance(achieved[..., :3], desired[..., :3]) - 0.1 * abs(achieved[..., 3] - desired[..., 3])

    def success(self, achieved, desired):
        """The red cube is closer than `radius` to its place, and the fingers' gap is at least 1 cm wider than it."""
        placed = distance(achieved[..., :3], desired[..., :3]) < self.radius
        return placed & (abs(achieved[..., 3] - desired[..., 3]) < self.max_closing)

    def potential(self, achieved, desired):
        """The red cube's way to its place, from above, and what is left to do to hold it, or there to let go, m.

        To let go counts three times: it risks what was reached.
        """
        fingers, offset = self.robot.fingers, (desired - achieved)[:, :3]
        placed = clip(2.0 - norm(offset) / 0.015, 0.0, 1.0)  # 1 within 1.5 cm of its place, 0 beyond 3 cm
        pressed = 0.5 * fingers.opening - fingers.command[:, 0]  # m, ahead of the pads; it falls before they open
        let_go = 3.0 * (desired[:, 3] - achieved[:, 3] + pressed)
        most = 3.0 * (fingers.widest - self.robot.cube + fingers.max_offset)
        hold = most + grasping(self.robot, self.cube.pos, self.robot.cube)
        return from_above(offset, 0.02, 0.02, 0.04) + placed * let_go + (1.0 - placed) * hold
