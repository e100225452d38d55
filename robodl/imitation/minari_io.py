"""Minari datasets: episodes on disk as JSON and HDF5.

Reading a dataset runs none of its content. Minari would make an environment from the entry point that a dataset names,
if the dataset does not store its spaces: such a dataset is refused before Minari opens it. Tasks are looked up in our
own registry, never in the file.
"""

import copy
import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
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
DEFAULTS: dict[str, Any] = {"robot": "panda", "control": "tool", "reward": "dense", "control_dt": 0.04}
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

    folder = checked_folder(name, overwrite)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # about the missing address of an author
            dataset = minari.create_dataset_from_buffers(
                dataset_id=name,
                buffer=[as_buffer(k, episode) for k, episode in enumerate(episodes)],
                env=env_spec(settings),
                algorithm_name="scripted expert of robodl",
                description=description,
                requirements=[f"mujoco=={version('mujoco')}"],
                data_format="hdf5",
            )
        dataset.storage.update_metadata({"robodl": dict(facts)})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def as_buffer(k: int, episode: Episode):
    """An episode as Minari takes it."""
    from minari.data_collector import EpisodeBuffer

    return EpisodeBuffer(
        id=k,
        seed=episode.seed,
        observations=episode.observations,
        actions=episode.actions,
        rewards=episode.rewards,
        terminations=episode.terminated,
        truncations=episode.truncated,
        infos=episode.infos,
    )


def env_spec(settings: Mapping[str, Any]) -> gymnasium.envs.registration.EnvSpec:
    """The spec from which `gymnasium.make` makes the environment of these settings."""
    spec = copy.deepcopy(gymnasium.spec(task_id(settings["task"])))
    own = dict(settings)
    spec.max_episode_steps = own.pop("max_episode_steps", spec.max_episode_steps)
    spec.kwargs |= own
    return spec


def load(name: str) -> Dataset:
    """Load a dataset from the folder where Minari keeps its datasets.

    Raises:
        ValueError: there is none of that name, it is of no environment of robodl, or it is damaged.
    """
    minari = need_minari()
    folder = dataset_folder(name)
    if not (folder / "data").is_dir():
        raise ValueError(f"there is no dataset {name} in {folder.parent}; python -m robodl.demos env=<task> makes one")
    try:
        metadata = json.loads((folder / "data/metadata.json").read_text())
        settings = settings_of(metadata)
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
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError, RuntimeError) as error:
        raise ValueError(f"dataset {name} can't be used: {one_line(error)}") from error
    if not episodes:
        raise ValueError(f"dataset {name} has no episodes")
    facts = metadata.get("robodl")
    versions = facts.get("versions") if isinstance(facts, dict) else None
    mujoco = versions.get("mujoco") if isinstance(versions, dict) else None
    return Dataset(settings, observation_space, action_space, episodes, mujoco)


def settings_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
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
    arrays = [
        (f"observations {key}", data.observations.get(key), steps + 1, box)
        for key, box in boxes_of(observation_space).items()
    ]
    for what, values, length, box in [*arrays, ("actions", data.actions, steps, action_space)]:
        if np.shape(values) != (length, *box.shape) or values.dtype != box.dtype or not np.isfinite(values).all():
            raise ValueError(f"{what} of episode {data.id} are no {(length, *box.shape)} finite numbers of {box.dtype}")
    for what in ("rewards", "terminations", "truncations"):
        values = getattr(data, what)
        if np.shape(values) != (steps,) or steps < 1 or not np.isfinite(values).all():
            raise ValueError(f"{what} of episode {data.id} are no {steps} finite numbers")
    for what in ("is_success", "success_at_end"):
        if what not in infos or np.shape(infos[what]) != (steps + 1,):
            raise ValueError(f"infos of episode {data.id} have no {steps + 1} values of {what}")
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
    """The folder where Minari keeps the dataset of a name; ValueError if the name is none of a dataset."""
    need_minari()
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage.datasets_root_dir import get_dataset_path

    try:
        parse_dataset_id(name)
    except (ValueError, TypeError):  # TypeError if there is no version
        raise ValueError(f"a dataset's name is like robodl/push/expert-v0, with -v<number>, got {name!r}") from None
    return get_dataset_path(name)


def need_minari():
    """Import minari; ValueError if it or its HDF5 support isn't installed."""
    try:
        import h5py  # noqa: F401
        import minari
    except ImportError as error:
        raise ValueError(f'demonstrations are Minari datasets: pip install "robodl[demos]" ({error})') from None
    return minari
