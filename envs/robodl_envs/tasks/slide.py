"""Slide: hit a puck so that it comes to rest at a point that the arm can't reach."""

import math
from dataclasses import dataclass

from robodl_envs.arrays import clip, distance, namespace, norm
from robodl_envs.free_body import BLUE, GOAL_GREEN, FreeBody
from robodl_envs.scene import HARD, add_marker
from robodl_envs.tasks.potentials import from_above
from robodl_envs.tasks.task import GOAL_ON_TABLE, Task, goal_position, length

RADIUS, HALF_HEIGHT = 0.03, 0.0125  # m, of the puck
SLIPPERY = [0.01, 0.01, 0.001, 0.0001, 0.0001]  # friction between puck and table: two ways, torsional, rolling
DECELERATION = SLIPPERY[0] * 9.81  # m/s^2, of a puck that slides
PUCK_BOUNDS = (-2.5, -2.5, -0.5), (2.5, 2.5, 1.5)  # m, from the base and from the tool: pucks slide far
TOUCH = HALF_HEIGHT + 0.01  # m, of the tool above the puck's middle where the finger's tip, 1 cm below it, touches
PRESS = 0.0035  # m, of the tool's target below that, which presses the finger on the puck
RISE = 0.03  # m, of the target above it, which lets go
GOAL_BEYOND_REACH = (0.03, 0.13)  # m, least and most


@dataclass(eq=False)
class Slide(Task):
    """Hit a puck so that it slides to a point beyond the arm's reach and stays there. The fingers are shut.

    A goal is the puck's position, (N, 3), world frame, metres. The table is slippery, with a friction coefficient of
    0.01: a puck at 0.3 m/s comes to rest after 0.46 m. The fingers are not: pressed on the puck they carry it along.
    An episode starts with the puck at the near end of the robot's workspace and the goal ahead, 3 to 13 cm too far.
    """

    radius: float = length(0.05)  # m; closer than this is success, as in Gymnasium-Robotics' FetchSlide

    cameras = ("overview", "side")  # `front` sees no goals
    min_depth = 0.2  # m, in which an arm brings the puck to speed

    def scene_box(self):
        far = self.robot.reach + GOAL_BEYOND_REACH[1]
        return (*self.robot.table[0], 0.0), (far, self.robot.table[1][1], 0.2)

    def build(self, spec):
        self.puck = FreeBody(spec, "puck", (RADIUS, HALF_HEIGHT), BLUE, offset=PUCK_BOUNDS)
        spec.add_pair(geomname1="floor", geomname2="puck", friction=SLIPPERY, condim=3, **HARD)
        add_marker(spec, "goal", 0.015, GOAL_GREEN)

    def bind(self, sim):
        super().bind(sim)
        self.pressed = sim.array((0.0, 0.0, TOUCH - PRESS))

    def reset(self, ids, rng):
        (x0, y0), (_, y1) = self.robot.table
        z = HALF_HEIGHT
        self.puck.place(ids, rng.uniform(ids, (x0 + 0.05, 0.5 * y0, z), (x0 + 0.10, 0.5 * y1, z)))
        angle = rng.uniform(ids, -0.25, 0.25)  # rad, seen from the arm
        radius, xp = self.robot.reach + rng.uniform(ids, *GOAL_BEYOND_REACH), namespace(angle)
        self.goal[ids] = xp.stack([radius * xp.cos(angle), radius * xp.sin(angle), 0.0 * angle + z], axis=1)

    def goal_observables(self):
        return [goal_position(GOAL_ON_TABLE, bounds=PUCK_BOUNDS)]

    def achieved_goal(self):
        return self.puck.pos

    def coasting(self):
        """Offset by which the puck, let go now, would slide until it rests, (N, 3) m, world frame."""
        velocity = self.puck.velocity  # (N, 3)
        return velocity * (norm(velocity) / (2.0 * DECELERATION))[:, None]

    def potential(self, achieved, desired):
        """The distance from the goal to where the puck, let go now, would come to rest, and the finger's part, m.

        The distance is doubled, and bounded, as random touches send the puck metres away. The finger is to press on the
        puck lightly and to carry it along; once the puck would rest near the goal, to let go. What counts there is the
        tool's target: far below the puck it presses so hard that the puck can't be let go at its speed.
        """
        left = distance(achieved + self.coasting(), desired)
        offset = achieved + self.pressed - self.robot.tool
        raised = self.robot.controller.position_offset()[:, 2] - offset[:, 2]  # (N,) m, of the tool's target
        way = from_above(offset, 0.03, 0.012, 0.03)
        press = way / (1.0 + way / 0.5) + abs(raised)
        let_go = clip((0.15 - left) / 0.10, 0.0, 1.0)  # 1 where the puck would rest within 5 cm, 0 beyond 15
        rise = clip(RISE - raised, 0.0, math.inf)
        return 2.0 * left / (1.0 + left / 0.6) + (1.0 - let_go) * press + 1.5 * let_go * rise
