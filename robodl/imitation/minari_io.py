"""Minari datasets: episodes on disk as JSON and HDF5.

Reading a dataset runs none of its content. Minari would make an environment from the entry point that a dataset names,
if the dataset does not store its spaces: such a dataset is refused before Minari opens it. Tasks are looked up in our
own registry, never in the file.
"""

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from robodl.cli import one_line
from robodl.imitation.episodes import Episode
from robodl.vec_env import boxes_of
from robodl_envs import task_id

# Settings of an environment that a dataset may leave out.
DEFAULTS: dict[str, Any] = {"robot": "panda", "control": "tool", "reward": "dense"}
DEFAULTS |= {"control_dt": 0.04, "timestep": 0.004}
IRRELEVANT_SETTINGS = ("render_mode", "threads")  # they change no number


@dataclass(frozen=True, eq=False)
class Dataset:
    """The content of a Minari dataset: episodes, and the settings of their environment."""

    settings: dict[str, Any]  # task, and other arguments of `make_rows`
    observation_space: spaces.Dict
    action_space: spaces.Box
    episodes: list[Episode]
    mujoco: str | None  # the version that simulated them


def write(
    name: str,
    episodes: Sequence[Episode],
    settings: Mapping[str, Any],
    description: str,
    facts: Mapping[str, Any],
    overwrite: bool = False,
) -> None:
    """Write a new dataset, whole or not at all.

    Args:
        name: such as robodl/push/expert-v0.
        settings: task, and other arguments that the environment was made with.
        facts: more for the metadata, under "robodl": texts, numbers, and dicts of them.
        overwrite: replace a dataset of that name.

    Raises:
        ValueError: there is a dataset of that name, and it is not to be overwritten.
    """
    import minari
    from minari.data_collector import EpisodeBuffer

    folder = checked_folder(name, overwrite)
    env = gymnasium.make(task_id(settings["task"]), **settings)
    buffers = [
        EpisodeBuffer(
            id=k,
            seed=each.seed,
            observations=each.observations,
            actions=each.actions,
            rewards=each.rewards,
            terminations=each.terminated,
            truncations=each.truncated,
            infos=each.infos,
        )
        for k, each in enumerate(episodes)
    ]
    try:
        with writing(name, folder), warnings.catch_warnings(action="ignore", category=UserWarning):  # of no address
            dataset = minari.create_dataset_from_buffers(
                dataset_id=name,
                buffer=buffers,
                env=env,
                algorithm_name="scripted expert of robodl",
                description=description,
                requirements=[f"mujoco=={version('mujoco')}"],
                data_format="hdf5",
            )
            dataset.storage.update_metadata({"robodl": dict(facts)})
    finally:
        env.close()


@contextlib.contextmanager
def writing(name: str, folder: Path) -> Iterator[None]:
    """Let Minari write to a hidden folder, whose dataset takes its place only when it is whole."""
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.namespace import create_namespace, list_local_namespaces
    from minari.storage.datasets_root_dir import get_dataset_path

    part, old = get_dataset_path() / f".{name.replace('/', '_')}.part", folder.with_name(f".{folder.name}.old")
    variable = "MINARI_DATASETS_PATH"
    before = os.environ.get(variable)
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        os.environ[variable] = str(part)
        try:
            yield
        finally:
            os.environ.pop(variable)
            os.environ.update({variable: before} if before is not None else {})
        namespace = parse_dataset_id(name)[0]
        if namespace and namespace not in list_local_namespaces():
            create_namespace(namespace)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        folder.parent.mkdir(parents=True, exist_ok=True)
        (part / name).rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load(name: str) -> Dataset:
    """Load a dataset from the folder where Minari keeps its datasets.

    Raises:
        ValueError: there is none of that name, it is of no environment of robodl, or it is damaged.
    """
    folder = dataset_folder(name)
    if not (folder / "data").is_dir():
        raise ValueError(f"there is no dataset {name} in {folder.parent}; python -m robodl.demos env=<task> makes one")
    import minari

    try:
        metadata = json.loads((folder / "data/metadata.json").read_text())
        settings = recorded_settings(metadata)
        if not all(isinstance(metadata.get(key), str) for key in ("observation_space", "action_space")):
            raise ValueError("it does not store its spaces")
        found = minari.load_dataset(name)
        observation_space, action_space = found.observation_space, found.action_space
        if not isinstance(observation_space, spaces.Dict) or not isinstance(action_space, spaces.Box):
            raise ValueError("its observations are no dict, or its actions no vectors")
        seeds = [each.get("seed") for each in found.storage.get_episode_metadata(found.episode_indices)]
        episodes = [
            checked_episode(each, seed, observation_space, action_space)
            for each, seed in zip(found.iterate_episodes(), seeds, strict=True)
        ]
        mujoco = metadata.get("robodl", {}).get("versions", {}).get("mujoco")
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError, RuntimeError) as error:
        raise ValueError(f"dataset {name} can't be used: {one_line(error)}") from error
    if not episodes:
        raise ValueError(f"dataset {name} has no episodes")
    return Dataset(settings, observation_space, action_space, episodes, mujoco)


