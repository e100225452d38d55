"""Names of rows of docs/results/trained.json, and a new result beside them."""

import math
import shlex
from collections.abc import Sequence

from robodl.documentation.markdown import percent, pooled, rate
from robodl.documentation.results import Row
from robodl.evaluation.statistics import difference_interval

BY_VALUE = ("algo", "experiment", "reward", "robot")  # keys whose values are enough to know a command by


def row_name(row: Row) -> str:
    """Name of a row: its task, and after a slash the words of its command that differ from the default's."""
    words = shlex.split(row["command"], posix=False)[3:]
    kept = [word for word in words if word.partition("=")[0] not in ("env", "seed")]
    parts = [word.partition("=")[2] if word.partition("=")[0] in BY_VALUE else word for word in kept]
    return "/".join([row["env"], "+".join(parts)] if parts else [row["env"]])


def way_of(name: str) -> str:
    """Way to learn that a row's name tells after its task; "default" where it tells none."""
    return name.partition("/")[2] or "default"


def named(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by name, one for each seed, in order of seeds."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        found.setdefault(row_name(row), []).append(row)
    return {name: found[name] for name in dict.fromkeys(map(row_name, rows))}


def listed(rows: dict[str, list[Row]]) -> list[str]:
    """Lines for the terminal: each row's name, the success of all its seeds, their mean seconds, and which they are."""
    lines = [f"{'row':<28} {'success':>8} {'seconds':>8}  seeds"]
    for name, group in rows.items():
        seconds = math.fsum(row["train_seconds"] for row in group) / len(group)
        seeds = ", ".join(str(row["seed"]) for row in group)
        lines.append(f"{name:<28} {percent(pooled(group)['success_rate']):>8} {seconds:>8,.0f}  {seeds}")
    return lines


def comparison(result: Row, rows: Sequence[Row], seed: int) -> tuple[list[str], bool]:
    """A result beside a row of the same seed, or beside all seeds: lines for the terminal, and whether it is worse."""
    compared = [row for row in rows if row["seed"] == seed] or list(rows)
    of_all = pooled(compared)
    counts = [(round(each["success_rate"] * each["episodes"]), each["episodes"]) for each in (result, of_all)]
    low, high = difference_interval(*counts[0], *counts[1])
    seeds = ", ".join(str(row["seed"]) for row in compared)
    seconds = math.fsum(row["train_seconds"] for row in compared) / len(compared)
    verdict = "worse" if high < 0.0 else "better" if low > 0.0 else "as measured"
    lines = [
        f"  this run      {rate(result)} of {result['episodes']} episodes, {result['train_seconds']:,.0f} s",
        f"  docs/results  {rate(of_all)} of {of_all['episodes']} episodes, {seconds:,.0f} s, seed {seeds}",
        f"  difference    {100.0 * low:+.1f} to {100.0 * high:+.1f} percentage points (95 % interval): {verdict}",
    ]
    return lines, high < 0.0
