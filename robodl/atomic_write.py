"""Writing files whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


class FileSet:
    """Files that take their places together, see `together`."""

    def __init__(self) -> None:
        self.parts: dict[Path, Path] = {}  # where a file is written, by its place

    def part(self, path: Path) -> Path:
        """Give the path to write the file to that is to be at `path`."""
        self.parts[path] = path.with_name(f".{path.name}.part")
        return self.parts[path]


@contextlib.contextmanager
def together(earlier: Callable[[Path], Path] | None = None) -> Iterator[FileSet]:
    """Write files that take their places only when all went well and all are on the disk.

    Args:
        earlier: the path at which what was in a file's place is kept; None to keep nothing. At any moment the files in
            their places, or those kept, are of one set.
    """
    files = FileSet()
    try:
        yield files
        for part in files.parts.values():
            sync(part)
        for path in files.parts:
            if earlier is not None and path.is_file():
                keep(path, earlier(path))
        for path, part in files.parts.items():
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


def keep(path: Path, earlier: Path) -> None:
    """Have a file at another path, too, where its place will be taken."""
    earlier.unlink(missing_ok=True)
    try:
        os.link(path, earlier)
    except OSError:  # a file system without links
        shutil.copyfile(path, earlier)


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
