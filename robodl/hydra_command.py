"""Commands that Hydra composes a configuration for: train and pretrain.

Their words are checked as those of other commands are, then Hydra composes, then the whole configuration is checked.
Hydra makes no folder: a run makes its own, once it is known that it can begin.
"""

import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hydra import compose
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from robodl.cli import split, value_of
from robodl.config import defaults, modern, nests
from robodl.errors import UsageError, fail, one_line
from robodl.options import Option, described, open_groups, options, unknown
from robodl.tuned import ours, plugin_folders, register_tuned
from robodl_envs import did_you_mean

HYDRA_ERRORS = (HydraException, OmegaConfBaseException)
FLAGS_WITH_VALUE = (
    *("--cfg", "-c", "--package", "-p", "--info", "-i", "--config-dir", "-cd"),
    *("--config-name", "-cn", "--config-path", "-cp", "--experimental-rerun"),
)
HYDRA_FLAGS = (
    *("--help", "--hydra-help", "--version", "--resolve", "--run", "--multirun", "--shell-completion"),
    *FLAGS_WITH_VALUE,
)
MORE_GROUPS = ("experiment", "tuned")  # that set options of others
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir")


def launch(name: str, schema: type, command: Callable[[DictConfig], Any], argv: Sequence[str]) -> None:
    """Compose the configuration `name` from words and run the command with it, once or, with -m, for each of a sweep.

    Raises:
        UsageError: a word is wrong, or what they compose to is.
    """
    import hydra

    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing
    register(name, schema)
    sys.argv[1:] = words(schema, argv)

    def job(cfg: DictConfig) -> Any:
        try:
            return command(cfg)
        except UsageError as error:  # ended here: Hydra would print more lines
            fail(str(error))

    try:
        hydra.main(version_base="1.3", config_path="pkg://robodl.conf", config_name=name)(job)()
    except HYDRA_ERRORS as error:
        raise UsageError(in_one_line(error)) from None


def register(name: str, schema: type) -> None:
    """Make known to Hydra a command's options, and the tasks and robots that have no file in conf."""
    from robodl_envs import robot_names, task_names

    store = ConfigStore.instance()
    store.store(name=f"{name}_options", node=defaults(schema))
    OmegaConf.register_new_resolver("options_help", lambda: "\n".join(described(schema)), replace=True)
    folders = (ours(), *plugin_folders())
    files = {
        group: {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}
        for group in ("env", "robot")
    }
    for task in set(task_names()) - files["env"]:
        store.store(group="env", name=task, node={"task": task})
    for robot in set(robot_names(downloaded=True)) - files["robot"]:
        store.store(group="robot", name=robot, node={"name": robot})
    register_tuned(task_names())


def words(schema: type, argv: Sequence[str]) -> list[str]:
    """Words as Hydra takes them: options are checked, keys that an open group does not list are let through."""
    if {"--shell-completion", "-sc"} & set(argv):
        return list(argv)
    found: list[str] = []
    flags: list[str] = []  # these come last, since Hydra takes no word behind one
    is_value = False
    for word in argv:
        if word.startswith("--") and word.partition("=")[0] not in HYDRA_FLAGS:
            raise UsageError(f"settings are key=value, such as seed=1, got {word!r}")
        if word.startswith("-") or is_value:
            flags.append(word)
        else:
            found.append(word if word.startswith("~") else key_value(schema, word))
        is_value = word in FLAGS_WITH_VALUE
    return found + flags


def key_value(schema: type, word: str) -> str:
    """A single word as Hydra takes it; UsageError for a key that is not there or a value that is wrong."""
    bare = word.lstrip("+")
    key, text = split(bare)
    key = next(iter(modern({key: None})))
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
    except HydraException as error:
        if str not in option.types:
            raise UsageError(f"can't read {option.key}={text}: {one_line(error)}") from None
        return "'{}'".format(text.replace("'", "\\'"))
    if parsed.is_sweep_override() or "${" in text:
        return text
    value = option.checked(value_of(option, text))
    return f"'{text}'" if isinstance(value, str) and not isinstance(parsed.value(), str) else text


class SweepCheck(Callback):
    """Checks every job of a sweep before the first one runs.

    Args:
        check: name of a function of a job's composed configuration and its number that raises UsageError.
    """

    def __init__(self, check: str):
        self.check = check

    def on_multirun_start(self, config: DictConfig, config_name: str | None = None, **kwargs: Any) -> None:
        check = get_method(self.check)
        try:
            listed = [f"{key}={value}" for key, value in (config.hydra.sweeper.get("params") or {}).items()]
            for number, overrides in enumerate(jobs([*listed, *config.hydra.overrides.task])):
                check(compose(config_name, overrides=overrides), number)
        except UsageError as error:
            fail(str(error))
        except HYDRA_ERRORS as error:
            fail(in_one_line(error))


def jobs(overrides: list[str]) -> Iterator[list[str]]:
    """The words of each job of a sweep: every combination of listed values, and of the ends of intervals."""
    hydra = GlobalHydra.instance()
    parser = OverridesParser.create(hydra.config_loader() if hydra.is_initialized() else None)
    choices: dict[str, list[str]] = {}  # the last of a key counts
    for text, override in zip(overrides, parser.parse_overrides(overrides), strict=True):
        key, values = override.get_key_element(), sweep_values(override)
        choices[key] = [text] if values is None else [f"{key}={value}" for value in values]
    return (list(job) for job in itertools.product(*choices.values()))


def sweep_values(override: Override) -> list[str] | None:
    """The values that a sweep goes through, as text, the ends of an interval; None for a single value."""
    if not override.is_sweep_override():
        return None
    value = override.value()
    if isinstance(value, IntervalSweep):
        return [str(value.start), str(value.end)]
    return list(override.sweep_string_iterator())


def job_number() -> int | None:
    """The number of the job that Hydra runs; None outside a sweep."""
    if not HydraConfig.initialized():
        return None
    found = HydraConfig.get()
    return found.job.num if found.mode == RunMode.MULTIRUN else None


def task_words() -> list[str]:
    """The words that the running job was composed from; none outside Hydra."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def in_one_line(error: BaseException) -> str:
    """An error of Hydra or OmegaConf in one line, with near names."""
    text = str(error)
    if match := re.search(r"Could not find '([\w/]+)/([^'/]*)'", text):
        group, name = match.groups()
        names = re.findall(r"^\t(\S+)$", text, flags=re.MULTILINE)
        own = "; a task of your own is found by its entry point robodl.plugins" if group == "env" else ""
        return f"no {group} named {name!r}{did_you_mean(name, names)}; there are {', '.join(sorted(names))}{own}"
    return one_line(error)
