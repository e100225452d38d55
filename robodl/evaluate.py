"""Evaluate a policy: python -m robodl.evaluate run=<folder>, or env=reach policy=expert"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.config import CONTROLS, DEVICE, OUTPUT, THREADS, environment
from robodl.evaluation.ablation import MOTIONS, SIGHTS
from robodl.options import option


@dataclass
class Options:
    """Success rate, with its 95 % interval, of a trained run or of a policy that needs no training."""

    run: str | None = option(help="folder that python -m robodl.train left")
    env: str | None = option(help="task, instead of a run")
    policy: str = option("best", help="best, last of a run; expert, random, zero of an env; track: kalman")
    robot: str | None = option(help="robot, of an env: panda")
    control: str | None = option(help="what an action moves, of an env: tool", choices=CONTROLS)
    timestep: float | None = option(help="seconds of a step of MuJoCo, 0.0005 to 0.01; the run's own, or 0.004")
    motion: str = option("own", help="how the arm moves; own is the policy's way", choices=MOTIONS)
    sight: str = option("own", help="what the policy sees; noise replaces its images", choices=SIGHTS)
    episodes: int = option(500, help="fresh episodes", at_least=1)
    seed: int | None = option(help="episode k's is 2^31 + seed + k; the run's own, or 0", at_least=0)
    threads: int = option(0, **THREADS)
    device: str = option("auto", **DEVICE)
    video: str | None = option(help="file to write three episodes to, .mp4 or .gif")
    output: str | None = option(**OUTPUT)


RUN_POLICIES = ("best", "last")
UNTRAINED_POLICIES = ("expert", "random", "zero")  # and some tasks' baselines, which see images
BASELINE_IMAGE_SIZE = 64  # pixels


def main() -> None:
    cli.guarded(lambda: evaluate(cli.parse(Options, sys.argv[1:], "robodl.evaluate")))


def evaluate(options: Options) -> None:
    """Load, run the episodes, print."""
    from robodl.evaluation.ablation import replace_images, replace_motion
    from robodl.evaluation.rollout import FIRST_SEED, MAX_ROWS, evaluate_policy
    from robodl.runs import report
    from robodl.runs.provenance import save_numbers
    from robodl.runs.tensorboard import render_video
    from robodl.vec_env import make_envs
    from robodl_envs import RenderingError

    cli.check_writable(options.output)
    cli.check_writable(options.video)
    if options.video and Path(options.video).suffix not in (".mp4", ".gif"):
        raise cli.UsageError(f"video must be a file named .mp4 or .gif, got {options.video}")
    with cli.settings_errors():
        policy_in, cfg, title = chosen(options)
        cfg.timestep = cfg.timestep if options.timestep is None else options.timestep
        seed = cfg.seed if options.seed is None else options.seed

        def ablated_in(envs):
            """The policy that acts in envs, with fresh random numbers."""
            arm = envs.unwrapped.robot.action_size
            return replace_motion(replace_images(policy_in(envs), options.sight, seed), arm, options.motion, seed)

        envs: Any = make_envs(cfg, min(MAX_ROWS, options.episodes), "Disabled")
        policy = ablated_in(envs)
    score = evaluate_policy(policy, envs, options.episodes, FIRST_SEED + seed, report.counting("episodes"))
    envs.close()
    if options.output:
        facts = {"env": cfg.env["task"], "robot": cfg.robot["name"], "policy": options.policy, "seed": seed}
        facts |= {key: getattr(options, key) for key in ("motion", "sight") if getattr(options, key) != "own"}
        facts |= {"timestep": options.timestep} if options.timestep is not None else {}
        save_numbers(options.output, {**facts, "run": options.run, **report.score_facts(score)})
    report.say(title, report.score_lines(score))
    if options.video:
        try:
            render_video(ablated_in, cfg, 3, FIRST_SEED + seed, Path(options.video))
        except RenderingError as error:
            raise cli.UsageError(str(error)) from error
        print(f"  video         {options.video}")


def chosen(options: Options):
    """A function from environments to the policy in them, the configuration of these, and how to call it."""
    from robodl_envs import BASELINES

    if (options.run is None) == (options.env is None):
        raise cli.UsageError("give either run=<folder> or env=<task>")
    choices = (*UNTRAINED_POLICIES, *BASELINES.get(str(options.env), ())) if options.run is None else RUN_POLICIES
    if options.run is None and options.policy == "best":
        raise cli.UsageError(f"env={options.env} needs policy={', '.join(choices)}; a trained policy, run=<folder>")
    if options.policy not in choices:
        raise cli.UsageError(f"policy must be one of {', '.join(choices)} here, got {options.policy!r}")
    if options.run is None:
        return untrained(options, str(options.env))
    if options.robot or options.control:
        raise cli.UsageError("a run keeps its robot and its controller: robot= and control= go with env=")
    return trained(options, options.run)


def trained(options: Options, folder: str):
    from robodl.learning.build import pick_device
    from robodl.learning.policy_files import load_policy
    from robodl.runs.report import acting
    from robodl.runs.run_folder import Run

    run = Run.existing(folder)
    stem = run.best if options.policy == "best" else run.last
    if not stem.with_suffix(".json").is_file():
        why = f"{folder} has no {stem.name}.json, as runs that were stopped before they tried their policy"
        raise cli.UsageError(f"{why}: policy=last takes it as it was saved")
    policy, cfg = load_policy(stem, pick_device(options.device))
    cfg.threads = options.threads
    return lambda envs: acting(policy), cfg, f"{cfg.env['task']}, {cfg.robot['name']}, {stem}"


def untrained(options: Options, task: str):
    from robodl_envs import BASELINES, make_policy

    robot = options.robot or "panda"
    cfg = environment(task, robot, control=options.control or "tool", threads=options.threads)
    if options.policy not in UNTRAINED_POLICIES:
        cfg.observation, cfg.image_size = "image", BASELINE_IMAGE_SIZE
        cfg.cameras = list(BASELINES[task][options.policy].cameras)
    seed = options.seed or 0
    return lambda envs: make_policy(options.policy, envs, seed), cfg, f"{task}, {robot}, {options.policy} policy"


if __name__ == "__main__":
    main()
