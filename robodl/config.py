"""The typed schema of a training run, and the checks that refuse a bad one before anything is made."""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from robodl.cli import HYDRA_ERRORS, UsageError, fail, hydra_line, one_line


@dataclass
class TrainConfig:
    """Every key of `python -m robodl.train`; a key that is not here is refused."""

    env: dict[str, Any] = field(default_factory=dict)  # task, and the task's own settings
    robot: dict[str, Any] = field(default_factory=dict)  # name
    algo: dict[str, Any] = field(default_factory=dict)  # _target_ and the arguments of its class
    encoder: dict[str, Any] = field(default_factory=dict)  # name of what pictures go through, frozen or not
    observation: str = "state"  # or image, or image+state
    cameras: list[str] | None = None  # names of pictures; the task's own choice where none are given
    image_size: Any = 32  # pixels, or [height, width]
    renderer: str = "ray"  # or gl
    randomize: dict[str, Any] = field(default_factory=dict)  # what varies from episode to episode, by name
    control: str = "tool"  # or joint
    reward: str = "dense"  # or sparse, or shaped
    control_dt: float = 0.04  # s, one step of the environment
    seed: int = 0
    device: str = "auto"  # cpu, cuda, or auto: cuda where there is one
    total_timesteps: int = 1_000_000  # environment steps, of all rows together; 0 for a clone that learns no further
    num_envs: int = 64  # rows
    threads: int = 0  # simulation threads, 0 for one per core
    torch_threads: int = 1  # more slow small networks down beside simulation threads
    eval_every: int = 20_000  # environment steps between evaluations
    eval_episodes: int = 100  # episodes of each evaluation
    test_episodes: int = 500  # fresh episodes after training
    checkpoint_every: int = 0  # environment steps between checkpoints to resume from, 0 for eval_every
    video_episodes: int = 3  # episodes in the video at the end, 0 for none
    resume: str | None = None  # run folder to go on with
    name: str | None = None  # of the run's folder, instead of date, time and id


# Lower bounds of numbers, by key; what else is wrong shows when the environment and the algorithm are made.
AT_LEAST = {
    "seed": 0,
    "total_timesteps": 0,
    "num_envs": 1,
    "threads": 0,
    "torch_threads": 1,
    "eval_every": 1,
    "eval_episodes": 1,
    "test_episodes": 1,
    "checkpoint_every": 0,
    "video_episodes": 0,
}
# Of algo: what kind of number, and from where to where. What an algorithm does not have is refused elsewhere.
ALGO_RANGES: dict[str, tuple[type, float, float]] = {
    **dict.fromkeys(("gamma", "gae_lambda", "tau", "clip_range"), (float, 0, 1)),
    **dict.fromkeys(
        ("learning_rate", "noise", "max_grad_norm", "vf_coef", "target_kl", "clone_focus"), (float, 0, math.inf)
    ),
    **dict.fromkeys(("n_steps", "n_epochs", "train_freq", "buffer_size"), (int, 1, math.inf)),
    **dict.fromkeys(
        ("learning_starts", "her", "shift", "demonstrations", "clone", "clone_length", "clone_keep", "value_first"),
        (int, 0, math.inf),
    ),
    **dict.fromkeys(("clone_rows", "clone_steps", "clone_last"), (int, 1, math.inf)),
    "demonstration_share": (float, 0, 1),
    **dict.fromkeys(("batch_size", "clone_batch"), (int, 2, math.inf)),
    "gradient_steps": (int, -1, math.inf),
    "log_std_init": (float, -10, 10),
}
HYDRA_FLAGS = frozenset(
    [
        "--help",
        "--hydra-help",
        "--version",
        "--cfg",
        "--package",
        "--resolve",
        "--run",
        "--multirun",
        "--info",
        "--config-dir",
        "--config-name",
        "--config-path",
        "--shell-completion",
        "--experimental-rerun",
    ]
)
OPEN = ("algo.", "env.", "encoder.", "randomize.", "data.")  # settings of things that check their own
RESUMABLE = ("total_timesteps", "device", "resume", "video_episodes", "test_episodes")  # may change in a resumed run


