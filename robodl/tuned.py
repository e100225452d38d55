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
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from robodl.options import UsageError

PLUGINS = "robodl.conf"  # entry points that name packages of configuration files
HERE = Path(__file__).parent
# Installed, our files lie inside the package; in a source tree, which `python -m` runs if started in it, beside it.
CONF = next(each for each in (HERE / "conf", HERE.parent / "conf") if (each / "config.yaml").is_file())
IMAGES = ("cameras", "image_size", "renderer")  # set with any algorithm, other values with the chosen one alone


@functools.cache
def config_folders() -> list[Path]:
    """Our folder of configuration files, then those of plugins; one that can't be found is named in a warning."""
    folders = [CONF]
    for each in entry_points(group=PLUGINS):
        try:
            spec = importlib.util.find_spec(each.value)
            folders.append(Path(next(iter(spec.submodule_search_locations))))  # type: ignore[union-attr,arg-type]
        except Exception as error:  # whatever a plugin raises, only what it brings is missing
            warnings.warn(f"the configuration {each.value} of plugin {each.name} is left out: {error!r}", stacklevel=2)
    return folders


def env_settings(task: str) -> dict[str, Any]:
    """The settings of a task in the first file env/<task>.yaml, of ours or of a plugin; none if there is no file."""
    paths = [path for folder in config_folders() if (path := folder / "env" / f"{task}.yaml").is_file()]
    content: Any = OmegaConf.to_container(OmegaConf.load(paths[0])) if paths else {}
    return {key: value for key, value in content.items() if key not in ("task", "defaults")}


def register_tuned(tasks: list[str]) -> None:
    """Register the files of these tasks, and the folders of plugins, with Hydra."""
    choices = {task: register_file(task) for task in tasks}

    def chosen(group: str, task: str, otherwise: str, *, _root_) -> str:
        """The option of a group: of the command line or an experiment, else of the task's file, else `otherwise`."""
        return _root_.get(group) or choices.get(task, {}).get(group, otherwise)

    OmegaConf.register_new_resolver("chosen", chosen, replace=True)
    plugins = [f"file://{folder}" for folder in config_folders()[1:]]
    OmegaConf.register_new_resolver("plugins", lambda: plugins, replace=True)


def register_file(task: str) -> dict[str, str]:
    """Register what a task's first file sets, if it has one; returns the option of each group that it chooses.

    Raises:
        UsageError: a line of its defaults list is neither a choice nor a name.
    """
    paths = [path for folder in config_folders() if (path := folder / "tuned" / f"{task}.yaml").is_file()]
    content: Any = OmegaConf.to_container(OmegaConf.load(paths[0])) if paths else {}
    choices: dict[str, str] = {}
    bases: list[str] = []
    for entry in content.pop("defaults", []):
        if isinstance(entry, str):
            bases.append(entry)
        elif isinstance(entry, dict) and all(key.startswith("override /") for key in entry):
            choices |= {key.removeprefix("override /"): option for key, option in entry.items()}
        else:
            raise UsageError(f"{paths[0]}: defaults must be names or such as 'override /algo: ppo', got {entry}")
    store = ConfigStore.instance()
    images = {key: content.pop(key) for key in IMAGES if key in content}
    store.store(group="images", name=task, node=images, package="_global_")
    if "algo" in choices:
        values = {"defaults": [*bases, "_self_"], **content}
        store.store(group="tuned", name=f"{task}_{choices['algo']}", node=values, package="_global_")
    return choices
