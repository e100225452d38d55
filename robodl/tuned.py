"""Default algorithms and settings of environments: conf/tuned/<env>.yaml, ours and those of plugins.

Such a file is written like one of conf/experiment: the groups that it chooses as `override /algo: dagger`, then values.
Hydra lets no file choose groups whose own name depends on a choice, as `tuned: ${env}` would. So the file is read here:
its choices become what the defaults list falls back to, its values files of two groups that Hydra picks by name.
"""

import functools
import importlib.util
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

import robodl.conf
from robodl.errors import UsageError

PLUGINS = "robodl.conf"  # entry points that name packages of configuration files
IMAGES = ("cameras", "image_size", "renderer")  # set with any algorithm, other values with the chosen one alone


class Tuned(NamedTuple):
    """A file, taken apart."""

    choices: dict[str, str]  # option of each group that it chooses
    images: dict[str, Any]
    values: dict[str, Any]  # the rest, with a defaults list of files that it builds on


def register_tuned(tasks: list[str]) -> None:
    """Register the files of these tasks, and the folders of plugins, with Hydra."""
    plugins = plugin_folders()
    found = {task: read(path) for task in tasks if (path := tuned_file(task, [ours(), *plugins]))}
    store = ConfigStore.instance()
    for task, tuned in found.items():
        store.store(group="images", name=task, node=tuned.images, package="_global_")
        if "algo" in tuned.choices:
            name = f"{task}_{tuned.choices['algo']}"
            store.store(group="tuned", name=name, node=tuned.values, package="_global_")

    def chosen(group: str, task: str, otherwise: str, *, _root_) -> str:
        """The option of a group: of the command line or an experiment, else of the task's file, else `otherwise`."""
        choices = found[task].choices if task in found else {}
        return _root_.get(group) or choices.get(group, otherwise)

    OmegaConf.register_new_resolver("chosen", chosen, replace=True)
    OmegaConf.register_new_resolver("plugins", lambda: [f"file://{folder}" for folder in plugins], replace=True)


def ours() -> Path:
    return Path(next(iter(robodl.conf.__path__)))


@functools.cache
def plugin_folders() -> list[Path]:
    """Folders of configuration files that other packages bring; one that can't be found is named in a warning."""
    folders = []
    for each in entry_points(group=PLUGINS):
        try:
            spec = importlib.util.find_spec(each.value)
            folders.append(Path(next(iter(spec.submodule_search_locations))))  # type: ignore[union-attr,arg-type]
        except Exception as error:  # whatever a plugin raises, only what it brings is missing
            warnings.warn(f"the configuration {each.value} of plugin {each.name} is left out: {error!r}", stacklevel=2)
    return folders


def tuned_file(task: str, folders: list[Path]) -> Path | None:
    paths = [folder / "tuned" / f"{task}.yaml" for folder in folders]
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> Tuned:
    """Take a file apart; UsageError if a line of its defaults list is neither a choice nor a name."""
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    choices: dict[str, str] = {}
    bases: list[str] = []
    for entry in content.pop("defaults", []):
        if isinstance(entry, str):
            bases.append(entry)
        elif isinstance(entry, dict) and all(key.startswith("override /") for key in entry):
            choices |= {key.removeprefix("override /"): option for key, option in entry.items()}
        else:
            raise UsageError(f"{path}: defaults must be names or such as 'override /algo: ppo', got {entry}")
    images = {key: content.pop(key) for key in IMAGES if key in content}
    return Tuned(choices, images, {"defaults": [*bases, "_self_"], **content})