def register(name: str = "config", schema: type = TrainConfig) -> None:
    """Make known to Hydra a command's schema, the run's name, and the tasks and robots that have no file in conf."""
    from robodl_envs import load_plugins, robot_names, task_names

    store = ConfigStore.instance()
    store.store(name=f"{name}_schema", node=schema)
    if not OmegaConf.has_resolver("run_name"):
        OmegaConf.register_new_resolver("run_name", run_name, use_cache=True)
    tasks, robots = task_names(), robot_names()
    load_plugins()
    for task in set(task_names()).difference(tasks):
        store.store(group="env", name=task, node={"task": task})
    for robot in set(robot_names(downloaded=True)).difference(robots):
        store.store(group="robot", name=robot, node={"name": robot})


def run_name(name: str | None, job: int | None = None) -> str:
    """A run folder's name: the given one, with a number if it is one job of several, else date, time and an id."""
    if name is None:
        return f"{time.strftime('%Y-%m-%d_%H%M%S')}_{secrets.token_hex(2)}"
    return name if job is None else f"{name}_{job}"


def resumed(argv: list[str]) -> list[str]:
    """The command line of a run that goes on: its folder is kept as it is. Others are returned unchanged."""
    given = dict(word.lstrip("+").split("=", 1) for word in argv if "=" in word)
    if "resume" not in given:
        return argv
    if {"-m", "--multirun"} & set(argv):
        raise UsageError("runs are resumed one at a time, without -m")
    for key in given:
        if key not in RESUMABLE:
            raise UsageError(f"a resumed run keeps its settings; only {', '.join(RESUMABLE)} may be given, got {key}")
    folder = os.path.normpath(given["resume"].strip("'\""))
    from robodl.runs.run_folder import Run

    try:
        Run.existing(folder).check_resumable()
    except ValueError as error:
        raise UsageError(str(error)) from None
    return [*argv, f"hydra.run.dir='{folder}'", "hydra.output_subdir=null"]


