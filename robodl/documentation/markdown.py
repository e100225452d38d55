"""Pieces of Markdown that the pages on environments are made of."""

from collections.abc import Sequence

import numpy as np

MADE = "<!-- Made from the code by `python -m robodl.pages`: what is changed here by hand is lost. -->"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of text cells; a bar in a cell does not part it."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (header, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], ["---"] * len(header), *lines[1:]))


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def section(title: str, *parts: str) -> str:
    """A heading and the parts below it that are not empty; nothing where all are."""
    filled = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *filled]) if filled else ""


def code(*names: str) -> str:
    """Names set as code, parted by commas."""
    return ", ".join(f"`{name}`" for name in names)


def number(value: float) -> str:
    return f"{value:.4g}" if value else "0"


def numbers(values: Sequence[float] | np.ndarray, alike: bool | None = None) -> str:
    """All numbers in parentheses; where they are alike, one."""
    shown = [number(float(value)) for value in values]
    alike = len(set(shown)) == 1 if alike is None else alike
    return shown[0] if alike else f"({', '.join(shown)})"


def percent(share: float) -> str:
    return f"{round(100.0 * share, 1):g} %"
