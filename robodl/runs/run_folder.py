"""A run's folder: what lies where in it, and the state that lets training go on.

checkpoints/best.*     the policy that did best in the periodic evaluations, see robodl.learning.policy_files
checkpoints/last.*     the policy of the last checkpoint
checkpoints/last.npz   everything else training needs to go on from there: arrays only, nothing pickled
checkpoints/before.*   the same of the checkpoint before, for where one of these is damaged
checkpoints/imitation/ transitions of an imitation that is not over, see robodl.imitation.transition_store
checkpoints/*_sb3.zip  the same policies as Stable-Baselines3 writes them, for people who use it directly
tb/                    TensorBoard
result.json            the final numbers
"""

import contextlib
import json
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm

from robodl.atomic_write import FileSet
from robodl.cli import dated_name, one_line
from robodl.options import UsageError
from robodl.sb3_internals import flatten, restore_training, training_state, unflatten

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]


class Run:
    """The folder of one training run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.best, self.last, self.before = (self.checkpoints / name for name in ("best", "last", "before"))
        self.imitation = self.checkpoints / "imitation"
        self.tensorboard = folder / "tb"
        self.result = folder / "result.json"

    @classmethod
    def existing(cls, folder: str | Path) -> "Run":
        """The run of a folder that training left; ValueError with what is missing if it is none."""
        run = cls(Path(folder))
        for parent in run.folder.parents:
            if (parent / "checkpoints" / "last.json").is_file():
                raise ValueError(f"{folder} lies in a run folder; give the folder, {parent}")
        if not run.folder.is_dir():
            raise ValueError(f"no run folder at {folder}")
        for path in (run.last.with_suffix(".json"), run.last.with_suffix(".safetensors")):
            if not path.is_file():
                raise ValueError(f"{folder} is no run folder: it has no {path.relative_to(run.folder)}")
        return run

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from training in this folder; UsageError if one does. A process that dies lets go."""
        with (self.folder / ".lock").open("w") as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UsageError(f"another process is training in {self.folder}: stop it first") from None
            yield

    def config(self) -> dict[str, Any]:
        """The configuration that the run was started with, as it was written; ValueError if it is damaged."""
        return self.read(".json", lambda path: dict(json.loads(path.read_text())["config"]))

    def save_training(self, files: FileSet, model: BaseAlgorithm, extra: dict[str, Any]) -> None:
        """Write what `load_training` needs, as part of a set."""
        with files.part(self.last.with_suffix(".npz")).open("wb") as file:
            np.savez(file, **flatten({**training_state(model), "extra": extra}))  # type: ignore[arg-type]

    def load_training(self, model: BaseAlgorithm) -> dict[str, Any]:
        """Put a fresh model into the state that was saved, or that before where it is damaged; returns `extra`.

        Raises:
            ValueError: there is no state that is whole, or it is of another version.
        """
        found = self.read(".npz", read_state)
        if "seen as" in str(found.get("envs", {}).get("made_by", "")):  # as version 0.1 wrote it
            raise ValueError(
                f"{self.folder} is a run of robodl 0.1, which that version goes on with; its policies load"
            )
        try:
            restore_training(model, found)
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"{self.folder} is a run of another version, which goes on with it: {error!r}") from error
        return found.get("extra", {})

    def read(self, suffix: str, reader: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
        """The content of a file of the last checkpoint, or, with a warning, of that before where it is damaged."""
        paths, damage = [stem.with_suffix(suffix) for stem in (self.last, self.before)], []
        for path in filter(Path.is_file, paths):
            try:
                found = reader(path)
            except (ValueError, TypeError, EOFError, KeyError, OSError, zipfile.BadZipFile, zlib.error) as error:
                damage.append(f"{path} is damaged: {one_line(error)}")
            else:
                for line in damage:
                    print(f"warning: {line}", file=sys.stderr)
                return found
        why = "; ".join(damage) or f"there is neither {paths[0]} nor {paths[1]}"
        raise ValueError(f"{self.folder} can't be resumed: {why}")


def read_state(path: Path) -> dict[str, Any]:
    """A state of training."""
    with np.load(path, allow_pickle=False) as file:  # which checks the sums of what it reads
        return unflatten({name: file[name] for name in file.files})


def free_folder(parent: Path, name: str | None, job: str | None = None, resumes: bool = True) -> Path:
    """The folder that a run is to have: of its name, with the job's label in a sweep, or of date, time and an id.

    Raises:
        UsageError: the name is no folder's, or another run has it, which may be one to resume.
    """
    if name is None:
        return parent / dated_name()
    if name in ("", ".", "..") or Path(name).name != name:
        raise UsageError(f"name must be a folder's name without '/', got {name!r}")
    folder = parent / (name if job is None else f"{name}_{job}")
    if folder.exists() or folder.is_symlink():
        way_out = f"go on with resume={folder}" if resumes else "remove that folder"
        raise UsageError(f"there is a run {folder} already; choose another name, or {way_out}")
    return folder


def new_folder(parent: Path, name: str | None, job: str | None = None, resumes: bool = True) -> Path:
    """Make a run's folder, which no other run has: two of one name that begin at once don't share it either."""
    folder = free_folder(parent, name, job, resumes)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:  # a run that began at once made it
        return new_folder(parent, name, job, resumes)
    except OSError as error:
        raise UsageError(f"can't make the folder {folder}: {error.strerror}") from None
    return folder


def save_config(folder: Path, cfg: DictConfig) -> None:
    """Write a run's configuration, and the words that Hydra composed it from, where Hydra writes them."""
    words = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    (folder / ".hydra").mkdir()
    OmegaConf.save(cfg, folder / ".hydra/config.yaml")
    OmegaConf.save(OmegaConf.create(list(words)), folder / ".hydra/overrides.yaml")
