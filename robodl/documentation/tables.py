"""Tables of measured results in README.md and docs/benchmarks.md, each between two marker comments.

A marker `<!-- results: suite -->` names what is written between it and `<!-- end of results -->`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from robodl.documentation.comparison import named
from robodl.documentation.markdown import millimetres, percent, template, where
from robodl.documentation.results import Results, Row, trained_with
from robodl.options import UsageError
from robodl_envs import task_id

BLOCK = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)
TABLES = (
    "suite",
    "trained",
    "ways",
    "teaching",
    "distilled",
    "robustness",
    "reach",
    "pixels",
)  # macros of tables.md.jinja


class Metric(NamedTuple):
    """A column of a task's table of evaluations."""

    key: str
    name: str
    text: Callable[[float], str]
    in_overview: bool = False

    def with_interval(self, row: Row) -> str:
        """A row's value with its interval where there is one."""
        if row.get(self.key) is None:
            return ""
        for key in (self.key, "success" if self.key == "success_rate" else self.key):
            if row.get(f"{key}_low") is not None:
                low, high = (self.text(row[f"{key}_{bound}"]) for bound in ("low", "high"))
                return f"{self.text(row[self.key])} ({low} to {high})"
        return self.text(row[self.key])


METRICS = {
    "read_digit": [Metric("accuracy", "right answers", percent, in_overview=True)],
    "inspect": [
        Metric("auroc", "AUROC", "{:.3f}".format, in_overview=True),
        Metric("escape_at_5", "escapes at 5 %", percent),
        Metric("escape_rate", "escapes", percent),
        Metric("overkill", "overkill", percent),
        Metric("views", "faces viewed", "{:.2f}".format),
        Metric("success_rate", "right", percent, in_overview=True),
    ],
    "track": [
        Metric("position_rmse_mm", "position, RMSE", millimetres, in_overview=True),
        Metric("velocity_rmse_cm_s", "velocity, RMSE", "{:.1f} cm/s".format, in_overview=True),
        Metric("in_view", "in view", percent, in_overview=True),
    ],
}
WAYS = {  # by what a row's algorithm says after its name
    "": "from nothing",
    ", with demonstrations": "demonstrations in the buffer",
    ": imitation": "imitation",
    ": imitation, then PPO": "imitation, then PPO",
}
POLICIES = {  # by policy, motion and sight
    ("zero", "own", "own"): "zero actions",
    ("random", "own", "own"): "random actions",
    ("best", "own", "noise"): "noise in place of images",
    ("best", "random", "own"): "random views",
    ("pretrain", "still", "own"): "`article`, trained on labels of fixed first views",
    ("best", "still", "own"): "the fixed first view",
    ("best", "own", "own"): "**the policy**",
    ("kalman", "own", "own"): "Kalman filter, `policy=kalman`",
    ("expert", "own", "own"): "the scripted expert, who knows the state",
}


def filled(text: str, results: Results) -> tuple[str, int]:
    """A text with what belongs between its markers, and their number; UsageError for one that names no table."""
    return BLOCK.subn(lambda match: f"{match[1]}{made(match[2], match[3], results)}\n{match[4]}", text)


def made(name: str, old: str, results: Results) -> str:
    """The table of a name."""
    if name == "overview":
        return overview(old, results)
    if name not in (*TABLES, *METRICS):
        known = ", ".join(["overview", *TABLES, *METRICS])
        raise UsageError(f"<!-- results: {name} --> names no table; there are {known}")
    macros: Any = template(
        "tables",
        is_default=is_default,
        named=named,
        taught=taught,
        with_variation=with_variation,
    ).module
    if name in TABLES:
        return getattr(macros, name)(results).strip()
    order = list(POLICIES)
    rows = [row for row in where(results.evaluations, env=name) if "randomize" not in row]
    rows.sort(key=lambda row: (order.index((row["policy"], row["motion"], row["sight"])), row["seed"]))
    return macros.evaluations(rows, POLICIES, METRICS[name]).strip()


def overview(old: str, results: Results) -> str:
    """A table of tasks that a person wrote, its last column made anew for each row that names an id."""
    ids = {f"`{task_id(row['env'])}`": row["env"] for row in results.trained}
    lines = []
    for line in old.strip().splitlines():
        first, *cells, _ = line.strip("|").split("|")
        task = ids.get(first.strip())
        lines.append(line if task is None else f"|{'|'.join([first, *cells])}| {in_short(task, results)} |")
    return "\n".join(lines)


def in_short(task: str, results: Results) -> str:
    """The results of a task's default training, seed by seed, in one cell."""
    rows = [row for row in where(results.trained, env=task) if is_default(row)]
    if not rows:
        return ""
    seeds = f"{'seed' if len(rows) == 1 else 'seeds'} {', '.join(str(row['seed']) for row in rows)}"
    seconds = ", ".join(f"{row['train_seconds']:,.0f}" for row in rows)
    origin = f"of {rows[0]['episodes']} episodes after {seconds} s ({seeds})"
    metrics = [metric for metric in METRICS.get(task, []) if metric.in_overview]
    if not metrics:
        return f"{', '.join(percent(row['success_rate']) for row in rows)} {origin}"

    def values(metric: Metric, rows: Sequence[Row]) -> str:
        return ", ".join(metric.text({**row, **row.get("metrics", {})}[metric.key]) for row in rows)

    text = f"{'; '.join(f'{metric.name} {values(metric, rows)}' for metric in metrics)} {origin}"
    still = where(results.evaluations, env=task, policy="best", motion="still", sight="own")
    return f"{text}; from the fixed first view {values(metrics[0], still)}" if still else text


def taught(rows: Sequence[Row]) -> dict[str, dict[str, list[list[Row]]]]:
    """The runs on the state, by what they learn from and by task: for each command those of its seeds."""
    found: dict[str, dict[str, list[list[Row]]]] = {way: {} for way in WAYS.values()}
    for group in named(rows).values():
        way = WAYS.get(group[0]["algo"].rpartition("`")[2])
        if way and group[0]["robot"] == "panda":
            found[way].setdefault(group[0]["env"], []).append(group)
    return {way: tasks for way, tasks in found.items() if tasks}


def with_variation(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """The runs that were trained with variation, by its preset and by task."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(trained_with(row), {}).setdefault(row["env"], []).append(row)
    return found


def is_default(row: Row) -> bool:
    """Test whether a run is of the command that a task's page begins with."""
    return row["robot"] == "panda" and row["command"] == f"python -m robodl.train env={row['env']} seed=S"
