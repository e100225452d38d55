"""The benchmark that needs no training: python -m robodl.suite episodes=200 output=suite.json"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.config import OUTPUT, THREADS
from robodl.evaluate import UNTRAINED_POLICIES
from robodl.options import option

EXPERT_AT_LEAST, FLOOR_AT_MOST = 0.95, 0.05  # success rates; a floor's is above that of a guess
TABLE = "{:<16}{:<8}{:<8}{:>8}  {:<18}{:>6}{:>6}{:>10}"


@dataclass
class Options:
    """Success rates of scripted experts, and of random and zero actions, on every task with every robot that does it.

    Steps are control steps to the first success: on average, and the most that 95 % of the episodes with one needed.
    Exit code 1 if an expert succeeds in less than 95 % of its episodes, or random or zero actions in more than 5 %, or
    in 5 % more than guesses do where the task is to choose.
    """

    env: list[str] = option([], help="tasks, such as [reach,push]; all if not given")
    robot: list[str] = option([], help="robots, such as [panda]; all if not given")
    policy: list[str] = option([], help="policies; all if not given", choices=UNTRAINED_POLICIES)
    episodes: int = option(200, help="episodes of each task, robot and policy", at_least=1)
    seed: int = option(0, help="episode k's is 2^31 + seed + k", at_least=0)
    threads: int = option(0, **THREADS)
    output: str | None = option(**OUTPUT)


def main() -> None:
    cli.guarded(lambda: suite(cli.parse(Options, sys.argv[1:], "robodl.suite")))


def suite(options: Options) -> None:
    """Measure every pair of a task and a robot, print the table, and fail on rates out of bounds."""
    from robodl.atomic_write import replacing
    from robodl.runs.provenance import provenance

    options.policy = list(dict.fromkeys(options.policy or UNTRAINED_POLICIES))
    cli.check_writable(options.output)
    with cli.settings_errors():
        pairs, refused = supported_pairs(options)
    print(TABLE.format("env", "robot", "policy", "success", "95 % interval", "steps", "most", "diverged"))
    rows, made_by = [], provenance()
    for task, robot in pairs:
        for row in measured(options, task, robot):
            rows.append(row)
            say(line(row))
    for row in refused:
        say(f"{row['env']:<16}{row['robot']:<8}refused: {row['reason']}")
    if options.output:
        content = {"seed": options.seed, "rows": rows, "refused": refused, **made_by}
        with replacing(Path(options.output)) as path:
            path.write_text(json.dumps(content, indent=1) + "\n")
    if wrong := [fault for row in rows if (fault := out_of_bounds(row))]:
        cli.fail("; ".join(wrong), code=1)


def supported_pairs(options: Options) -> tuple[list[tuple[str, str]], list[dict[str, str]]]:
    """The pairs of task and robot to measure, and those that can't be, with the reason.

    Each environment and policy is made once, small: a wrong one is refused before hours of measurement.
    """
    from robodl.evaluation.robot_support import task_robot_pairs
    from robodl_envs import make_policy, make_vec

    found = task_robot_pairs(options.env, options.robot)
    pairs = [(task, robot) for task, robot, reason in found if reason is None]
    refused = [{"env": task, "robot": robot, "reason": reason} for task, robot, reason in found if reason]
    if not pairs:
        raise ValueError("; ".join(f"robot={r['robot']} does not do {r['env']}: {r['reason']}" for r in refused))
    for task, robot in pairs:
        envs = make_vec(task, robot=robot, num_envs=1)
        for name in options.policy:
            make_policy(name, envs)
        envs.close()
    return pairs, refused


def measured(options: Options, task: str, robot: str) -> Iterator[dict[str, Any]]:
    """A row of numbers for each policy: those that `robodl.evaluate env=<task> robot=<robot> policy=<policy>` gives."""
    from robodl.evaluation.rollout import untrained_scores
    from robodl.evaluation.score_report import score_facts
    from robodl.runs.report import counting

    progress = counting(f"episodes of {task}, {robot}", options.episodes)
    scores = untrained_scores(task, robot, options.policy, options.episodes, options.seed, options.threads, progress)
    for name, score in scores:
        assert score is not None
        yield {"env": task, "robot": robot, "policy": name, **score_facts(score)}


def line(row: dict[str, Any]) -> str:
    interval = f"{row['success_low']:.1%} to {row['success_high']:.1%}"
    steps, most = row["steps_to_success"], row["steps_to_success_95"]
    needed = ("-", "-") if steps is None else (f"{steps:.1f}", most)
    names = row["env"], row["robot"], row["policy"]
    return TABLE.format(*names, f"{row['success_rate']:.1%}", interval, *needed, row["diverged"])


def say(text: str) -> None:
    """A line of the table, over what counted the episodes on a terminal."""
    print(f"\r\033[K{text}" if sys.stdout.isatty() else text, flush=True)


def out_of_bounds(row: dict[str, Any]) -> str | None:
    """A row's fault in words; None if its success rate is within bounds."""
    from robodl.evaluation.task_metrics import chance_success_rate
    from robodl_envs import task_class

    rate, expert = row["success_rate"], row["policy"] == "expert"
    most = FLOOR_AT_MOST + chance_success_rate(task_class(row["env"]))
    if rate >= EXPERT_AT_LEAST if expert else rate <= most:
        return None
    bound = f"at least {EXPERT_AT_LEAST:.0%}" if expert else f"at most {most:.0%}"
    return f"{row['env']}, {row['robot']}, {row['policy']}: {rate:.1%} of {row['episodes']} episodes, not {bound}"


if __name__ == "__main__":
    main()
