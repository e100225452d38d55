"""Markdown from the templates beside this file: the filters that they use, and the writing of what has changed."""

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from robodl.atomic_write import replacing
from robodl.cli import fail
from robodl.evaluation.statistics import wilson_interval


def template(name: str, **values: Any) -> jinja2.Template:
    """A template of this folder, that knows these values, by what its file is called before .md.jinja."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        each.__name__: each for each in (cell, code, commit, millimetres, number, percent, pooled, rate)
    }
    environment.tests["contains"] = operator.contains
    environment.globals |= {"where": where, **values}
    return environment.get_template(f"{name}.md.jinja")


def cell(text: object) -> str:
    """Text for a table's cell: a bar does not part it."""
    return str(text).replace("|", "\\|")


def code(names: Sequence[str]) -> str:
    """Names set as code, parted by commas."""
    return ", ".join(f"`{name}`" for name in names)


def number(value: float) -> str:
    return f"{value:.4g}" if value else "0"


def numbers(*vectors: Sequence[float] | np.ndarray) -> str:
    """Vectors in parentheses, parted by "to"; one number for each where in every vector all are the same."""
    shown = [[number(float(value)) for value in vector] for vector in vectors]
    if all(len(set(vector)) == 1 for vector in shown):
        return " to ".join(vector[0] for vector in shown)
    return " to ".join(f"({', '.join(vector)})" for vector in shown)


def percent(share: float) -> str:
    return f"{round(100.0 * share, 1):g} %"


def millimetres(value: float) -> str:
    return f"{value:.1f} mm" if value < 100 else f"{value:.0f} mm"


def commit(row: Mapping[str, Any]) -> str:
    return (row.get("commit") or "")[:7]


def rate(row: Mapping[str, Any]) -> str:
    """A success rate with its 95 % interval."""
    return f"{percent(row['success_rate'])} ({percent(row['success_low'])} to {percent(row['success_high'])})"


def pooled(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The success rate of all episodes of several rows, with its 95 % interval."""
    episodes = sum(row["episodes"] for row in rows)
    successes = sum(round(row["success_rate"] * row["episodes"]) for row in rows)
    low, high = wilson_interval(successes, episodes)
    rates = {"success_rate": successes / episodes, "success_low": low, "success_high": high}
    return {**rates, "episodes": episodes}


def where(rows: Sequence[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    """The rows that have these values."""
    return [row for row in rows if all(row[key] == value for key, value in values.items())]


def update_files(contents: Mapping[Path, str | bytes | None], check: bool, command: str) -> None:
    """Write the files that differ from these contents, texts as UTF-8, and remove those of None.

    Args:
        check: write nothing, and end with exit code 1 and the files' names if any differ.
        command: that writes them, for the message.
    """
    new = {path: text.encode() if isinstance(text, str) else text for path, text in contents.items()}
    old = {path: path.read_bytes() if path.is_file() else None for path in new}
    stale = sorted(path for path, content in new.items() if old[path] != content)
    if check and stale:
        fail(f"not up to date: {', '.join(map(str, stale))}; python -m {command} writes them anew", code=1)
    for path in stale:
        content = new[path]
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as part:
                part.write_bytes(content)
        print(f"{'removed' if content is None else 'wrote'} {path}")
