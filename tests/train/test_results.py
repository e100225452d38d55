"""Tables of results: what the JSON files give, and these what runs left."""

import json
import shutil

import pytest

from robodl import results
from robodl.documentation.collect import command
from robodl.documentation.results import load
from robodl.documentation.tables import filled
from robodl.options import UsageError
from tests.train.conftest import run
from tests.train.test_pages import ROOT

TABLES = "# Mine\n\n<!-- results: reach -->\n<!-- end of results -->\n\nkept\n"
OVERVIEW = """<!-- results: overview -->
| id | what | reached |
|---|---|---|
| `robodl/Reach-v0` | by hand | old |
| `robodl/Other-v0` | by hand | kept |
<!-- end of results -->
"""


def test_committed_tables_are_what_the_results_give():
    """After a change of docs/results, run `python -m robodl.results` and commit what it writes."""
    done = run("robodl.results", "check=true", cwd=ROOT)
    assert "12 tables in 2 files are up to date" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["experiment=push_pixels", "algo.imitation_teacher=runs/push/mine"], " algo.imitation_teacher=<run>"),
        (["experiment=push_pixels", "+algo.imitation_teacher=zoo", "name=x"], " algo.imitation_teacher=zoo"),
        (["experiment=push_pixels", "seed=3"], ""),
        (["experiment=push_pixels", "~algo.gamma"], " ~algo.gamma"),
    ],
)
def test_a_command_names_no_run_of_ones_own(tmp_path, words, expected):
    """Files that others don't have are named by their kind; seed and name are anyone's."""
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/overrides.yaml").write_text(json.dumps(words))
    found = command({"env": "push"}, tmp_path)
    assert found == f"python -m robodl.train experiment=push_pixels{expected} seed=S"


@pytest.fixture
def place(tmp_path):
    """A folder with results, and a text with a table."""
    (tmp_path / "results").mkdir()
    (tmp_path / "text.md").write_text(TABLES)
    return tmp_path


def options(place, **more):
    return results.Options(results=str(place / "results"), texts=[str(place / "text.md")], **more)


def test_runs_become_rows_and_tables(trained, place, capsys):
    """Each run is a row with its command for any seed; the same command and seed again takes its place."""
    small = trained / "runs/reach/small"
    other = place / "other"
    shutil.copytree(small, other)
    result = json.loads((small / "result.json").read_text())
    (other / "result.json").write_text(json.dumps({**result, "seed": 1, "success_rate": 0.5}))
    for _ in range(2):
        results.results(options(place, runs=[str(small), str(other / "result.json")]))
    rows = load(place / "results").trained
    assert [row["seed"] for row in rows] == [0, 1] and rows[1]["success_rate"] == 0.5
    assert rows[0]["algo"] == "`ppo`" and rows[0]["steps"] == 2048 and rows[0]["distance_mm"] > 0
    words = "total_timesteps=2048 eval_every=1024 eval_episodes=10 test_episodes=20"
    assert rows[0]["command"] == f"python -m robodl.train env=reach {words} seed=S"
    text = (place / "text.md").read_text()
    assert "| `ppo` | 1 | 2,048 |" in text and "| 50 % (" in text and text.endswith("kept\n")
    results.results(options(place, check=True))
    assert "1 tables in 1 files are up to date" in capsys.readouterr().out
    (place / "text.md").write_text(text.replace("50 %", "99 %"))
    with pytest.raises(SystemExit) as ended:
        results.results(options(place, check=True))
    assert ended.value.code == 1 and "text.md; python -m robodl.results writes" in capsys.readouterr().err
    assert "99 %" in (place / "text.md").read_text()


def test_evaluations_of_other_settings_are_no_rows(place):
    facts = {"env": "reach", "robot": "panda", "policy": "expert", "seed": 0, "success_rate": 1.0}
    (place / "wide.json").write_text(json.dumps({**facts, "env_settings": {"radius": 0.3}}))
    with pytest.raises(UsageError, match=r"wide\.json was measured with env\.<setting>="):
        results.results(options(place, runs=[str(place / "wide.json")]))


def test_evaluations_become_rows(place):
    values = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "episodes": 20, "commit": "abc"}
    facts = {"env": "read_digit", "robot": "panda", "policy": "best", "seed": 0, "success_rate": 0.25, "run": "here"}
    (place / "still.json").write_text(json.dumps({**facts, **values, "motion": "still", "machine": {}}))
    (place / "text.md").write_text(TABLES.replace("reach", "read_digit"))
    results.results(options(place, runs=[str(place / "still.json")]))
    (row,) = load(place / "results").evaluations
    assert (row["motion"], row["sight"], row["accuracy"]) == ("still", "own", 0.5) and "machine" not in row
    assert "| the fixed first view | 0 | 50 % (40 % to 60 %) | 20 |" in (place / "text.md").read_text()


def test_the_zoo_has_one_policy_of_a_task_for_each_observation(place):
    """Another seed's takes the place of the one before; what sees images is beside what knows the state."""
    facts = {"env": "push", "robot": "panda", "policy": "zoo", "randomize": "none", "episodes": 9, "commit": "abc"}
    for seed, rate, more in ((0, 0.1, {}), (1, 0.9, {}), (2, 0.5, {"observation": "image"})):
        rates = {"success_rate": rate, "success_low": rate - 0.1, "success_high": rate + 0.1}
        (place / "row.json").write_text(json.dumps({**facts, **rates, **more, "seed": seed}))
        (place / "text.md").write_text(TABLES.replace("reach", "robustness"))
        results.results(options(place, runs=[str(place / "row.json")]))
    rows = load(place / "results").evaluations
    assert [(row["seed"], row.get("observation")) for row in rows] == [(1, None), (2, "image")]
    assert "| `push` | 90 % (80 % to 100 %) | 9 |" in (place / "text.md").read_text()


