"""PegInsert: put the peg in hand into a hole that is 3 mm wider."""

import math
from dataclasses import dataclass

from robodl_envs.arrays import array, clip, distance, namespace, norm
from robodl_envs.component import Constant, Observable
from robodl_envs.free_body import YELLOW, FreeBody
from robodl_envs.scene import OFFSET_BOUNDS
from robodl_envs.tasks.fixtures import HOLE_BLOCK, HOLE_BLOCK_HEIGHT, add_hole_block
from robodl_envs.tasks.potentials import from_above
from robodl_envs.tasks.task import Task, bounded, goal_position, length

PEG = (0.010, 0.010, 0.040)  # m, half sizes
START_OFFSET = (0.0, 0.0, -0.02)  # m, from the tool to the peg's middle at the start
GOAL_OFFSET = (0.0, 0.0, 0.02)  # m, from the block's foot to where the peg's tip is to go: 3 cm deep
DEPTH = HOLE_BLOCK_HEIGHT - GOAL_OFFSET[2]  # m, of the goal in the hole
MAX_SLIP = 0.01  # m, of the peg in the hand, at which nothing is lost


@dataclass(eq=False)
class PegInsert(Task):
    """Put a square peg, already between the fingers, into a square hole.

    A goal is the position of the peg's tip, (N, 3), world frame, metres: 3 cm deep in the hole. An episode starts
    with the block somewhere below the robot's workspace.
    """

    gripper = parallel_fingers = True

    clearance: float = bounded(0.003, 0.0005, 0.05, "m", closed=True)  # m, by which the hole is wider than the peg
    radius: float = length(0.010)  # m; closer than this is success, which lies inside the hole

    def build(self, spec):
        self.peg = FreeBody(spec, "peg", PEG, YELLOW)
        add_hole_block(spec, hole=PEG[0] + 0.5 * self.clearance)

    def bind(self, sim):
        super().bind(sim)
        self.block = sim.mocap_pos("block")
        self.start_offset, self.goal_offset = sim.array(START_OFFSET), sim.array(GOAL_OFFSET)

    def reset(self, ids, rng):
        self.block[ids] = rng.uniform(ids, *self.on_table(0.0, margin=HOLE_BLOCK))
        slip = rng.uniform(ids, (0.0, 0.0, -0.005), (0.0, 0.0, 0.005))
        self.peg.place(ids, array(self.robot.home_position + START_OFFSET, slip) + slip)
        self.robot.fingers.hold(ids, 2.0 * PEG[1])

    def observables(self):
        meaning = "from the peg's tip to the block's foot"
        to_block = Observable(
            "to_block", "m", *OFFSET_BOUNDS, meaning, lambda: self.block - self.achieved_goal(), vectors=(0,)
        )
        return [*super().observables(), to_block]

    def goal_observables(self):
        return [goal_position(Constant((2,), "the block stands on the table"))]

    def achieved_goal(self):
        w, x, y, z = (self.peg.quat[:, i] for i in range(4))
        parts = [x * z + w * y, y * z - w * x, 0.5 - x * x - y * y]
        half_axis = namespace(w).stack(parts, axis=1)  # (N, 3), half the peg's z axis, which points away from its tip
        return self.peg.pos - 2.0 * PEG[2] * half_axis

    def desired_goal(self):
        return self.block + self.goal_offset

    def potential(self, achieved, desired):
        """Twice the tip's way to its goal, over the hole and down, and what is left to do to hold the peg, m.

        In the hole its distance counts, and as much the distance that it has once the tool is at its target: a peg that
        goes down too fast stands on the table, where the tool's target has to rise before the peg does. To hold it the
        fingers press with full force; what it slips by beyond 1 cm counts four times.
        """
        robot, offset = self.robot, desired - achieved
        outside, target = from_above(offset, 0.04, 0.001, 0.01), offset - robot.controller.position_offset()
        in_hole = (offset[:, 2] > -DEPTH) & (norm(offset[:, :2]) < PEG[0])
        way = namespace(offset).where(in_hole, 0.5 * (norm(offset) + norm(target)), outside)
        loose = robot.fingers.command[:, 0] - (robot.fingers.joint_at(2.0 * PEG[1]) - robot.fingers.max_offset)
        slipped = distance(self.peg.pos, robot.tool + self.start_offset)
        return 2.0 * way + 4.0 * clip(slipped - MAX_SLIP, 0.0, math.inf) + loose