def recorded_settings(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a dataset's environment, from its metadata; its entry points are not used."""
    spec = json.loads(metadata["env_spec"])
    if not spec["id"].startswith("robodl/"):
        raise ValueError(f"it is of {spec['id']}, which is not of robodl")
    if spec.get("additional_wrappers"):
        raise ValueError("its environment was wrapped")
    own = {key: value for key, value in spec["kwargs"].items() if key not in IRRELEVANT_SETTINGS}
    if task_id(str(own.get("task"))) != spec["id"]:
        raise ValueError(f"it is of {spec['id']} and of env={own.get('task')}")
    if own.get("observation", "state") != "state":  # Minari stores images as JPEG, which loses details
        raise ValueError(f"it is of observation={own['observation']}, not of observation=state")
    return {**own, "max_episode_steps": spec["max_episode_steps"]}


def checked_episode(data, seed: int | None, observation_space: spaces.Dict, action_space: spaces.Box) -> Episode:
    """A Minari episode as an Episode; ValueError if its arrays do not fit each other or the spaces."""
    steps, infos = len(data.rewards), data.infos or {}
    arrays: dict[str, tuple[Any, tuple[int, ...], Any]] = {  # what they are: values, shape and type that they must have
        f"observations {key}": (data.observations.get(key), (steps + 1, *box.shape), box.dtype)
        for key, box in boxes_of(observation_space).items()
    }
    arrays["actions"] = (data.actions, (steps, *action_space.shape), action_space.dtype)
    arrays |= {what: (getattr(data, what), (steps,), None) for what in ("rewards", "terminations", "truncations")}
    arrays |= {f"infos {what}": (infos.get(what), (steps + 1,), None) for what in ("is_success", "success_at_end")}
    for what, (value, shape, dtype) in arrays.items():
        values = np.asarray(value)
        if not steps or values.shape != shape or (dtype and values.dtype != dtype) or not np.isfinite(values).all():
            kind = f" of {dtype}" if dtype else ""
            raise ValueError(f"{what} of episode {data.id} must be {shape} finite numbers{kind}")
    return Episode(
        observations=dict(data.observations),
        actions=data.actions,
        rewards=np.asarray(data.rewards, np.float64),
        terminated=np.asarray(data.terminations, bool),
        truncated=np.asarray(data.truncations, bool),
        infos={key: np.asarray(value) for key, value in infos.items()},
        seed=seed,
    )


def check_spaces(name: str, dataset: Dataset, envs) -> None:
    """Raise ValueError unless a dataset's spaces are those of an environment's rows."""
    for what, recorded, needed in (
        ("observations", dataset.observation_space, envs.single_observation_space),
        ("actions", dataset.action_space, envs.single_action_space),
    ):
        if recorded != needed:
            raise ValueError(
                f"the {what} of dataset {name} are {shapes(recorded)}, this environment's {shapes(needed)}"
            )


def shapes(space: spaces.Space) -> str:
    """The shapes of a space, in words."""
    if not isinstance(space, spaces.Dict):
        return f"{space.shape}"
    return ", ".join(f"{key} {box.shape}" for key, box in boxes_of(space).items())


def checked_folder(name: str, overwrite: bool) -> Path:
    """The folder to write a dataset to; ValueError if it can't be written, or there is one not to be overwritten."""
    folder = dataset_folder(name)
    if folder.exists() and not overwrite:
        raise ValueError(f"there is a dataset {name} already, in {folder}; overwrite=true replaces it")
    if folder.exists() and not (folder / "data/metadata.json").is_file():
        raise ValueError(f"{folder} is no dataset, so it isn't overwritten")
    parent = next(parent for parent in folder.parents if parent.exists())
    if not os.access(parent, os.W_OK):
        raise ValueError(f"{parent} can't be written to; MINARI_DATASETS_PATH sets the folder of datasets")
    return folder


def dataset_folder(name: str) -> Path:
    """The folder where Minari keeps the dataset of a name; ValueError if there is no Minari, or no such name."""
    try:
        import h5py  # noqa: F401
        from minari.dataset.minari_dataset import parse_dataset_id
        from minari.storage.datasets_root_dir import get_dataset_path
    except ImportError as error:
        raise ValueError(f'demonstrations are Minari datasets: pip install "robodl[demos]" ({error})') from None
    try:
        parse_dataset_id(name)
    except (ValueError, TypeError):  # TypeError if there is no version
        raise ValueError(f"a dataset's name is like robodl/push/expert-v0, with -v<number>, got {name!r}") from None
    return get_dataset_path(name)
