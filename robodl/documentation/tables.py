"""Tables of measured results in README.md and docs/benchmarks.md, each between two marker comments.

A marker `<!-- results: suite -->` names what is written between it and `<!-- end of results -->`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from robodl.documentation.markdown import percent, table
from robodl.documentation.results import Results, rate
from robodl.options import UsageError
from robodl_envs import task_id

BLOCK = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end of results -->)", re.DOTALL)
SHOWN = "panda"

Row = dict[str, Any]
Format = Callable[[float], str]


def millimetres(value: float) -> str:
    return f"{value:.1f} mm" if value < 100 else f"{value:.0f} mm"


# By task: key of a metric, name of its column, how a value is written, whether README.md shows it.
METRICS: dict[str, list[tuple[str, str, Format, bool]]] = {
    "read_digit": [("accuracy", "right answers", percent, True)],
    "inspect": [
        ("auroc", "AUROC", "{:.3f}".format, True),
        ("escape_at_5", "escapes at 5 %", percent, False),
        ("escape_rate", "escapes", percent, False),
        ("overkill", "overkill", percent, False),
        ("views", "faces viewed", "{:.2f}".format, False),
        ("success_rate", "right", percent, True),
    ],
    "track": [
        ("position_rmse_mm", "position, RMSE", millimetres, True),
        ("velocity_rmse_cm_s", "velocity, RMSE", "{:.1f} cm/s".format, True),
        ("in_view", "in view", percent, True),
    ],
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


def filled(text: str, results: Results) -> str:
    """A text with what belongs between its markers; UsageError for a marker that names no table."""

    def block(match: re.Match) -> str:
        begin, name, old, end = match.groups()
        return f"{begin}{made(name, old, results)}\n{end}"

    return BLOCK.sub(block, text)


def made(name: str, old: str, results: Results) -> str:
    """The table of a name."""
    tables = {"suite": suite, "trained": trained, "reach": reach, "pixels": pixels}
    if name == "overview":
        return overview(old, results)
    if name in METRICS:
        return evaluations(name, results)
    if name not in tables:
        known = ", ".join(["overview", *tables, *METRICS])
        raise UsageError(f"<!-- results: {name} --> names no table; there are {known}")
    return tables[name](results)


def overview(old: str, results: Results) -> str:
    """A table of tasks that a person wrote, its last column made anew for each row that names an id."""
    ids = {f"`{task_id(row['env'])}`": row["env"] for row in results.trained}
    lines = []
    for line in old.strip().splitlines():
        cells = line.strip("|").split("|")
        task = ids.get(cells[0].strip())
        lines.append(line if task is None else f"|{'|'.join(cells[:-1])}| {in_short(task, results)} |")
    return "\n".join(lines)


def in_short(task: str, results: Results) -> str:
    """The results of a task's default training, seed by seed, in one cell."""
    rows = [row for row in results.trained if row["env"] == task and is_default(row)]
    if not rows:
        return ""
    seeds = [str(row["seed"]) for row in rows]
    seconds = ", ".join(f"{row['train_seconds']:,.0f}" for row in rows)
    after = f"of {rows[0]['episodes']} episodes after {seconds} s"
    which = f"({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)})"
    shown = [each for each in METRICS.get(task, []) if each[3]]
    if not shown:
        return f"{', '.join(percent(row['success_rate']) for row in rows)} {after} {which}"
    values = [{**row, **row.get("metrics", {})} for row in rows]
    parts = [f"{name} {', '.join(form(row[key]) for row in values)}" for key, name, form, _ in shown]
    text = f"{'; '.join(parts)} {after} {which}"
    key, _, form, _ = shown[0]
    still = [row for row in results.evaluations if row["env"] == task and view(row) == ("best", "still", "own")]
    return f"{text}; from the fixed first view {', '.join(form(row[key]) for row in still)}" if still else text


def is_default(row: Row) -> bool:
    """Test whether a run is of the command that a task's page begins with."""
    return row["robot"] == SHOWN and row["command"] == f"python -m robodl.train env={row['env']} seed=S"


def view(row: Row) -> tuple[str, str, str]:
    return row["policy"], row["motion"], row["sight"]


def suite(results: Results) -> str:
    """Experts' success rates by task and robot, and the best of random and zero actions on any robot."""
    tasks = list(dict.fromkeys([row["env"] for row in results.trained] + [row["env"] for row in results.suite]))
    robots = sorted({row["robot"] for row in results.suite}, key=lambda robot: (robot != SHOWN, robot))
    lines = []
    for task in tasks:
        floors = [r["success_rate"] for r in results.suite if r["env"] == task and r["policy"] != "expert"]
        experts = [results.expert(task, robot) or "refused" for robot in robots]
        if floors:
            lines.append((f"`{task}`", *experts, percent(max(floors))))
    return table(["task", *(f"expert, {robot}" for robot in robots), "floor"], lines)


def trained(results: Results) -> str:
    """A line for each training run."""
    lines = [
        (
            f"`{row['env']}`",
            row["algo"],
            row["seed"],
            f"{row['steps']:,}",
            f"{row['train_seconds']:,.0f} s",
            f"{rate(row)} of {row['episodes']}",
            (row.get("commit") or "")[:7],
        )
        for row in results.trained
        if is_default(row)
    ]
    names = ["task", "trained by", "seed", "steps", "wall-clock", "success of fresh episodes (95 % interval)", "commit"]
    return table(names, lines)


def reach(results: Results) -> str:
    """The runs of Reach, with the distance that is left at the end."""
    return distances([row for row in results.trained if row["env"] == "reach" and "experiment=" not in row["command"]])


def pixels(results: Results) -> str:
    """The runs of Reach from images."""
    return distances([row for row in results.trained if "experiment=reach_pixels" in row["command"]])


def distances(rows: Sequence[Row]) -> str:
    lines = [
        (
            row["algo"],
            row["seed"],
            f"{row['steps']:,}",
            f"{row['train_seconds']:.1f} s",
            f"{rate(row)} of {row['episodes']}",
            millimetres(row["distance_mm"]),
            (row.get("commit") or "")[:7],
        )
        for row in rows
    ]
    success = "success of fresh episodes (95 % interval)"
    return table(["trained by", "seed", "steps", "wall-clock", success, "mean distance at the end", "commit"], lines)


def evaluations(task: str, results: Results) -> str:
    """A task's policies, baselines and ablations, each seed on a line of its own."""
    rows = [row for row in results.evaluations if row["env"] == task]
    order = list(POLICIES)
    rows = sorted(rows, key=lambda row: (order.index(view(row)), row["seed"]))
    lines = []
    for row in rows:
        cells = (cell(row, key, form) for key, _, form, _ in METRICS[task])
        lines.append((POLICIES[view(row)], row["seed"], *cells, row["episodes"]))
    return table(["what the policy sees", "seed", *(name for _, name, _, _ in METRICS[task]), "episodes"], lines)


def cell(row: Row, key: str, form: Format) -> str:
    """A value with its interval where there is one."""
    if row.get(key) is None:
        return ""
    low, high = row.get(f"{key}_low"), row.get(f"{key}_high")
    if key == "success_rate":
        low, high = row.get("success_low", low), row.get("success_high", high)
    return form(row[key]) if low is None or high is None else f"{form(row[key])} ({form(low)} to {form(high)})"


def markers(text: str) -> Sequence[str]:
    """The tables that a text has room for."""
    return [match.group(2) for match in BLOCK.finditer(text)]
