"""Measure environment speed: python -m robodl.bench env=reach output=bench.json"""

import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.config import BACKENDS, CONTROLS, DEVICE, OBSERVATIONS, OUTPUT, TIMESTEP
from robodl.options import option

REPEATS = 5


@dataclass
class Options:
    """Environment steps/s, actions, observation, reward, autoreset and info included, against raw Batch.step.

    Raw is `mujoco.batch.Batch.step` alone, with the same model, state, controls, substeps, stage and threads, called
    in turns with the environment in the same process. With observation=image both renderers are measured instead,
    against mujoco.Renderer. With backend=warp it is environments of tensors against the simulator's steps alone, with
    observation=image too. Of 5 repeats the median counts.
    """

    env: str = option("reach", help="task")
    robot: str = option("panda", help="robot")
    control: str | None = option(help="what an action moves; both are measured if not given", choices=CONTROLS)
    timestep: float = option(0.004, **TIMESTEP)
    backend: str = option("cpu", help="what simulates: warp is MuJoCo Warp", choices=BACKENDS)
    device: str = option("auto", **DEVICE)
    observation: str = option("state", help="image measures images", choices=OBSERVATIONS)
    cameras: list[str] = option(["front"], help="images, of observation=image")
    image_size: int = option(64, help="pixels, of observation=image")
    num_envs: list[int] = option([], help="rows; [1,64,1024], [64] of images, [1024,4096,16384] on a GPU", at_least=1)
    threads: int = option(0, help="simulation threads of more than one row, 0 for one per core", at_least=0)
    seconds: float = option(2.0, help="length of one repeat", more_than=0, at_most=600)
    output: str | None = option(**OUTPUT)


def main() -> None:
    cli.guarded(lambda: bench(cli.parse(Options, sys.argv[1:], "robodl.bench")))


def bench(options: Options) -> None:
    """Measure every controller and number of rows, or both renderers, and print a table."""
    from robodl.evaluation.bench_device import bench_device
    from robodl.evaluation.bench_rendering import bench_rendering
    from robodl.learning.build import pick_device
    from robodl.runs.provenance import provenance

    cli.check_writable(options.output)
    made_by = provenance()
    of_images, on_warp = options.observation != "state", options.backend == "warp"
    if not on_warp:
        options.num_envs = options.num_envs or ([64] if of_images else [1, 64, 1024])
        if of_images and (options.control or len(options.num_envs) > 1):
            raise cli.UsageError("images are measured for one number of rows, whatever control= is: num_envs=[64]")
    with cli.settings_errors():
        if on_warp:
            results = bench_device(options, pick_device(options.device))
        else:
            results = bench_rendering(options) if of_images else bench_steps(options)
    if options.output:
        content = {
            "env": options.env,
            "robot": options.robot,
            "timestep": options.timestep,
            "backend": options.backend,
            "results": results,
            **made_by,
        }
        Path(options.output).write_text(json.dumps(content, indent=1) + "\n")


def bench_steps(options: Options) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for control in [options.control] if options.control else ["tool", "joint"]:
        for num in options.num_envs:
            result = measure(options, control, num)
            if not results:
                print("control   rows  threads   steps/s  raw steps/s  of raw  added us/step")
            results.append(result)
            print(
                f"{control:<8}{num:>6}{result['threads']:>9}{result['steps_per_s']:>10,.0f}"
                f"{result['raw_steps_per_s']:>13,.0f}{result['ratio']:>8.3f}{result['added_us']:>15.1f}",
                flush=True,
            )
    return results


def measure(options: Options, control: str, num: int) -> dict[str, Any]:
    """One row of the table."""
    import mujoco
    import numpy as np
    from mujoco.batch import Batch

    from robodl_envs import make, make_vec

    settings: dict[str, Any] = {"robot": options.robot, "control": control, "timestep": options.timestep}
    settings["max_episode_steps"] = 50
    vector = {"num_envs": num, "threads": options.threads}
    env: Any = make(options.env, **settings) if num == 1 else make_vec(options.env, **vector, **settings)
    sim, nstep, stage = env.batch.sim, env.batch.nstep, int(mujoco.mjtStage.mjSTAGE_VEL)
    raw = Batch(sim.model, num, env.batch.threads)
    raw_ctrl, clock, rng = raw.ctrl, time.perf_counter, np.random.default_rng(0)

    def repeat(seconds: float) -> tuple[float, float]:
        """Seconds a step, ours and raw. All rows' episodes end together; a step that only resets counts as none."""
        env.reset(seed=0)
        raw.state[:] = sim.batch.state
        actions = rng.uniform(-1.0, 1.0, (64, *env.action_space.shape)).astype(np.float32)
        ours = theirs = 0.0
        steps = 0
        while ours + theirs < seconds:
            action = actions[steps % len(actions)]
            begin = clock()
            _, _, terminated, truncated, _ = env.step(action)
            ours += clock() - begin
            raw_ctrl[:] = sim.ctrl
            begin = clock()
            raw.step(None, nstep, stage)
            theirs += clock() - begin
            steps += 1
            if np.any(terminated | truncated):
                begin = clock()
                if num == 1:
                    env.reset()
                else:
                    env.step(action)
                ours += clock() - begin
                raw.state[:] = sim.batch.state
        return ours / steps, theirs / steps

    repeat(options.seconds / 4)  # caches and clocks warm up
    rows = [repeat(options.seconds) for _ in range(REPEATS)]
    env.close()
    ours = statistics.median(row[0] for row in rows)
    theirs = statistics.median(row[1] for row in rows)
    return {
        "control": control,
        "num_envs": num,
        "threads": env.batch.threads,
        "steps_per_s": num / ours,
        "raw_steps_per_s": num / theirs,
        "ratio": statistics.median(row[1] / row[0] for row in rows),
        "added_us": 1e6 * statistics.median(row[0] - row[1] for row in rows),
    }


if __name__ == "__main__":
    main()
