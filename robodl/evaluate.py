"""Evaluate a policy: python -m robodl.evaluate run=<folder>, or env=reach policy=expert; against another: against="""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.config import BACKENDS, CONTROLS, DEVICE, OUTPUT, THREADS, environment
from robodl.evaluation.ablation import MOTIONS, SIGHTS
from robodl.options import group, option

SEEN = ("state", "image")


@dataclass
class Options:
    """Success rate, with its 95 % interval, of a trained run or of a policy that needs no training.

    With against=, two policies in the same episodes: the difference of their success rates with its 95 % interval for
    pairs (Newcombe, Statistics in Medicine 17, 1998). output= has the outcome of each episode and its seed, too.
    """

    run: str | None = option(help="folder that python -m robodl.train left")
    env: str | None = option(help="task, instead of a run")
    policy: str = option(
        "best", help="best, last of a run; zoo, which is trained, expert, random, zero of an env; track: kalman"
    )
    settings: dict[str, Any] = group(
        dict, "env.", open=True, help="a setting of the task, of an env: docs/environments"
    )
    against: str | None = option(help="run folder or policy to compare with, in the same episodes")
    robot: str | None = option(help="robot, of an env: panda")
    observation: str | None = option(help="what a policy of the zoo sees: state, where there is one", choices=SEEN)
    control: str | None = option(help="what an action moves, of an env: tool", choices=CONTROLS)
    timestep: float | None = option(help="seconds of a step of MuJoCo, 0.0005 to 0.01; the run's own, or 0.004")
    randomize: str = option("own", help="none, physics, sensors, visuals, cameras, all; own is the run's")
    motion: str = option("own", help="how the arm moves; own is the policy's way", choices=MOTIONS)
    sight: str = option("own", help="what the policy sees; noise replaces its images", choices=SIGHTS)
    episodes: int = option(500, help="fresh episodes", at_least=1)
    seed: int | None = option(help="episode k's is 2^31 + seed + k; the run's own, or 0", at_least=0)
    backend: str = option("cpu", help="what simulates the episodes, whatever trained the policy", choices=BACKENDS)
    threads: int = option(0, **THREADS)
    device: str = option("auto", **DEVICE)
    video: str | None = option(help="file to write three episodes to, .mp4 or .gif")
    failures: str | None = option(help="new folder to write videos of failed episodes to, each named by its seed")
    output: str | None = option(**OUTPUT)


RUN_POLICIES = ("best", "last")
UNTRAINED_POLICIES = ("expert", "random", "zero")  # and some tasks' baselines, which see images


def main() -> None:
    cli.guarded(lambda: evaluate(cli.parse(Options, sys.argv[1:], "robodl.evaluate")))


def evaluate(options: Options) -> None:
    """Load, run the episodes, print."""
    from robodl.evaluation.rollout import FIRST_SEED
    from robodl.evaluation.score_report import comparison_facts, comparison_lines, outcomes, score_facts, score_lines
    from robodl.learning.contenders import ablated, opponent
    from robodl.runs.provenance import save_numbers
    from robodl.runs.report import say
    from robodl.runs.videos import films, save_failures, write_video
    from robodl_envs import RenderingError
    from robodl_envs.arrays import check_choice
    from robodl_envs.randomization.settings import PRESETS

    check_outputs(options)
    with cli.settings_errors():
        check_choice("randomize", options.randomize, ("own", *PRESETS))
        found = chosen(options)
        seed = found.cfg.seed if options.seed is None else options.seed
        first = ablated(found, options.motion, options.sight, seed)
        others = [opponent(found, options.against, seed, options.device, options.threads)] if options.against else []
        for each in (first, *others):
            each.cfg.timestep = each.cfg.timestep if options.timestep is None else options.timestep
            each.cfg.randomize = each.cfg.randomize if options.randomize == "own" else PRESETS[options.randomize]
        runs = [episodes_of(each, options, FIRST_SEED + seed) for each in (first, *others)]
    scores = [run() for run in runs]
    score, cfg = scores[0], first.cfg
    facts = {"env": cfg.env["task"], "robot": cfg.robot["name"], "policy": options.policy, "seed": seed}
    facts |= {key: value for key in ("motion", "sight", "randomize") if (value := getattr(options, key)) != "own"}
    facts |= {"observation": cfg.observation} if options.policy == "zoo" and cfg.observation != "state" else {}
    facts |= {"backend": options.backend} if options.backend != "cpu" else {}
    facts |= {"timestep": options.timestep} if options.timestep is not None else {}
    facts |= {"env_settings": options.settings} if options.settings else {}
    facts |= {"run": options.run, **score_facts(score)}
    title, lines, episodes = first.title, score_lines(score), outcomes(score)
    for other, other_score in zip(others, scores[1:], strict=True):
        facts["against"] = {"policy": options.against, **comparison_facts(score, other_score)}
        title, lines = f"{title} against {other.title}", lines | comparison_lines(facts["against"], other_score)
        for outcome, success in zip(episodes, other_score.success, strict=True):
            outcome["against"] = bool(success)
    if options.output:
        save_numbers(options.output, facts, outcomes=episodes)
    say(title if options.randomize == "own" else f"{title}, randomize={options.randomize}", lines)
    try:
        if options.video:
            shown = list(films(first.policy_in, cfg, range(FIRST_SEED + seed, FIRST_SEED + seed + 3)))
            write_video(Path(options.video), [frame for film in shown for frame in film.frames], shown[0].fps)
            print(f"  video         {options.video}")
        if options.failures:
            failed = [int(each) for each in score.seeds[~score.success]]
            count = save_failures(first.policy_in, cfg, failed, Path(options.failures))
            left_out = f", {len(failed) - count} more are left out" if len(failed) > count else ""
            print(f"  failures      {f'{count} videos in {options.failures}' if failed else 'none'}{left_out}")
    except RenderingError as error:
        raise cli.UsageError(str(error)) from error


