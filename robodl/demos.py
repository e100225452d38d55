"""Demonstrations as a Minari dataset: python -m robodl.demos env=push n=200"""

import sys
from dataclasses import dataclass, fields

from robodl import cli
from robodl.config import CONTROLS, REWARDS, THREADS, TIMESTEP
from robodl.options import option


@dataclass
class Options:
    """Episodes of a task's scripted expert, written as a Minari dataset, and played again to see that they are exact.

    Datasets lie where Minari keeps them: in the folder MINARI_DATASETS_PATH, or ~/.minari/datasets. After writing, and
    with replay=<name>, each episode is reset with its seed and its actions are taken again: exit code 1 if an
    observation or a reward differs in a bit, as it may with another version of MuJoCo.
    It needs Minari: pip install "robodl[demos]".
    """

    env: str | None = option(help="task to demonstrate")
    n: int = option(200, help="episodes", at_least=1)
    robot: str = option("panda", help="robot")
    control: str = option("tool", help="what an action moves; experts act by tool", choices=CONTROLS)
    reward: str = option("dense", help="of the environment", choices=REWARDS)
    timestep: float = option(0.004, **TIMESTEP)
    noise: float = option(0.0, help="standard deviation added to actions, which go from -1 to 1", at_least=0)
    only_successes: bool = option(False, help="leave out episodes without success at the end")
    seed: int = option(0, help="episode k's is 2^30 + seed + k: below evaluation's", at_least=0, at_most=2**30 - 1)
    threads: int = option(0, **THREADS)
    name: str | None = option(help="of the dataset: robodl/<env>/expert-v0 if not given")
    overwrite: bool = option(False, help="replace a dataset of that name")
    replay: str | None = option(help="name of a dataset to play again, instead of env")


def main() -> None:
    cli.guarded(lambda: demos(cli.parse(Options, sys.argv[1:], "robodl.demos")))


def demos(options: Options) -> None:
    """Write a dataset, unless one is given to replay; then replay it."""
    check(options)
    with cli.settings_errors():
        name = options.replay or write_dataset(options)
        differences = replay_dataset(name, options.threads)
    if differences:
        cli.fail(differences, code=1)


def check(options: Options) -> None:
    if options.replay is not None:
        for known in fields(Options):
            if known.name not in ("replay", "threads") and getattr(options, known.name) != known.default:
                raise cli.UsageError(f"replay= takes all from the dataset; {known.name}= goes with env=")
    elif options.env is None:
        raise cli.UsageError("give either env=<task> or replay=<name of a dataset>")


def write_dataset(options: Options) -> str:
    """Record the expert's episodes and write them; returns the dataset's name."""
    import gymnasium

    from robodl.imitation import minari_io
    from robodl.imitation.demonstrations import FIRST_SEED
    from robodl.imitation.episodes import make_rows, record
    from robodl.runs.provenance import provenance
    from robodl.runs.report import counting
    from robodl_envs import make_policy, task_class, task_id

    task = str(options.env)
    task_class(task)  # an unknown task is refused here, with ours and the plugins' names
    settings = {key: getattr(options, key) for key in ("robot", "control", "reward", "timestep")}
    settings |= {"task": task, "max_episode_steps": gymnasium.spec(task_id(task)).max_episode_steps}
    envs = make_rows(settings, options.n, options.threads)
    expert = make_policy("expert", envs)
    own = "expert" if options.robot == "panda" else f"{options.robot}-expert"
    name = options.name or f"robodl/{task}/{own}-v0"
    minari_io.checked_folder(name, options.overwrite)
    episodes = record(
        expert, envs, options.n, FIRST_SEED + options.seed, options.noise, counting("episodes", options.n)
    )
    envs.close()
    if options.only_successes:
        episodes = [each for each in episodes if each.success]
    if not episodes:
        raise ValueError(f"none of {options.n} episodes ended in success: nothing is left to write")
    facts = {"noise": options.noise, "seed": options.seed, "only_successes": options.only_successes, **provenance()}
    left = ", those without success at the end left out" if options.only_successes else ""
    noise = f", Gaussian noise of {options.noise:g} added to its actions" if options.noise else ""
    description = (
        f"{options.n} episodes of robodl's scripted expert: {task}, {options.robot}, control={options.control}"
        f"{noise}{left}. Episode k began with seed 2^30 + {options.seed} + k."
    )
    minari_io.write(name, episodes, settings, description, facts, options.overwrite)
    return name


def replay_dataset(name: str, threads: int) -> str | None:
    """Replay a dataset and print a summary; returns the differences in words, None if there are none."""
    from importlib.metadata import version

    from robodl.evaluation.statistics import wilson_interval
    from robodl.imitation import minari_io
    from robodl.imitation.episodes import first_difference, make_rows, replay
    from robodl.runs import report
    from robodl.runs.report import counting

    dataset = minari_io.load(name)
    episodes = dataset.episodes
    if any(each.seed is None for each in episodes):
        raise ValueError(f"dataset {name} does not note its seeds, so it can't be played again")
    envs = make_rows(dataset.settings, len(episodes), threads)
    minari_io.check_spaces(name, dataset, envs)
    played = replay(envs, episodes, counting("episodes", len(episodes)))
    envs.close()
    found = [first_difference(*pair) for pair in zip(episodes, played, strict=True)]
    wrong = [k for k, words in enumerate(found) if words]
    if wrong:
        made = f"; made with mujoco {dataset.mujoco}, this is {version('mujoco')}" if dataset.mujoco else ""
        first = f"episode {wrong[0]} in {found[wrong[0]]}"
        return f"played again, {len(wrong)} of {len(episodes)} episodes of {name} differ, {first}{made}"
    count, steps = len(episodes), sum(map(len, episodes))
    successes = sum(each.success for each in episodes)
    low, high = wilson_interval(successes, count)
    lines = {
        "success_rate": f"{successes / count:.1%} of {count} episodes (95 % interval {low:.1%} to {high:.1%})",
        "length": f"{steps / count:.1f} control steps on average, {steps:,} in all",
        "return": f"{sum(each.rewards.sum() for each in episodes) / count:.2f} on average",
        "replayed": "every observation and reward the same, to the last bit",
        "dataset": report.near(minari_io.dataset_folder(name)),
        "again": f"python -m robodl.demos replay={name}",
    }
    settings = minari_io.DEFAULTS | dataset.settings
    report.say(f"{name}: {settings['task']}, {settings['robot']}, reward={settings['reward']}", lines)
    return None


if __name__ == "__main__":
    main()
