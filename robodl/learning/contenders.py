"""Policies to evaluate: of a run, or without training; and those that may be compared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from robodl.evaluation.ablation import replace_images, replace_motion
from robodl.learning.build import pick_device
from robodl.learning.policy_files import load_policy
from robodl.learning.zoo import zoo_stem
from robodl.options import UsageError
from robodl.runs.report import acting
from robodl.runs.run_folder import Run
from robodl_envs import BASELINES, Policy, make_policy
from robodl_envs.experts.policy import POLICIES

BASELINE_IMAGE_SIZE = 64  # pixels
SAME_EPISODES = ("env", "robot", "control_dt", "timestep", "randomize")  # what decides on the episode of a seed


class Contender(NamedTuple):
    """A policy to evaluate."""

    policy_in: Callable[[Any], Policy]  # from environments to the policy in them
    cfg: Any  # of its environments
    title: str


def trained(folder: str, policy_name: str, device: str, threads: int) -> Contender:
    """The "best" or the "last" policy of a run's folder."""
    run = Run.existing(folder)
    stem = run.last if policy_name == "last" else best_stem(run, "policy=last takes it as it was saved")
    return loaded(stem, str(stem), device, threads)


def best_stem(run: Run, way_out: str) -> Path:
    """The stem of a run's best policy; UsageError, with a way out, if there is none."""
    if not run.best.with_suffix(".json").is_file():
        why = f"{run.folder} has no {run.best.name}.json, as runs that were stopped before they tried their policy"
        raise UsageError(f"{why}: {way_out}")
    return run.best


def difference(key: str, first: Any, second: Any) -> tuple[str, str] | None:
    """What two configurations have as a key, in words; None if that is the same."""
    here, there = (str(cfg[key]).replace("'", "") for cfg in (first, second))
    return (here, there) if first[key] != second[key] else None


def of_zoo(task: str, robot: str, observation: str | None, device: str, threads: int) -> Contender:
    """The policy of the zoo for a task, a robot and what it sees; UsageError where there is none."""
    return loaded(zoo_stem(task, robot, observation), "zoo", device, threads)


def loaded(stem: Path, name: str, device: str, threads: int) -> Contender:
    """A policy from its files."""
    policy, cfg = load_policy(stem, pick_device(device))
    cfg.threads = threads
    return Contender(lambda envs: acting(policy), cfg, f"{cfg.env['task']}, {cfg.robot['name']}, {name}")


def untrained(name: str, cfg: Any, seed: int) -> Contender:
    """A policy that needs no training, in environments of a configuration; baselines get the images that they need."""
    task, cfg = cfg.env["task"], cfg.copy()
    if name not in POLICIES:
        cfg.observation, cfg.image_size = "image", BASELINE_IMAGE_SIZE
        cfg.cameras = list(BASELINES[task][name].cameras)
    title = f"{task}, {cfg.robot['name']}, {name} policy"
    return Contender(lambda envs: make_policy(name, envs, seed), cfg, title)


def untrained_policies(task: str) -> tuple[str, ...]:
    """Names of policies of a task that need no training."""
    return (*POLICIES, *BASELINES.get(task, ()))


def opponent(first: Contender, against: str, seed: int, device: str, threads: int) -> Contender:
    """The policy that another one is compared with, by its name, or the best of a run's folder.

    Raises:
        UsageError: there is no such policy, or its episodes are not those of the first.
    """
    cfg, choices = first.cfg, untrained_policies(first.cfg.env["task"])
    if against in choices:
        return untrained(against, cfg, seed)
    if against == "zoo":
        other = of_zoo(cfg.env["task"], cfg.robot["name"], None, device, threads)
    elif Path(against).is_dir():
        other = trained(against, "best", device, threads)
    else:
        raise UsageError(f"against must be a run's folder, or one of {', '.join([*choices, 'zoo'])}, got {against!r}")
    for key in (*SAME_EPISODES, "observation", "cameras") if cfg.randomize else SAME_EPISODES:  # images draw, too
        if differs := difference(key, cfg, other.cfg):
            here, there = differs
            raise UsageError(f"only policies of the same {key} can be compared: {against} has {there}, not {here}")
    return other


def ablated(contender: Contender, motion: str, sight: str, seed: int) -> Contender:
    """A policy whose motion or images are replaced."""

    def policy_in(envs: Any) -> Policy:
        return replace_motion(replace_images(contender.policy_in(envs), envs, sight, seed), envs, motion, seed)

    return contender._replace(policy_in=policy_in)
