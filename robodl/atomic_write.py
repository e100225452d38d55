"""Writing files whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class FileSet:
    """Files that take their places together, see `together`."""

    def __init__(self) -> None:
        self.parts: dict[Path, Path] = {}  # where a file is written, by its place
        self.earlier: dict[Path, Path] = {}  # where what was in a place goes

    def part(self, path: Path, earlier: Path | None = None) -> Path:
        """Give the path to write the file to that is to be at `path`.

        Args:
            earlier: where what was at `path` goes then; None to delete it.
        """
        self.parts[path] = path.with_name(f".{path.name}.part")
        if earlier is not None:
            self.earlier[path] = earlier
        return self.parts[path]


@contextlib.contextmanager
def together() -> Iterator[FileSet]:
    """Write files that take their places only when all went well and all are on the disk."""
    files = FileSet()
    try:
        yield files
        for part in files.parts.values():
            sync(part)
        for path, part in files.parts.items():
            if path in files.earlier and path.is_file():
                path.replace(files.earlier[path])
            part.replace(path)
        for folder in {path.parent for path in files.parts}:
            sync(folder)
    except OSError as error:
        if error.filename is None and files.parts:  # as writing to a full disk raises it
            error.filename = str(next(iter(files.parts)).parent)
        raise
    finally:
        for part in files.parts.values():
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write to the path given by `with`; it takes the place of `path` only when all went well and is on the disk."""
    with together() as files:
        yield files.part(path)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    number = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)
