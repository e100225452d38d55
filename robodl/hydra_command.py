"""Commands that Hydra composes a configuration for: train and pretrain.

Their words are checked as those of other commands are, then Hydra composes, then the whole configuration is checked.
Hydra makes no folder: a run makes its own, once it is known that it can begin.
"""

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from robodl.cli import dated_name, ending_in_one_line, fail, one_line, split, value_of
from robodl.config import defaults, nests
from robodl.options import Option, UsageError, described, open_groups, options, unknown
from robodl.runs.sweep_table import SweptRun, sweep_lines
from robodl.tuned import CONF, config_folders, register_tuned
from robodl_envs import did_you_mean, robot_names, task_names
from robodl_envs.randomization.settings import PRESETS

MORE_GROUPS = ("experiment", "tuned")  # that set options of others
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir")


def launch(name: str, schema: type, command: Callable[[DictConfig], Any], argv: Sequence[str]) -> None:
    """Compose the configuration `name` from words and run the command with it, once or, with -m, for each of a sweep.

    Raises:
        UsageError: a word is wrong.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing
    register(name, schema)
    with ending_at_once():
        sys.argv[1:] = words(schema, argv)

    def job(cfg: DictConfig) -> Any:
        with ending_at_once():
            return command(cfg)

    with ending_at_once():
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()


@contextlib.contextmanager
def ending_at_once() -> Iterator[None]:
    """End the program at a wrong configuration: further up, Hydra would print more lines."""
    try:
        with ending_in_one_line():
            yield
    except (HydraException, OmegaConfBaseException) as error:
        fail(in_one_line(error))


def register(name: str, schema: type) -> None:
    """Make known to Hydra a command's options, and the tasks and robots that have no file in conf."""
    store = ConfigStore.instance()
    store.store(name=f"{name}_options", node=defaults(schema))
    OmegaConf.register_new_resolver("groups_help", lambda: groups_help(schema), replace=True)
    OmegaConf.register_new_resolver("options_help", lambda: "\n".join(described(schema)), replace=True)
    for group, key, names in (("env", "task", task_names()), ("robot", "name", robot_names(downloaded=True))):
        files = {path.stem for folder in config_folders() for path in (folder / group).glob("*.yaml")}
        for each in set(names) - files:
            store.store(group=group, name=each, node={key: each})
    for preset, values in {**PRESETS, "looks": PRESETS["visuals"]}.items():  # version 0.1 called visuals looks
        store.store(group="randomize", name=preset, node=dict(values))
    register_tuned(task_names())


def groups_help(schema: type) -> str:
    """The groups that a command takes, each with its options: not those of another command, nor the one of `tuned`."""
    loader = GlobalHydra.instance().config_loader()
    groups = sorted({*nests(schema), *options(schema), *MORE_GROUPS} & set(loader.list_groups("")))
    return "\n".join(f"{each}: {', '.join(sorted(loader.get_group_options(each)))}" for each in groups)


def words(schema: type, argv: Sequence[str]) -> list[str]:
    """Words as Hydra takes them, flags last: options are checked, keys that an open group does not list let through."""
    given, wrong = get_args_parser().parse_known_intermixed_args(argv)
    if wrong:
        raise UsageError(f"settings are key=value, such as seed=1, got {wrong[0]!r}")
    if given.shell_completion:
        return list(argv)
    found = [word if word.startswith("~") else key_value(schema, word) for word in given.overrides]
    more = fix_keys(found) if given.multirun else []
    return found + more + [word for word in argv if word not in given.overrides]


def key_value(schema: type, word: str) -> str:
    """A single word as Hydra takes it; UsageError for a key that is not there or a value that is wrong."""
    bare = word.lstrip("+")
    key, text = split(bare)
    if key in FOLDERS:
        raise UsageError(f"{key} is not used: a run lies in runs/<env>/<name>, and name= gives it its name")
    known, groups = options(schema), [*nests(schema), *MORE_GROUPS]
    if key in known:
        text = as_hydra(known[key], text)
    elif not (key in groups or key.startswith((*open_groups(schema), "hydra")) or bare != word or "@" in key):
        raise UsageError(unknown(key, known))
    prefix = "++" if "." in key and not key.startswith("hydra.") else word.removesuffix(bare)
    return f"{prefix}{key}={text}"


