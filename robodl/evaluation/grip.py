"""Time that a gripper keeps an object in an arm that swings: python -m robodl.evaluation.grip

An object that an arm swings creeps out of its fingers, however hard they press: MuJoCo lets friction act on velocities
and leaves out the acceleration of the contact's frame, so that an object drifts outward in every turn.
docs/benchmarks.md has the numbers and the law.
"""

import sys
from dataclasses import dataclass

import numpy as np

from robodl import cli
from robodl.config import TIMESTEP
from robodl.options import option
from robodl_envs import make_policy, make_vec

TASKS = ("pick_and_place", "peg_insert")
LIFT_STEPS = 70  # of the expert, which grasps the cube and lifts it; the peg is in the hand from the start
SWING_STEPS = 100  # 4 s
HALF_PERIOD = 4  # steps between reversals of the action
LOST = 0.05  # m from where it was held


@dataclass
class Options:
    """Objects in an arm that swings with actions of 1 and -1, reversed every 0.16 s, for 4 s.

    The scripted expert has lifted the cube; the peg begins in the hand. Each row swings along a diagonal of its own.
    """

    env: list[str] = option(list(TASKS), help="tasks whose object is held", choices=TASKS)
    robot: list[str] = option(["panda", "ur5e", "so101"], help="robots")
    physics: list[str] = option(["none", "physics"], help="randomisation", choices=("none", "physics"))
    rows: int = option(24, help="arms", at_least=1)
    timestep: float = option(0.004, **TIMESTEP)
    share: float = option(1.0, help="of the full action", more_than=0.0, at_most=1.0)


@dataclass
class Grip:
    """Results for the objects of N arms that held one when the swinging began."""

    held: np.ndarray  # (N,) s, until the object was lost, or the end
    kept: np.ndarray  # (N,) bool
    drift: float  # m, median of the farthest that objects moved in the hand
    speed: float  # m/s, the tool's fastest mean over a control step
    acceleration: float  # m/s^2, the greatest difference of such speeds, by time


def swing(task: str, robot: str, rows: int = 24, share: float = 1.0, **settings) -> Grip:
    """Lift an object, swing it, and watch it; settings are the environment's."""
    envs = make_vec(task, num_envs=rows, robot=robot, autoreset_mode="Disabled", **settings)
    arm, body, dt = envs.robot, envs.task.free_bodies[0], envs.control_dt
    envs.reset(seed=0)
    if task == "pick_and_place":
        envs.task.goal[:] = np.add(np.mean(arm.workspace, axis=0), [0.0, 0.0, 0.05])
        policy = make_policy("expert", envs)
        for _ in range(LIFT_STEPS):
            envs.step(policy(envs.state_observation()))
    start = body.pos - arm.tool  # (N, 3) m
    lifted = (np.abs(start).max(axis=1) < 0.03) & (body.pos[:, 2] > 0.08)
    alive, steps, drift, places = lifted.copy(), np.full(rows, SWING_STEPS), np.zeros(rows), [arm.tool.copy()]
    diagonal = np.random.default_rng(0).choice([-1.0, 1.0], (rows, 3))
    action = np.zeros(envs.action_space.shape)
    action[:, -1] = -1.0  # shut
    for k in range(SWING_STEPS):
        action[:, :3] = share * diagonal * (-1.0) ** (k // HALF_PERIOD)
        envs.step(action)
        moved = np.linalg.norm(body.pos - arm.tool - start, axis=1)
        steps[alive & (moved > LOST)] = k
        alive &= moved <= LOST
        drift[alive] = np.maximum(drift, moved)[alive]
        places.append(arm.tool.copy())
    velocity = np.diff(places, axis=0) / dt  # (steps, N, 3)
    speed = np.linalg.norm(velocity, axis=2).max()
    acceleration = np.linalg.norm(np.diff(velocity, axis=0), axis=2).max() / dt
    return Grip(dt * steps[lifted], alive[lifted], float(np.median(drift[lifted])), speed, acceleration)


def main() -> None:
    cli.guarded(lambda: grip(cli.parse(Options, sys.argv[1:], "robodl.evaluation.grip")))


def grip(options: Options) -> None:
    """Swing every object with every robot that holds it, and print a table."""
    from robodl.evaluation.robot_support import task_robot_pairs

    with cli.settings_errors():
        pairs = task_robot_pairs(options.env, options.robot)
    print("env              robot   physics      kept   held s   drift mm   speed m/s   acceleration m/s2")
    for task, robot, reason in pairs:
        for physics in options.physics if reason is None else ():
            with cli.settings_errors():
                settings = {"timestep": options.timestep, "randomize": None if physics == "none" else physics}
                found = swing(task, robot, options.rows, options.share, **settings)
            kept = f"{found.kept.sum()}/{len(found.kept)}"
            print(
                f"{task:<17}{robot:<8}{physics:<8}{kept:>9}{np.mean(found.held):>9.2f}{1e3 * found.drift:>11.1f}"
                f"{found.speed:>12.2f}{found.acceleration:>20.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
