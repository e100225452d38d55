"""Measured results that are kept beside the documentation, and their tables.

suite.json is what `robodl.suite` wrote. trained.json is a list of rows, one a training run, with the keys TRAINED, and
metrics, the task's own by name, where it has some. evaluations.json is a list of rows with the keys EVALUATED and
metrics with their intervals. `robodl.results` adds rows to both.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl.documentation.markdown import percent, table
from robodl.options import UsageError

RATES = ("success_rate", "success_low", "success_high", "episodes")
MEASURED = ("env", "robot", "policy", "steps_to_success", "steps_to_success_95", *RATES)
TRAINED = ("env", "robot", "algo", "seed", "steps", "train_seconds", "command", *RATES)
EVALUATED = ("env", "robot", "policy", "motion", "sight", "seed", "episodes")
POLICIES = ("expert", "random", "zero")


@dataclass(frozen=True)
class Results:
    """Rows of the suite, what they were made by and on, rows of training runs, and rows of evaluations."""

    suite: list[dict[str, Any]]
    origin: str
    trained: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]

    def of_task(self, task: str) -> list[str]:
        """Markdown on one environment: none where nothing has been measured."""
        untrained = [row for row in self.suite if row["env"] == task]
        trained = [row for row in self.trained if row["env"] == task]
        parts = [suite_table(untrained), self.origin] if untrained else []
        return parts + ([trained_table(trained), commands(trained)] if trained else [])

    def expert(self, task: str, robot: str) -> str:
        """An expert's success rate, for a cell."""
        found = [row for row in self.suite if (row["env"], row["robot"], row["policy"]) == (task, robot, "expert")]
        return percent(found[0]["success_rate"]) if found else ""


def load(folder: Path) -> Results:
    """The results of a folder, each file of which may be absent."""
    suite = read(folder / "suite.json", {"rows": []})
    if not isinstance(suite, dict):
        raise UsageError(f"{folder / 'suite.json'} is not what robodl.suite writes")
    rows = checked(folder / "suite.json", suite.get("rows"), MEASURED)
    trained = checked(folder / "trained.json", read(folder / "trained.json", []), TRAINED)
    evaluations = checked(folder / "evaluations.json", read(folder / "evaluations.json", []), EVALUATED)
    return Results(rows, origin(suite) if rows else "", trained, evaluations)


def read(path: Path, otherwise: Any) -> Any:
    if not path.exists():
        return otherwise
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from None


def checked(path: Path, rows: Any, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows with all of these keys; UsageError for others."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path} has no list of rows")
    for k, row in enumerate(rows):
        if lacking := [key for key in keys if key not in row]:
            raise UsageError(f"{path}: row {k} has no {', '.join(lacking)}")
    return rows


def origin(suite: dict[str, Any]) -> str:
    """The command, machine and commit of the suite's rows."""
    seed = f" seed={suite['seed']}" if suite.get("seed") else ""
    command = f"python -m robodl.suite episodes={suite['rows'][0]['episodes']}{seed} output=docs/results/suite.json"
    machine = suite.get("machine", {})
    where = f"{machine.get('cores')} cores, {machine.get('cpu')}, commit {suite.get('commit')}"
    steps = "Steps are control steps to the first success: on average, and the most that 95 % of the episodes needed."
    return f"`{command}`; {where}. In parentheses the 95 % interval. {steps}"


def suite_table(rows: list[dict[str, Any]]) -> str:
    """A line a robot."""
    cells: dict[str, dict[str, Any]] = {}
    for row in rows:
        cells.setdefault(row["robot"], {})[row["policy"]] = row
    lines = []
    for robot, found in cells.items():
        rates = [rate(found[policy]) if policy in found else "" for policy in POLICIES]
        lines.append((f"`{robot}`", rates[0], steps(found.get("expert")), *rates[1:]))
    return table(["robot", "scripted expert", "its steps", "random actions", "zero actions"], lines)


def rate(row: dict[str, Any]) -> str:
    return f"{percent(row['success_rate'])} ({percent(row['success_low'])} to {percent(row['success_high'])})"


def steps(row: dict[str, Any] | None) -> str:
    if row is None or row["steps_to_success"] is None:
        return ""
    return f"{row['steps_to_success']:.1f}, at most {row['steps_to_success_95']}"


def trained_table(rows: list[dict[str, Any]]) -> str:
    lines = [
        (
            f"`{row['robot']}`",
            row["algo"],
            row["seed"],
            f"{row['steps']:,}",
            f"{row['train_seconds']:,.0f} s",
            f"{rate(row)} of {row['episodes']}",
            ", ".join(f"{name} {value:.4g}" for name, value in row.get("metrics", {}).items()),
        )
        for row in rows
    ]
    names = ["robot", "trained by", "seed", "steps", "wall-clock", "success of fresh episodes", "metrics"]
    shown = len(names) if any(line[-1] for line in lines) else len(names) - 1  # a column only where there are some
    return table(names[:shown], [line[:shown] for line in lines])


def commands(rows: list[dict[str, Any]]) -> str:
    """The commands of training runs, each once."""
    return "\n".join(["```bash", *dict.fromkeys(row["command"] for row in rows), "```"])
