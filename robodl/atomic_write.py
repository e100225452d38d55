"""Writing files whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path, earlier: Path | None = None) -> Iterator[Path]:
    """Write to the path given by `with`; it takes the place of `path` only when all went well and is on the disk.

    earlier: where what was at `path` goes then; None to delete it.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        if earlier is not None and path.is_file():
            path.replace(earlier)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
