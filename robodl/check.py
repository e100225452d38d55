"""Check an environment against the contract: python -m robodl.check env=push"""

import sys
from dataclasses import dataclass

from robodl import cli
from robodl.options import option


@dataclass
class Options:
    """Run the contract that every environment keeps on a task, of other packages too.

    Determinism, rows that equal single environments, snapshots, pickles, spaces, pure rewards, and refusals; then how
    often its expert, random and zero actions succeed. Exit code 1 if a promise is broken.
    """

    env: str | None = option(None, help="task, such as push")
    robot: list[str] = option([], help="robots, such as [panda]; all that do the task if not given")
    control: list[str] = option(["tool", "joint"], help="controllers", choices=("tool", "joint"))
    episodes: int = option(50, help="episodes of expert, random and zero actions", at_least=1)


def main() -> None:
    cli.guarded(lambda: check(cli.parse(Options, sys.argv[1:], "robodl.check")))


def check(options: Options) -> None:
    """Check every robot and controller, print a line for each promise, and fail where one is broken."""
    from robodl.evaluation import contract
    from robodl.evaluation.robot_support import task_robot_pairs
    from robodl.evaluation.rollout import untrained_scores

    if options.env is None:
        raise cli.UsageError("give env=<task>, such as env=push")
    with cli.settings_errors():
        pairs = task_robot_pairs([options.env], options.robot)
    broken = 0
    for task, robot, reason in pairs:
        if reason:
            print(f"{task}, {robot}: refused: {reason}")
            continue
        for control in options.control:
            print(f"{task}, {robot}, {control}")
            settings = {"task": task, "robot": robot, "control": control}
            for promise, problem in contract.check(settings):
                broken += problem is not None
                print(f"  {'ok    ' if problem is None else 'BROKEN'}  {promise}{f': {problem}' if problem else ''}")
        scores = untrained_scores(task, robot, ("expert", "random", "zero"), options.episodes)
        rates = [f"{name} {f'{score.success_rate:.0%}' if score else 'none'}" for name, score in scores]
        print(f"  success of {options.episodes} episodes: {', '.join(rates)}")
    if broken:
        cli.fail(f"{broken} promises are broken", code=1)
    print("every promise is kept")


if __name__ == "__main__":
    main()