def settle(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The configuration to run: as composed, or a resumed run's own with what the command line overrides."""
    if not cfg.resume:
        return cfg
    from robodl.runs.run_folder import Run

    own = OmegaConf.merge(OmegaConf.structured(TrainConfig), Run.existing(cfg.resume).config())
    assert isinstance(own, DictConfig)
    for key in {word.lstrip("+").partition("=")[0] for word in overrides}:
        own[key] = cfg[key]
    return own


def check_algo(algo: DictConfig) -> None:
    """Refuse hyperparameters that are no numbers or out of range: ValueError."""
    if not isinstance(algo.get("anneal", False), bool):
        raise ValueError(f"algo.anneal must be true or false, got {algo['anneal']!r}")
    for key, (kind, low, high) in ALGO_RANGES.items():
        value = algo.get(key)
        if value is None:
            continue
        right = isinstance(value, int) if kind is int else isinstance(value, (int, float))
        if not right or isinstance(value, bool) or not low <= value <= high:
            bounds = f"of at least {low}" if high == math.inf else f"from {low} to {high}"
            raise ValueError(
                f"algo.{key} must be {'an integer' if kind is int else 'a number'} {bounds}, got {value!r}"
            )


def opened(argv: list[str], schema: type = TrainConfig) -> list[str]:
    """The command line as Hydra takes it, with settings of an algorithm or a task let through.

    Hydra knows only their defaults; `check` refuses those that the algorithm or the task does not have.
    """
    words = []
    for word in argv:
        if word.startswith("--") and word.partition("=")[0] not in HYDRA_FLAGS:
            raise UsageError(f"settings are key=value, such as env=reach, got {word}")
        key, _, value = word.partition("=")
        if re.fullmatch(r"\d+(\.\d+)?e\d+", value) and isinstance(getattr(schema, key, None), int):
            word = f"{key}={round(float(value))}"  # people write 1e5 for 100_000
        words.append(f"++{word}" if word.startswith(OPEN) else word)
    return words


def known_keys(schema: type = TrainConfig) -> list[str]:
    """Keys of a schema, and of algorithms as algo.<name>, to suggest in place of one that is not there."""
    algo = [f"algo.{key}" for key in ALGO_RANGES] if schema is TrainConfig else []
    return [known.name for known in fields(schema)] + algo


class Door(Callback):
    """Checks configurations before Hydra makes a run's folder."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        refused(lambda: check(settle(config, config.hydra.overrides.task)))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for job, composed in each_job("config", config):
            refused(functools.partial(check, composed, job))


def launch(name: str, command: Callable[[DictConfig], None], argv: Sequence[str], schema: type) -> None:
    """Compose the configuration `name` from a command line and run the command; UsageError for what Hydra refuses."""
    import hydra

    register(name, schema)
    sys.argv[1:] = opened(list(argv), schema)
    try:
        hydra.main(version_base="1.3", config_path="pkg://robodl.conf", config_name=name)(command)()
    except HYDRA_ERRORS as error:
        raise UsageError(hydra_line(error, known_keys(schema))) from None


def each_job(name: str, config: DictConfig) -> Iterator[tuple[int, DictConfig]]:
    """The jobs of a multirun with their configurations; exits with one line if one does not compose."""
    for job, overrides in enumerate(combinations(list(config.hydra.overrides.task))):
        try:
            yield job, compose(name, overrides=overrides)
        except HYDRA_ERRORS as error:
            fail(hydra_line(error, known_keys()))


def combinations(overrides: list[str]) -> list[list[str]]:
    """The command lines of a multirun's jobs: every combination of the values that its sweeps list."""
    choices = []
    for text, override in zip(overrides, OverridesParser.create().parse_overrides(overrides), strict=True):
        key = text.partition("=")[0]
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        choices.append([text] if values is None else [f"{key}={value}" for value in values])
    return [list(combination) for combination in itertools.product(*choices)]


def refused(checks: Callable[[], None]) -> None:
    """Exit with one line and code 2 where the checks raise."""
    try:
        checks()
    except Exception as error:  # whatever a library makes of a value, nothing has been made yet, and the user gave it
        fail(one_line(error))


def check_at_least(cfg: DictConfig, bounds: dict[str, int]) -> None:
    for key, least in bounds.items():
        if cfg[key] < least:
            raise ValueError(f"{key} must be at least {least}, got {cfg[key]}")


def check_name(name: str | None, parent: Path, job: int | None, resumes: bool = True) -> None:
    """Refuse a run's name that is no folder's, or that another run has, which may be one to resume: ValueError."""
    if name is None:
        return
    if "/" in name or name in ("", ".", ".."):
        raise ValueError(f"name must be a folder's name without '/', got {name!r}")
    folder = parent / run_name(name, job)
    if folder.exists():
        way_out = f"go on with resume={folder}" if resumes else "remove that folder"
        raise ValueError(f"there is a run {folder} already; choose another name, or {way_out}")


def check(cfg: DictConfig, job: int | None = None) -> None:
    """Refuse a composed configuration that can't run, by making all that it asks for once.

    Raises:
        Exception: of any kind, with one line that says what is wrong.
    """
    check_at_least(cfg, AT_LEAST)
    check_algo(cfg.algo)
    if not cfg.total_timesteps and not cfg.algo.get("clone"):
        raise ValueError("total_timesteps=0 is for a clone that learns no further: give algo.clone, or more steps")
    if not cfg.resume:
        check_name(cfg.name, Path("runs") / str(cfg.env.get("task")), job)
    from robodl.imitation.demonstrations import check_teaching
    from robodl.learning.build import build_model, pick_device, training_envs

    device = pick_device(cfg.device)
    envs = training_envs(cfg, cfg.num_envs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are shown when the run's own model is made
        model = build_model(cfg, envs, device)
    inner: Any = envs.unwrapped
    check_teaching(model, cfg, inner.envs)
    envs.close()