def as_hydra(option: Option, text: str) -> str:
    """An option's value as Hydra reads it, checked unless it is a sweep or refers to another key."""
    try:
        parsed = OverridesParser.create().parse_override(f"key={text}")
        if parsed.is_sweep_override() or "${" in text:
            return text
        is_text = isinstance(parsed.value(), str)
    except HydraException:
        is_text = False
    if isinstance(value_of(option, text), str) and not is_text:
        return "'{}'".format(text.replace("'", "\\'"))
    return text


class Sweep(Callback):
    """Checks every job of a sweep before the first one runs, counts them, and prints a table at the end.

    Args:
        check: name of a function of a job's composed configuration and its label that raises UsageError.
    """

    def __init__(self, check: str):
        self.check, self.total = check, 0
        self.runs: list[SweptRun] = []  # that have ended

    def on_multirun_start(self, config: DictConfig, config_name: str | None = None, **kwargs: Any) -> None:
        check, fixed = get_method(self.check), config.hydra.job.config.override_dirname.exclude_keys
        with ending_at_once():
            listed = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
            for number, overrides in enumerate(jobs([*listed, *config.hydra.overrides.task])):
                check(compose(config_name, overrides=overrides), label(number, varied(overrides, fixed)))
                self.total = number + 1

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        number = job_number()
        if number is not None:
            self.total = max(self.total, number + 1)
            print(f"\nrun {number + 1} of {self.total}: {', '.join(job_overrides())}", flush=True)

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        if job_number() is not None:
            folder = Path(config.hydra.sweep.dir) / f"{config.name}_{job_label()}"
            self.runs.append(SweptRun(folder, tuple(job_overrides())))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        print("", *sweep_lines(self.runs), sep="\n")


def jobs(overrides: list[str]) -> Iterator[list[str]]:
    """The words of each job of a sweep: every combination of listed values, and of the ends of intervals."""
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    choices: dict[str, list[str]] = {}  # the last of a key counts
    for text, override in zip(overrides, parser.parse_overrides(overrides), strict=True):
        key, value = override.get_key_element(), override.value()
        if not override.is_sweep_override():
            choices[key] = [text]
        elif isinstance(value, IntervalSweep):
            choices[key] = [f"{key}={value.start}", f"{key}={value.end}"]
        else:
            choices[key] = [f"{key}={each}" for each in override.sweep_string_iterator()]
    return (list(job) for job in itertools.product(*choices.values()))


def fix_keys(overrides: Sequence[str]) -> list[str]:
    """Words for Hydra that name a sweep, and keep the keys that are no sweep's out of the labels of its jobs."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    fixed = ["name", *(each.key_or_group for each in parsed if not each.is_sweep_override())]
    names = [] if any(each.key_or_group == "name" for each in parsed) else [f"name={dated_name()}"]
    return [*names, f"hydra.job.config.override_dirname.exclude_keys={fixed}"]


def varied(overrides: Sequence[str], fixed: Sequence[str]) -> list[str]:
    """A job's overrides that are not the same in all jobs of its sweep."""
    found = [word.lstrip("+") for word in overrides]
    return [word for word in found if word.partition("=")[0] not in fixed]


def label(number: int, overrides: Sequence[str]) -> str:
    """The end of the name of a job's folder: its number, and what it varies, such as 0_seed-0, safe on any disk."""
    texts = (re.sub(r"[^\w.-]", "-", re.sub(r"[\[\](){}'\"]", "", word)) for word in overrides)
    return "_".join([str(number), *texts])[:150]


def job_number() -> int | None:
    """The number of the job that Hydra runs; None outside a sweep."""
    running = HydraConfig.get() if HydraConfig.initialized() else None
    return running.job.num if running and running.mode == RunMode.MULTIRUN else None


def job_label() -> str | None:
    """The label of the job that Hydra runs; None outside a sweep."""
    number = job_number()
    return None if number is None else label(number, job_overrides())


def job_overrides() -> list[str]:
    """The overrides that the job that Hydra runs varies in its sweep."""
    running = HydraConfig.get()
    return varied(running.overrides.task, running.job.config.override_dirname.exclude_keys)


def in_one_line(error: BaseException) -> str:
    """An error of Hydra or OmegaConf in one line, with near names."""
    text = str(error)
    if match := re.search(r"Could not find '([\w/]+)/([^'/]*)'", text):
        group, name = match.groups()
        names = re.findall(r"^\t(\S+)$", text, flags=re.MULTILINE)
        own = "; a task of your own is found by its entry point robodl.plugins" if group == "env" else ""
        return f"no {group} named {name!r}{did_you_mean(name, names)}; there are {', '.join(sorted(names))}{own}"
    return one_line(error)
