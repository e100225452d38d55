"""Rows of docs/results trained again, compared, and drawn as curves."""

import json
import shutil

import numpy as np
import pytest

from robodl import reproduce
from robodl.documentation import curves
from robodl.documentation.comparison import comparison, named, row_name
from robodl.documentation.results import load
from robodl.documentation.tables import filled
from robodl.evaluation.statistics import difference_interval
from robodl.options import UsageError
from tests.train.conftest import run

WORDS = "total_timesteps=512 num_envs=8 algo.n_steps=16 eval_every=256 eval_episodes=4 test_episodes=8 video_episodes=0"


def row(seed=0, rate=0.9, **more):
    facts = {"env": "push", "robot": "panda", "algo": "`ppo`", "seed": seed, "steps": 100, "train_seconds": 10.0}
    rates = {"success_rate": rate, "success_low": 0.8, "success_high": 1.0, "episodes": 200, "commit": "abc"}
    return {**facts, "command": "python -m robodl.train env=push algo=ppo seed=S", **rates, **more}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("env=push", "push"),
        ("env=push algo=ppo", "push/ppo"),
        ("env=push algo=tqc reward=sparse", "push/tqc+sparse"),
        ("experiment=push_pixels", "push/push_pixels"),
        ("env=push total_timesteps=9", "push/total_timesteps=9"),
    ],
)
def test_rows_are_named_by_their_commands(words, name):
    assert row_name(row(command=f"python -m robodl.train {words} seed=S")) == name


def test_differences_are_newcombes():
    """The example of his paper's table II, 56 of 70 against 48 of 80, by method 10: 0.0524 to 0.3339."""
    np.testing.assert_allclose(difference_interval(56, 70, 48, 80), (0.0524, 0.3339), atol=5e-5)


@pytest.mark.parametrize(("rate", "worse", "verdict"), [(0.9, False, "as measured"), (0.5, True, "worse")])
def test_a_result_is_compared_with_its_seeds_row(rate, worse, verdict):
    """Of a seed without a row, with all of them."""
    rows = [row(0, 0.92), row(1, 0.88)]
    lines, found = comparison({**row(1, rate), "total_timesteps": 100}, rows, 1)
    assert found == worse and lines[2].endswith(verdict) and lines[1].endswith("seed 1") and "88 %" in lines[1]
    lines, _ = comparison({**row(2, rate), "total_timesteps": 100}, rows, 2)
    assert lines[1].endswith("seed 0, 1") and "90 % (" in lines[1] and "of 400 episodes" in lines[1]


@pytest.mark.slow
def test_a_row_is_trained_again_to_the_same_result(tmp_path):
    """From a run to a row, and from the row by its command to the same numbers and a curve."""
    run("robodl.train", "env=reach", *WORDS.split(), "name=first", cwd=tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "text.md").write_text("nothing")
    run("robodl.results", "runs=[runs/reach/first]", "results=results", "texts=[text.md]", cwd=tmp_path)
    (name,) = named(json.loads((tmp_path / "results/trained.json").read_text()))
    done = run("robodl.reproduce", f"row='{name}'", "results=results", "name=again", cwd=tmp_path)
    assert "as measured" in done.stdout and "reach" in done.stdout
    first, again = (
        json.loads((tmp_path / f"runs/reach/{each}/result.json").read_text()) for each in ("first", "again")
    )
    assert first["outcomes"] == again["outcomes"]
    assert [point[::2] for point in first["curve"]] == [point[::2] for point in again["curve"]]
    assert [point[0] for point in first["curve"]] == [256, 512]
    assert (tmp_path / "results/curves/success_by_steps.png").read_bytes()[:4] == b"\x89PNG"


def test_ways_to_learn_are_one_row_each(tmp_path):
    """Seeds side by side and all their episodes together; rows of before there were curves are left out."""
    rows = [row(0, 0.9, curve=[[1, 1.0, 0.5]]), row(1, 0.8, curve=[[1, 1.0, 0.5]]), row(env="reach")]
    (tmp_path / "trained.json").write_text(json.dumps(rows))
    text, _ = filled("<!-- results: ways -->\n<!-- end of results -->\n", load(tmp_path))
    (line,) = [line for line in text.splitlines() if line.startswith("| `")]
    assert line.startswith("| `push/ppo` | `ppo` | 100 | 10 s | 90 %, 80 % | 85 % (81.2 % to 88.2 %) of 400 | abc |")


def test_rows_that_are_not_there_or_need_a_file_are_refused(tmp_path):
    rows = [row(), row(command="python -m robodl.train env=push encoder.weights=<file> seed=S")]
    (tmp_path / "trained.json").write_text(json.dumps(rows))
    with pytest.raises(UsageError, match="no row 'push/pp'; did you mean 'push/ppo'"):
        reproduce.reproduce(reproduce.Options(row="push/pp", results=str(tmp_path)))
    with pytest.raises(UsageError, match=r"needs a file: python -m robodl\.train"):
        reproduce.reproduce(reproduce.Options(row="push/encoder.weights=<file>", results=str(tmp_path)))
    with pytest.raises(UsageError, match="there is no nowhere"):
        reproduce.reproduce(reproduce.Options(results="nowhere"))


def test_curves_are_held_between_evaluations():
    ran = row(curve=[[100, 1.0, 0.25], [200, 3.0, 0.75]])
    found = curves.held(ran, "seconds", np.array([0.0, 1.0, 2.9, 3.0, 9.0]))
    np.testing.assert_array_equal(found, [0.0, 0.25, 0.25, 0.75, 0.75])
    np.testing.assert_array_equal(curves.held(ran, "steps", np.array([99.0, 150.0, 200.0])), [0.0, 0.25, 0.75])


def test_the_interquartile_mean_leaves_out_the_ends():
    """Of 8 runs the middle 4; the interval draws seeds within each task."""
    values = np.array([0.0, 0.1, 0.4, 0.5, 0.6, 0.5, 0.9, 1.0])
    mean, low, high = curves.interquartile_mean([values[:4, None], values[4:, None]])
    assert mean[0] == pytest.approx(0.5) and low[0] < 0.5 < high[0]
    same, low, high = curves.interquartile_mean([np.full((3, 1), 0.2), np.full((3, 1), 0.4)])
    assert same[0] == low[0] == high[0]


def test_pictures_are_drawn_again_only_for_other_results(tmp_path):
    rows = [row(seed, curve=[[100, 1.0, 0.1 * seed], [200, 2.0, 0.9]]) for seed in (0, 1)]
    first = curves.pictures(rows, tmp_path)
    assert {path.name for path in first} == {"success_by_seconds.png", "success_by_steps.png"}
    for path, content in first.items():
        path.write_bytes(content)
    path = next(iter(first))
    stamp = curves.stamp_of(path)
    shutil.copy(path, tmp_path / "kept.png")
    assert curves.pictures(rows, tmp_path)[path] == path.read_bytes()
    assert curves.pictures(rows[:1], tmp_path)[path] != path.read_bytes() and stamp == curves.stamp_of(path)
    assert curves.pictures([row()], tmp_path) == {}
    many = [each | {"env": task} for each in rows for task in ("push", "reach", "stack")]
    assert tmp_path / "all_tasks.png" in curves.pictures(many, tmp_path)
