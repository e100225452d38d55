"""Measured results that are kept beside the documentation, as JSON.

suite.json is what `robodl.suite` wrote. trained.json is a list of rows, one a training run, with the keys TRAINED, and
metrics, the task's own by name, where it has some. evaluations.json is a list of rows with the keys EVALUATED and
metrics with their intervals. `robodl.results` adds rows to both.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl.options import UsageError

Row = dict[str, Any]

RATES = ("success_rate", "success_low", "success_high", "episodes")
MEASURED = ("env", "robot", "policy", "steps_to_success", "steps_to_success_95", *RATES)
TRAINED = ("env", "robot", "algo", "seed", "steps", "train_seconds", "command", *RATES)
EVALUATED = ("env", "robot", "policy", "motion", "sight", "seed", "episodes")


@dataclass(frozen=True)
class Results:
    """Rows of the suite, what else its file says, rows of training runs, and rows of evaluations.

    Runs in which more varied than tasks do by themselves are apart: their success is not of the same episodes.
    """

    suite: list[Row]
    origin: Row
    trained: list[Row]
    varied: list[Row]
    evaluations: list[Row]


def load(folder: Path) -> Results:
    """The results of a folder, each file of which may be absent."""
    suite = read(folder / "suite.json", {"rows": []})
    if not isinstance(suite, dict):
        raise UsageError(f"{folder / 'suite.json'} is not what robodl.suite writes")
    rows = checked(folder / "suite.json", suite.get("rows"), MEASURED)
    trained = checked(folder / "trained.json", read(folder / "trained.json", []), TRAINED)
    evaluations = checked(folder / "evaluations.json", read(folder / "evaluations.json", []), EVALUATED)
    plain, varied = (
        [row for row in trained if (trained_with(row) != "none") == is_varied] for is_varied in (False, True)
    )
    return Results(rows, suite, plain, varied, evaluations)


def trained_with(row: Row) -> str:
    """The preset of randomisation that a run was trained with, and tested with; "none" without one."""
    found = [word for word in row["command"].split() if word.startswith("randomize=")]
    return found[-1].partition("=")[2] if found else "none"


def read(path: Path, otherwise: Any) -> Any:
    if not path.exists():
        return otherwise
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None


def checked(path: Path, rows: Any, keys: tuple[str, ...]) -> list[Row]:
    """Rows with all of these keys; UsageError for others."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path} has no list of rows")
    for k, row in enumerate(rows):
        if lacking := [key for key in keys if key not in row]:
            raise UsageError(f"{path}: row {k} has no {', '.join(lacking)}")
    return rows
