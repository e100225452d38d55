"""Rows of measured results from the JSON files that training and evaluation leave.

A run's result.json becomes a row of docs/results/trained.json, what `robodl.evaluate output=` writes a row of
docs/results/evaluations.json. A row takes the place of an earlier one of the same command and seed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from robodl.atomic_write import replacing
from robodl.documentation.results import read
from robodl.options import UsageError

Row = dict[str, Any]
COMMON = ("success_rate", "success_low", "success_high", "episodes", "commit")
NOT_METRICS = {
    *("env", "robot", "algo", "policy", "observation", "motion", "sight", "randomize", "run", "seed"),
    *("total_timesteps", "train_seconds"),
    *("success_once", "steps_to_success", "steps_to_success_95", "return", "diverged", "distance_mm"),
    *("versions", "machine", "config", "curve", "outcomes", "against"),
    *COMMON,
}
# Keys of a row of evaluations, but for the seed of the zoo's: it has one policy of a task.
EVALUATION = ("env", "robot", "policy", "observation", "motion", "sight", "randomize", "seed")
FILES = {"encoder.weights": "<file>", "algo.imitation_teacher": "<run>"}  # what a command names that others don't have
NOT_IN_COMMAND = ("seed", "name", "threads", "device", "video_episodes")  # what changes no result


def collect(paths: Sequence[str], results: Path) -> int:
    """Put the results of these run folders and files into the tables of a folder; returns how many there were."""
    for path in map(Path, paths):
        file = path / "result.json" if path.is_dir() else path
        if not file.is_file():
            raise UsageError(f"there is no result at {path}: give a run's folder, or a file of robodl.evaluate")
        result = read(file, None)
        if not isinstance(result, dict) or not {"env", "robot", "seed", "success_rate"} <= set(result):
            raise UsageError(f"{file} is no result of robodl.train or robodl.evaluate")
        if result.get("env_settings"):
            raise UsageError(f"{file} was measured with env.<setting>=: tables are of the settings that tasks have")
        if "train_seconds" in result:
            put(results / "trained.json", trained(result, file.parent), ("env", "robot", "seed", "command"))
        else:
            keys = [key for key in EVALUATION if key != "seed" or result["policy"] != "zoo"]
            put(results / "evaluations.json", evaluated(result), keys)
    return len(paths)


def put(path: Path, row: Row, keys: Sequence[str]) -> None:
    """Write a row in place of one that has the same of these keys, else behind the last row of its environment."""
    rows: list[Row] = read(path, [])
    same = [k for k, other in enumerate(rows) if all(other.get(key) == row.get(key) for key in keys)]
    if same:
        rows[same[0]] = row
    else:
        last = [k for k, other in enumerate(rows) if other["env"] == row["env"]]
        rows.insert(last[-1] + 1 if last else len(rows), row)
    lines = ",\n".join(f" {json.dumps(each)}" for each in rows)
    with replacing(path) as part:
        part.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def trained(result: Row, folder: Path) -> Row:
    """A training run's row."""
    more = {"algo": algorithm(result["config"]), "steps": result["total_timesteps"], "command": command(result, folder)}
    names = ("env", "robot", "algo", "seed", "steps", "train_seconds", "command", *COMMON)
    row = {key: (result | more)[key] for key in names}
    row["machine"] = machine(result["machine"])
    row["curve"] = result["curve"]
    if "distance_mm" in result:
        row["distance_mm"] = round(result["distance_mm"], 1)
    metrics = {key: v for key, v in metrics_of(result).items() if not key.endswith(("_low", "_high"))}
    return row | ({"metrics": metrics} if metrics else {})


def machine(facts: Row) -> str:
    """A machine in words: what its cores are, and how many."""
    return f"{facts['cpu']}, {facts['cores']} cores"


def evaluated(result: Row) -> Row:
    """An evaluation's row; a policy that moves and sees as it was trained to has motion and sight "own".

    Only evaluations of settings that a policy was not trained with say what was randomised.
    """
    row = {"motion": "own", "sight": "own", **result}
    own = {key: row[key] for key in EVALUATION if key in row}
    return own | {key: value for key, value in result.items() if key in COMMON} | metrics_of(result)


def metrics_of(result: Row) -> Row:
    return {key: value for key, value in result.items() if key not in NOT_METRICS}


def algorithm(config: Row) -> str:
    """A run's algorithm, for tables."""
    algo, name = config["algo"], config["algo"]["_target_"].rpartition(".")[2]
    text = "`pixel_sac`" if name == "PixelSAC" else f"`{name.lower()}`"
    if algo.get("imitation_transitions"):
        text = "`dagger`: imitation" + (" of a policy" if algo.get("imitation_teacher") else "")
        text += f", then {name}" if config["total_timesteps"] else ""
    elif algo.get("demonstrations"):
        text += ", with demonstrations"
    if config["observation"] != "state":
        text += ", from images"
    return f"{text}, pretrained encoder" if config["encoder"].get("weights") else text


def command(result: Row, folder: Path) -> str:
    """The command that a run was started with, for any seed S."""
    path = folder / ".hydra/overrides.yaml"
    words: Any = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else [f"env={result['env']}"]
    kept = []
    for word in (each.lstrip("+") for each in words):
        key, _, value = word.partition("=")
        if key not in NOT_IN_COMMAND:
            kept.append(f"{key}={FILES[key]}" if key in FILES and value != "zoo" else word)
    return " ".join(["python -m robodl.train", *kept, "seed=S"])