def test_evaluations_of_other_variation_are_rows_of_their_own(place):
    facts = {"env": "push", "robot": "panda", "policy": "zoo", "seed": 0, "episodes": 500, "commit": "abc"}
    for name, rate in (("none", 0.9), ("physics", 0.8)):
        rates = {"success_rate": rate, "success_low": rate - 0.1, "success_high": rate + 0.1}
        (place / f"{name}.json").write_text(json.dumps({**facts, **rates, "randomize": name}))
    (place / "text.md").write_text(TABLES.replace("reach", "robustness"))
    results.results(options(place, runs=[str(place / "none.json"), str(place / "physics.json")]))
    text = (place / "text.md").read_text()
    assert "| task | none | physics | episodes |" in text
    assert "| `push` | 90 % (80 % to 100 %) | 80 % (70 % to 90 %) | 500 |" in text


def trained_row(seed, rate, words="", algo="`ppo`", steps=9):
    """A row of trained.json, of push and 100 episodes."""
    command = f"python -m robodl.train env=push{words} seed=S"
    run = {"env": "push", "robot": "panda", "algo": algo, "seed": seed, "steps": steps, "command": command}
    success = {"success_rate": rate, "success_low": 0.0, "success_high": 1.0, "episodes": 100}
    return run | success | {"train_seconds": 1.0, "commit": "abc", "curve": [[1, 1, 0]]}


def test_runs_with_variation_stand_beside_what_they_were_trained_with(place):
    """In the table of robustness alone, the episodes of all seeds together."""
    rows = [
        trained_row(seed, rate, words)
        for seed, rate, words in ((0, 0.6, " randomize=physics"), (1, 0.8, " randomize=physics"), (0, 1.0, ""))
    ]
    zoo = {
        "env": "push",
        "robot": "panda",
        "policy": "zoo",
        "motion": "own",
        "sight": "own",
        "seed": 0,
        "episodes": 500,
    }
    zoo |= {"randomize": "physics", "success_rate": 0.5, "success_low": 0.4, "success_high": 0.6}
    (place / "results/trained.json").write_text(json.dumps(rows))
    (place / "results/evaluations.json").write_text(json.dumps([zoo]))
    (place / "text.md").write_text(TABLES.replace("reach", "robustness") + TABLES.replace("reach", "ways"))
    results.results(options(place))
    text = (place / "text.md").read_text()
    assert "| task | physics | physics, trained with it | episodes |" in text
    assert "| `push` | 50 % (40 % to 60 %) | 70 % (63.3 % to 75.9 %) | 500 |" in text
    assert "| `push` | `ppo` |" in text and "`push/randomize" not in text
    found = load(place / "results")
    assert [row["success_rate"] for row in found.trained] == [1.0] and len(found.varied) == 2


def test_what_a_teacher_is_worth(place):
    """A column for each way that has a row: the mean of all seeds, and two algorithms in one cell by their names."""
    rows = [
        trained_row(0, 0.6, " algo=ppo", steps=4000),
        trained_row(1, 0.8, " algo=ppo", steps=4000),
        trained_row(0, 0.5, " algo=sac", "`sac`"),
        trained_row(0, 0.9, " algo=sac algo.demonstrations=5", "`sac`, with demonstrations"),
        trained_row(0, 1.0, "", "`dagger`: imitation", 0),
        trained_row(0, 0.1, " randomize=physics", "`dagger`: imitation", 0),
        trained_row(0, 0.2, " observation=image", "`dagger`: imitation, from images", 0),
    ]
    (place / "results/trained.json").write_text(json.dumps(rows))
    (place / "text.md").write_text(TABLES.replace("reach", "teaching"))
    results.results(options(place))
    cells = "`ppo`: 70 %, 4,000 steps, 1 s; `sac`: 50 %, 9 steps, 1 s | 90 %, 9 steps, 1 s | 100 %, 1 s |"
    assert f"| `push` | {cells}\n" in (place / "text.md").read_text()


def test_an_overview_keeps_what_a_person_wrote():
    """Only the last cell of a task with results is made anew."""
    text, _ = filled(OVERVIEW, load(ROOT / "docs/results"))
    cell = "100 %, 100 %, 100 % of 500 episodes after 13, 12, 13 s (seeds 0, 1, 2)"
    assert f"| `robodl/Reach-v0` | by hand | {cell} |" in text
    assert "| `robodl/Other-v0` | by hand | kept |" in text and "| id | what | reached |" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": ["nowhere"]}, "there is no result at nowhere"),
        ({"runs": ["."], "check": True}, "check=true writes nothing"),
        ({"results": "nowhere"}, "there is no nowhere"),
    ],
)
def test_what_is_no_result_is_refused(place, change, words):
    given = {"results": str(place / "results"), "texts": [str(place / "text.md")], **change}
    with pytest.raises(UsageError, match=words):
        results.results(results.Options(**given))
    (place / "some.json").write_text("{}")
    with pytest.raises(UsageError, match=r"some\.json is no result of"):
        results.results(options(place, runs=[str(place / "some.json")]))
    assert not list((place / "results").iterdir())


def test_an_unknown_table_is_named():
    with pytest.raises(UsageError, match="results: nothing --> names no table; there are overview, suite"):
        filled(TABLES.replace("reach", "nothing"), load(ROOT / "docs/results"))
