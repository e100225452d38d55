"""Resumable storage for imitation data."""

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

    def array(self, name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
        """An array of zeros, or the one that an earlier process left.

        Raises:
            UsageError: the file is missing or damaged, or the disk is full.
        """
        if self.folder is None:
            return np.zeros(shape, dtype)
        path = self.folder / f"{name}.npy"
        if self.state is None:
            return self.allocate(path, shape, dtype)
        try:
            array = np.load(path, mmap_mode="r+")
        except (OSError, ValueError) as error:
            what = "missing" if isinstance(error, FileNotFoundError) else f"damaged: {error}"
            raise UsageError(f"imitation can't be resumed: {path} is {what}") from None
        if (array.shape, array.dtype) != (shape, dtype):
            found = f"{array.dtype} {array.shape}"
            raise UsageError(f"imitation can't be resumed: {path} must be {dtype} {shape}, got {found}")
        return array

    def allocate(self, path: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Zeros in a new file whose space on the disk is taken at once: a full disk would kill the process later."""
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(path, "w+", dtype, shape)
        try:
            if hasattr(os, "posix_fallocate"):
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            self.delete()
            size = f"{array.nbytes / 1e9:.1f} GB"
            raise UsageError(f"imitation needs {size} for {path} while it learns: {error.strerror}") from None
        return array

    def delete(self) -> None:
        """Delete the files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
