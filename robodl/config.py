"""The typed schema of a training run, and the checks that refuse a bad one before anything is made."""

from __future__ import annotations

import itertools
import math
import os
import re
import secrets
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    cameras: list[str] = field(default_factory=lambda: ["front", "side"])  # names of pictures
    image_size: Any = 32  # pixels, or [height, width]
    renderer: str = "ray"  # or gl
    randomize: dict[str, Any] = field(default_factory=dict)  # what varies from episode to episode, by name
    control: str = "tool"  # or joint
    reward: str = "dense"  # or sparse
    control_dt: float = 0.04  # s, one step of the environment
    seed: int = 0
    device: str = "auto"  # cpu, cuda, or auto: cuda where there is one
    total_timesteps: int = 1_000_000  # environment steps, of all rows together
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
    "total_timesteps": 1,
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
    **dict.fromkeys(("learning_rate", "noise", "max_grad_norm", "vf_coef"), (float, 0, math.inf)),
    **dict.fromkeys(("n_steps", "n_epochs", "train_freq", "buffer_size"), (int, 1, math.inf)),
    **dict.fromkeys(("learning_starts", "her"), (int, 0, math.inf)),
    "batch_size": (int, 2, math.inf),
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
RESUMABLE = ("total_timesteps", "device", "resume", "video_episodes", "test_episodes")  # may change in a resumed run


def register() -> None:
    """Make the schema, the run's name and the tasks of installed plugins known to Hydra."""
    from robodl_envs import load_plugins, task_names

    store = ConfigStore.instance()
    store.store(name="schema", node=TrainConfig)
    if not OmegaConf.has_resolver("run_name"):
        OmegaConf.register_new_resolver("run_name", run_name, use_cache=True)
    ours = task_names()
    load_plugins()
    for task in set(task_names()).difference(ours):
        store.store(group="env", name=task, node={"task": task})


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
    from robodl.runs import Run

    try:
        Run.existing(folder).check_resumable()
    except ValueError as error:
        raise UsageError(str(error)) from None
    return [*argv, f"hydra.run.dir='{folder}'", "hydra.output_subdir=null"]


def settle(cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The configuration to run: as composed, or a resumed run's own with what the command line overrides."""
    if not cfg.resume:
        return cfg
    from robodl.runs import Run

    own = OmegaConf.merge(OmegaConf.structured(TrainConfig), Run.existing(cfg.resume).config())
    assert isinstance(own, DictConfig)
    for key in {word.lstrip("+").partition("=")[0] for word in overrides}:
        own[key] = cfg[key]
    return own


def check_algo(algo: DictConfig) -> None:
    """Refuse hyperparameters that are no numbers or out of range: ValueError."""
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


def opened(argv: list[str]) -> list[str]:
    """The command line as Hydra takes it, with settings of an algorithm or a task let through.

    Hydra knows only their defaults; `check` refuses those that the algorithm or the task does not have.
    """
    words = []
    for word in argv:
        if word.startswith("--") and word.partition("=")[0] not in HYDRA_FLAGS:
            raise UsageError(f"settings are key=value, such as env=reach, got {word}")
        key, _, value = word.partition("=")
        if re.fullmatch(r"\d+(\.\d+)?e\d+", value) and isinstance(getattr(TrainConfig, key, None), int):
            word = f"{key}={round(float(value))}"  # people write 1e5 for 100_000
        words.append(f"++{word}" if word.startswith(("algo.", "env.", "encoder.", "randomize.")) else word)
    return words


def known_keys() -> list[str]:
    """Keys of the schema, and of algorithms as algo.<name>, to suggest in place of one that is not there."""
    return [*TrainConfig.__dataclass_fields__, *(f"algo.{key}" for key in ALGO_RANGES)]


class Door(Callback):
    """Checks configurations before Hydra makes a run's folder."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        refuse_bad(config, config.hydra.overrides.task)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for job, overrides in enumerate(combinations(list(config.hydra.overrides.task))):
            try:
                composed = compose("config", overrides=overrides)
            except HYDRA_ERRORS as error:
                fail(hydra_line(error, known_keys()))
            refuse_bad(composed, overrides, job)


def combinations(overrides: list[str]) -> list[list[str]]:
    """The command lines of a multirun's jobs: every combination of the values that its sweeps list."""
    choices = []
    for text, override in zip(overrides, OverridesParser.create().parse_overrides(overrides), strict=True):
        key = text.partition("=")[0]
        values = override.sweep_string_iterator() if override.is_sweep_override() else None
        choices.append([text] if values is None else [f"{key}={value}" for value in values])
    return [list(combination) for combination in itertools.product(*choices)]


def refuse_bad(config: DictConfig, overrides: Sequence[str], job: int | None = None) -> None:
    """Exit with one line and code 2 unless the configuration can run."""
    try:
        check(settle(config, overrides), job)
    except Exception as error:  # whatever a library makes of a value, nothing has been made yet, and the user gave it
        fail(one_line(error))


def check(cfg: DictConfig, job: int | None = None) -> None:
    """Refuse a composed configuration that can't run, by making all that it asks for once.

    Raises:
        Exception: of any kind, with one line that says what is wrong.
    """
    for key, least in AT_LEAST.items():
        if cfg[key] < least:
            raise ValueError(f"{key} must be at least {least}, got {cfg[key]}")
    check_algo(cfg.algo)
    if cfg.name is not None and ("/" in cfg.name or cfg.name in ("", ".", "..")):
        raise ValueError(f"name must be a folder's name without '/', got {cfg.name!r}")
    if cfg.name is not None and not cfg.resume:
        folder = Path("runs") / str(cfg.env.get("task")) / run_name(cfg.name, job)
        if folder.exists():
            raise ValueError(f"there is a run {folder} already; go on with resume={folder}, or choose another name")
    from robodl.agent import build_model, pick_device, training_envs

    device = pick_device(cfg.device)
    envs = training_envs(cfg, cfg.num_envs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are shown when the run's own model is made
        build_model(cfg, envs, device)
    envs.close()