def check_outputs(options: Options) -> None:
    """UsageError if what is to be written can't be."""
    cli.check_writable(options.output)
    cli.check_writable(options.video)
    if options.video and Path(options.video).suffix not in (".mp4", ".gif"):
        raise cli.UsageError(f"video must be a file named .mp4 or .gif, got {options.video}")
    if options.failures:
        cli.check_new_folder(options.failures)


def episodes_of(contender: Any, options: Options, seed: int) -> Callable[[], Any]:
    """Make a policy's environments; returns a function that runs the episodes in them and gives their score."""
    from robodl.evaluation.rollout import MAX_ROWS, evaluate_policy
    from robodl.learning.build import on_backend, pick_device
    from robodl.runs.report import counting
    from robodl.vec_env import make_envs

    cfg, num = contender.cfg, min(MAX_ROWS, options.episodes)
    envs: Any = make_envs(cfg, num, "Disabled", **on_backend(cfg, options.backend, pick_device(options.device)))
    policy = contender.policy_in(envs)

    def run() -> Any:
        score = evaluate_policy(policy, envs, options.episodes, seed, counting("episodes", options.episodes))
        envs.close()
        return score

    return run


def chosen(options: Options) -> Any:
    """The policy that is asked for."""
    from robodl.learning.contenders import of_zoo, trained, untrained, untrained_policies
    from robodl.tuned import env_settings

    if (options.run is None) == (options.env is None):
        raise cli.UsageError("give either run=<folder> or env=<task>")
    task = str(options.env)
    choices = (*untrained_policies(task), "zoo") if options.run is None else RUN_POLICIES
    if options.run is None and options.policy == "best":
        raise cli.UsageError(f"env={task} needs policy={', '.join(choices)}; a trained policy, run=<folder>")
    if options.policy not in choices:
        raise cli.UsageError(f"policy must be one of {', '.join(choices)} here, got {options.policy!r}")
    if options.observation and options.policy != "zoo":
        raise cli.UsageError(
            f"observation={options.observation} chooses among policy=zoo; other policies have their own"
        )
    if options.policy == "zoo":
        if options.control or options.settings:
            raise cli.UsageError(
                "a policy of the zoo keeps its controller and its task: no control=, no env.<setting>="
            )
        return of_zoo(task, options.robot or "panda", options.observation, options.device, options.threads)
    if options.run is None:
        robot, control = options.robot or "panda", options.control or "tool"
        cfg = environment(task, robot, control=control, threads=options.threads)
        cfg.env.update(env_settings(task) | options.settings)
        return untrained(options.policy, cfg, options.seed or 0)
    if options.robot or options.control or options.settings:
        names = "robot=, control= and env.<setting>="
        raise cli.UsageError(f"a run keeps its robot, its controller and its task: {names} go with env=")
    return trained(options.run, options.policy, options.device, options.threads)


if __name__ == "__main__":
    main()
