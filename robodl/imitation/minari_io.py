"""Episodes on disk, as Minari datasets.

A dataset is JSON and HDF5: reading one runs nothing of it. Minari itself makes an environment from the entry point that
a dataset names where the dataset does not say its spaces, so those are asked for before Minari opens it, and our own
registry, never the file, says which class a task is.
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

from robodl.errors import one_line
from robodl.imitation.episodes import Episode
from robodl.learning.vec_env import boxes_of
from robodl_envs import task_id

# What an environment is where a dataset does not say.
USUAL: dict[str, Any] = {"robot": "panda", "control": "tool", "reward": "dense", "control_dt": 0.04}
UNSEEN = ("render_mode", "threads")  # settings that change no number


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a Minari dataset holds: episodes, and the settings of the environment that they are of."""

    settings: dict[str, Any]  # task and what else `make_rows` takes
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
    """A new dataset, whole or not at all.

    Args:
        name: such as robodl/push/expert-v0.
        settings: task and what else the environment was made with.
        facts: what else to note in its metadata, under "robodl": texts, numbers, and dicts of them.
        overwrite: put it in the place of one of that name.

    Raises:
        ValueError: a dataset of that name is there already.
    """
    import minari

    place = checked_place(name, overwrite)
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that nobody's address is noted
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
        shutil.rmtree(place, ignore_errors=True)
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def as_buffer(k: int, episode: Episode):
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
    """What `gymnasium.make` makes the environment of these settings from."""
    spec = copy.deepcopy(gymnasium.spec(task_id(settings["task"])))
    own = dict(settings)
    spec.max_episode_steps = own.pop("max_episode_steps", spec.max_episode_steps)
    spec.kwargs |= own
    return spec


def load(name: str) -> Dataset:
    """The dataset of a name, from where Minari keeps its datasets.

    Raises:
        ValueError: there is none, it is of no environment of ours, or it is damaged.
    """
    minari = need_minari()
    folder = place_of(name)
    if not (folder / "data").is_dir():
        raise ValueError(f"there is no dataset {name} in {folder.parent}; python -m robodl.demos env=<task> makes one")
    try:
        metadata = json.loads((folder / "data/metadata.json").read_text())
        settings = settings_of(metadata)
        if not all(isinstance(metadata.get(key), str) for key in ("observation_space", "action_space")):
            raise ValueError("it does not say its spaces")
        found = minari.load_dataset(name)
        seen, acted = found.observation_space, found.action_space
        if not isinstance(seen, spaces.Dict) or not isinstance(acted, spaces.Box):
            raise ValueError("its observations are no dict, or its actions no vectors")
        seeds = [each.get("seed") for each in found.storage.get_episode_metadata(found.episode_indices)]
        episodes = [
            checked_episode(each, seed, seen, acted) for each, seed in zip(found.iterate_episodes(), seeds, strict=True)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError, RuntimeError) as error:
        raise ValueError(f"dataset {name} can't be used: {one_line(error)}") from error
    if not episodes:
        raise ValueError(f"dataset {name} has no episodes")
    noted = metadata.get("robodl")
    versions = noted.get("versions") if isinstance(noted, dict) else None
    return Dataset(settings, seen, acted, episodes, versions.get("mujoco") if isinstance(versions, dict) else None)


def settings_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Of a dataset's metadata, what its environment was made with; of its entry points nothing."""
    spec = json.loads(metadata["env_spec"])
    if not spec["id"].startswith("robodl/"):
        raise ValueError(f"it is of {spec['id']}, which is not of robodl")
    if spec.get("additional_wrappers"):
        raise ValueError("its environment was wrapped")
    own = {key: value for key, value in spec["kwargs"].items() if key not in UNSEEN}
    if task_id(str(own.get("task"))) != spec["id"]:
        raise ValueError(f"it is of {spec['id']} and of env={own.get('task')}")
    if own.get("observation", "state") != "state":  # Minari keeps pictures as JPEG, which is not what was seen
        raise ValueError(f"it is of observation={own['observation']}, not of observation=state")
    return {**own, "max_episode_steps": spec["max_episode_steps"]}


def checked_episode(data, seed: int | None, seen: spaces.Dict, acted: spaces.Box) -> Episode:
    """Minari's episode as ours; ValueError if its arrays do not fit each other or the spaces."""
    steps, infos = len(data.rewards), data.infos or {}
    arrays = [
        (f"observations {key}", data.observations.get(key), steps + 1, box) for key, box in boxes_of(seen).items()
    ]
    for what, values, length, box in [*arrays, ("actions", data.actions, steps, acted)]:
        if np.shape(values) != (length, *box.shape) or values.dtype != box.dtype or not np.isfinite(values).all():
            raise ValueError(f"{what} of episode {data.id} are no {(length, *box.shape)} finite numbers of {box.dtype}")
    for what in ("rewards", "terminations", "truncations"):
        values = getattr(data, what)
        if np.shape(values) != (steps,) or steps < 1 or not np.isfinite(values).all():
            raise ValueError(f"{what} of episode {data.id} are no {steps} finite numbers")
    for what in ("is_success", "success_at_end"):
        if what not in infos or np.shape(infos[what]) != (steps + 1,):
            raise ValueError(f"infos of episode {data.id} have no {steps + 1} claims of {what}")
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
    """ValueError unless a dataset's spaces are those of an environment's rows."""
    for what, has, needs in (
        ("observations", dataset.observation_space, envs.single_observation_space),
        ("actions", dataset.action_space, envs.single_action_space),
    ):
        if has != needs:
            raise ValueError(f"the {what} of dataset {name} are {in_words(has)}, this environment's {in_words(needs)}")


def in_words(space: spaces.Space) -> str:
    if not isinstance(space, spaces.Dict):
        return f"{space.shape}"
    return ", ".join(f"{key} {box.shape}" for key, box in boxes_of(space).items())


def checked_place(name: str, overwrite: bool) -> Path:
    """The folder of a dataset that is to be written; ValueError if one of that name must not be overwritten."""
    place = place_of(name)
    if place.exists() and not overwrite:
        raise ValueError(f"there is a dataset {name} already, in {place}; overwrite=true replaces it")
    if place.exists() and not (place / "data/metadata.json").is_file():
        raise ValueError(f"{place} is no dataset, so it isn't overwritten")
    there = next(folder for folder in place.parents if folder.exists())
    if not os.access(there, os.W_OK):
        raise ValueError(f"{there} can't be written to; MINARI_DATASETS_PATH says where datasets lie")
    return place


def place_of(name: str) -> Path:
    """Where Minari keeps the dataset of a name; ValueError for what is no name of one."""
    need_minari()
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage.datasets_root_dir import get_dataset_path

    try:
        parse_dataset_id(name)
    except (ValueError, TypeError):  # TypeError where there is no version
        raise ValueError(f"a dataset's name is like robodl/push/expert-v0, with -v<number>, got {name!r}") from None
    return get_dataset_path(name)


def need_minari():
    """The module minari; ValueError if it, or what it needs for HDF5, isn't installed."""
    try:
        import h5py  # noqa: F401
        import minari
    except ImportError as error:
        raise ValueError(f'demonstrations are Minari datasets: pip install "robodl[demos]" ({error})') from None
    return minari
