"""Resumable storage for imitation data."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robodl.options import UsageError


@dataclass
class TransitionStore:
    """Storage of labelled transitions, and of how far imitation has come.

    Transitions lie in memory-mapped files: too large to be written anew after each round, they outlive the process.

    Args:
        folder: of these files; None to hold them in memory alone.
        state: of an earlier process, as it was saved after a round; None at the beginning.
        save: called after each round with the state to save, text and arrays in nested dicts.
    """

    folder: Path | None = None
    state: dict[str, Any] | None = None
    save: Callable[[dict[str, Any]], object] = lambda state: None

    @property
    def done(self) -> int:
        """Control steps of each row, or passes over a dataset, that an earlier process has learnt from."""
        return int(self.state["done"]) if self.state else 0

    def array(self, name: str, shape: tuple[int, ...], dtype) -> np.ndarray:
        """An array of zeros, or the one that an earlier process left.

        Raises:
            UsageError: the file is missing or damaged, or the disk is full.
        """
        if self.folder is None:
            return np.zeros(shape, dtype)
        path = self.folder / f"{name}.npy"
        if self.state is None:
            try:
                return allocate(path, shape, dtype)
            except UsageError:
                self.delete()
                raise
        try:
            array = np.load(path, mmap_mode="r+")
        except FileNotFoundError:
            raise UsageError(f"imitation can't be resumed: {path} is missing") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"imitation can't be resumed: {path} is damaged: {error}") from None
        if (array.shape, array.dtype) != (shape, dtype):
            found = f"{array.dtype} {array.shape}"
            raise UsageError(f"imitation can't be resumed: {path} must be {dtype} {shape}, got {found}")
        return array

    def restore(self, envs, rng: np.random.Generator) -> None:
        """Put environments and a generator into their state after the last saved round, if there was one."""
        if self.state:
            envs.set_state(self.state["envs"])
            rng.bit_generator.state = json.loads(str(self.state["rng"]))

    def save_round(self, done: int, envs=None, rng: np.random.Generator | None = None) -> None:
        """Save the state after a round; `done` as in the property."""
        state: dict[str, Any] = {"done": done}
        if envs is not None and rng is not None:
            state |= {"envs": envs.get_state(), "rng": json.dumps(rng.bit_generator.state)}
        self.save(state)

    def delete(self) -> None:
        """Delete the files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def allocate(path: Path, shape: tuple[int, ...], dtype) -> np.ndarray:
    """Zeros in a new file whose space on the disk is taken at once: a full disk would kill the process later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            size = f"{array.nbytes / 1e9:.1f} GB"
            raise UsageError(f"imitation needs {size} for {path} while it learns: {error.strerror}") from None
    return array
