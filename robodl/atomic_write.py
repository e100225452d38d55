"""Writing files whole or not at all."""

from pathlib import Path


class replacing:  # noqa: N801  (a context manager reads as a verb)
    """Write to the path given by `with`; it takes the place of `path` only when all went well."""

    def __init__(self, path: Path):
        self.path, self.part = path, path.with_name(f".{path.name}.part")

    def __enter__(self) -> Path:
        return self.part

    def __exit__(self, kind, value, trace) -> None:
        if kind is None:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)
