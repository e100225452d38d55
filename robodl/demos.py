"""Demonstrations as a Minari dataset: python -m robodl.demos env=push n=200"""

import math
import sys
from dataclasses import dataclass, field, fields
from typing import Any

from robodl import cli


@dataclass
class Options:
    """Episodes of a task's scripted expert, written as a Minari dataset, and played again to see that they are exact.

    Datasets lie where Minari keeps them: in the folder MINARI_DATASETS_PATH, or ~/.minari/datasets. After writing, and
    with replay=<name>, each episode is reset with its seed and its actions are taken again: exit code 1 if an
    observation or a reward differs in a bit, as it may with another version of MuJoCo.
    It needs Minari: pip install "robodl[demos]".
    """

    env: str | None = field(default=None, metadata={"help": "task to demonstrate"})
    n: int = field(default=200, metadata={"help": "episodes"})
    robot: str = field(default="panda", metadata={"help": "robot"})
    control: str = field(default="tool", metadata={"help": "controller; experts act by tool"})
    reward: str = field(default="dense", metadata={"help": "dense, sparse or shaped"})
    noise: float = field(default=0.0, metadata={"help": "standard deviation added to actions, which go from -1 to 1"})
    only_successes: bool = field(default=False, metadata={"help": "leave out episodes without success at the end"})
    seed: int = field(default=0, metadata={"help": "episode k's is 2^30 + seed + k"})
    threads: int = field(default=0, metadata={"help": "simulation threads, 0 for one per core"})
    name: str | None = field(default=None, metadata={"help": "of the dataset: robodl/<env>/expert-v0 if not given"})
    overwrite: bool = field(default=False, metadata={"help": "replace a dataset of that name"})
    replay: str | None = field(default=None, metadata={"help": "name of a dataset to play again, instead of env"})


def main() -> None:
    cli.guarded(lambda: demos(cli.parse(Options, sys.argv[1:], "robodl.demos")))


def demos(options: Options) -> None:
    """Write, unless there is only something to replay; then replay."""
    check(options)
    try:
        name = options.replay or written(options)
        differences = replayed(name, options.threads)
    except cli.USER_ERRORS as error:
        raise cli.UsageError(cli.one_line(error)) from error
    if differences:
        cli.fail(differences, code=1)


def check(options: Options) -> None:
    if options.replay is not None:
        for known in fields(Options):
            if known.name not in ("replay", "threads") and getattr(options, known.name) != known.default:
                raise cli.UsageError(f"replay= takes all from the dataset; {known.name}= goes with env=")
    elif options.env is None:
        raise cli.UsageError("give either env=<task> or replay=<name of a dataset>")
    if options.n < 1 or options.threads < 0:
        raise cli.UsageError(f"n must be 1 or more and threads 0 or more, got {options.n}, {options.threads}")
    if not 0 <= options.seed < 2**30:
        raise cli.UsageError(f"seed must be from 0 to 2^30 - 1, apart from evaluation's, got {options.seed}")
    if not 0.0 <= options.noise < math.inf:
        raise cli.UsageError(f"noise must be a number of at least 0, got {options.noise}")


def written(options: Options) -> str:
    """Let the expert act and write what it did; the dataset's name."""
    from robodl.imitation import minari_io
    from robodl.imitation.demonstrations import FIRST_SEED
    from robodl.imitation.episodes import make_rows, record
    from robodl.runs import report
    from robodl.runs.provenance import provenance
    from robodl_envs import make_policy

    settings = settings_of(options)
    envs = make_rows(settings, options.n, options.threads)
    expert = make_policy("expert", envs)
    own = "expert" if options.robot == "panda" else f"{options.robot}-expert"
    name = options.name or f"robodl/{options.env}/{own}-v0"
    minari_io.checked_folder(name, options.overwrite)
    first, progress = FIRST_SEED + options.seed, report.counting("episodes")
    episodes = record(expert, envs, options.n, first, options.noise, progress)
    envs.close()
    if options.only_successes:
        episodes = [each for each in episodes if each.success]
    if not episodes:
        raise ValueError(f"none of {options.n} episodes ended in success: nothing is left to write")
    facts = {"noise": options.noise, "seed": options.seed, "only_successes": options.only_successes, **provenance()}
    minari_io.write(name, episodes, settings, described(options), facts, options.overwrite)
    return name


def settings_of(options: Options) -> dict[str, Any]:
    """What the environment is made with, spelled out for those who recover it."""
    import gymnasium

    from robodl_envs import task_class, task_id

    task = str(options.env)
    task_class(task)  # an unknown task is refused here, with ours and the plugins' names
    settings = {"task": task, "robot": options.robot, "control": options.control, "reward": options.reward}
    return {**settings, "max_episode_steps": gymnasium.spec(task_id(task)).max_episode_steps}


def described(options: Options) -> str:
    left = ", those without success at the end left out" if options.only_successes else ""
    noise = f", Gaussian noise of {options.noise:g} added to its actions" if options.noise else ""
    return (
        f"{options.n} episodes of robodl's scripted expert: {options.env}, {options.robot}, control={options.control}"
        f"{noise}{left}. Episode k began with seed 2^30 + {options.seed} + k."
    )


def replayed(name: str, threads: int) -> str | None:
    """Play a dataset again and tell; what differed, in words, None if nothing did."""
    from importlib.metadata import version

    from robodl.imitation import minari_io
    from robodl.imitation.episodes import make_rows
    from robodl.imitation.replay_check import first_difference, replay, score_episodes
    from robodl.runs import report

    dataset = minari_io.load(name)
    episodes = dataset.episodes
    if any(each.seed is None for each in episodes):
        raise ValueError(f"dataset {name} does not note its seeds, so it can't be played again")
    envs = make_rows(dataset.settings, len(episodes), threads)
    minari_io.check_spaces(name, dataset, envs)
    played = replay(envs, episodes, report.counting("episodes"))
    score = score_episodes(envs, episodes)
    envs.close()
    found = [first_difference(*pair) for pair in zip(episodes, played, strict=True)]
    wrong = [k for k, words in enumerate(found) if words]
    if wrong:
        made = f"; made with mujoco {dataset.mujoco}, this is {version('mujoco')}" if dataset.mujoco else ""
        first = f"episode {wrong[0]} in {found[wrong[0]]}"
        return f"played again, {len(wrong)} of {len(episodes)} episodes of {name} differ, {first}{made}"
    steps = sum(map(len, episodes))
    lines = {
        "success_rate": rate_in_words(score),
        "length": f"{steps / len(episodes):.1f} control steps on average, {steps:,} in all",
        "return": f"{score.returns.mean():.2f} on average",
        "replayed": "every observation and reward the same, to the last bit",
        "dataset": report.near(minari_io.dataset_folder(name)),
        "again": f"python -m robodl.demos replay={name}",
    }
    settings = minari_io.DEFAULTS | dataset.settings
    report.say(f"{name}: {settings['task']}, {settings['robot']}, reward={settings['reward']}", lines)
    return None


def rate_in_words(score) -> str:
    low, high = score.interval
    return f"{score.success_rate:.1%} of {score.episodes} episodes (95 % interval {low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
