"""What is kept of a clone while it learns, so that it goes on where its process died."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robodl.errors import UsageError


@dataclass
class Kept:
    """Where a clone is, and what it has seen.

    What it has seen lies in files: too much to be written anew after each round, it survives its process as it is.

    Args:
        folder: of these files; None to have it in memory alone.
        state: where an earlier process stopped, as it was saved; None at the beginning.
        save: called after each round with that state, text and arrays in dicts.
    """

    folder: Path | None = None
    state: dict[str, Any] | None = None
    save: Callable[[dict[str, Any]], object] = lambda state: None

    @property
    def done(self) -> int:
        """Steps, or passes over a dataset, that were learnt from before."""
        return int(self.state["done"]) if self.state else 0

    def array(self, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        """Zeros, or what an earlier process left; UsageError if that is damaged, or if there is no room."""
        if self.folder is None:
            return np.zeros(shape, dtype)
        path = self.folder / f"{name}.npy"
        if self.state is None:
            try:
                return room(path, shape, dtype)
            except UsageError:
                self.forget()
                raise
        try:
            array = np.load(path, mmap_mode="r+")
        except FileNotFoundError:
            raise UsageError(f"the clone can't go on: {path} is missing") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"the clone can't go on: {path} is damaged: {error}") from None
        if (array.shape, array.dtype) != (shape, dtype):
            raise UsageError(f"the clone can't go on: {path} must be {dtype} {shape}, got {array.dtype} {array.shape}")
        return array

    def restore(self, envs, rng: np.random.Generator) -> None:
        """Put environments and a generator where they were when a round was over, if one was."""
        if self.state:
            envs.set_state(self.state["envs"])
            rng.bit_generator.state = json.loads(str(self.state["rng"]))

    def note(self, done: int, envs=None, rng: np.random.Generator | None = None) -> None:
        """Save that a round is over."""
        state: dict[str, Any] = {"done": done}
        if envs is not None and rng is not None:
            state |= {"envs": envs.get_state(), "rng": json.dumps(rng.bit_generator.state)}
        self.save(state)

    def forget(self) -> None:
        """Delete the files, once the clone is saved as a whole."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def room(path: Path, shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros in a new file, its place on the disk taken at once: a full disk would kill the process later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            size = f"{array.nbytes / 1e9:.1f} GB"
            raise UsageError(f"a clone needs {size} for {path} while it learns: {error.strerror}") from None
    return array
