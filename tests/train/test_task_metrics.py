"""Summaries and captions of tasks: their numbers, and that plugins can add and subclasses inherit them."""

import dataclasses

import numpy as np
import pytest

from robodl.evaluation import captions, task_metrics
from robodl.evaluation.rollout import evaluate_policy
from robodl.evaluation.task_metrics import chance_success_rate, summary_function, task_summary
from robodl.evaluation.task_table import TaskTable
from robodl_envs import make_policy, make_vec, task_class, task_names


def test_summary_of_inspect():
    """AUROC, escaped bad parts, rejected good ones, with the task's threshold; NaN without bad parts."""
    samples = {
        "evidence": np.array([0.9, 0.4, 0.6, 0.1, 0.2]),
        "is_bad": np.array([True, True, False, False, False]),
        "views": np.array([3, 3, 2, 1, 3]),
    }
    summary = task_summary(task_class("inspect")())(samples)
    rates = {"auroc": 5 / 6, "escape_rate": 1 / 2, "overkill": 1 / 3, "escape_at_5": 1 / 2}
    assert summary == pytest.approx({**rates, "threshold_at_5": 0.6, "views": 12 / 5})
    good_parts = {name: values[2:] for name, values in samples.items()}
    summary = task_summary(task_class("inspect")(threshold=0.15))(good_parts)
    assert np.isnan(summary["auroc"]) and np.isnan(summary["escape_rate"])
    assert summary["overkill"] == pytest.approx(2 / 3)


def test_summary_of_track():
    """Errors are pooled over the steps in view of all episodes; NaN before any step counts."""
    samples = {
        "position_rmse": np.array([0.003, 0.004, 9.0]),
        "velocity_rmse": np.array([0.03, 0.04, 9.0]),
        "steps_in_view": np.array([10, 30, 0]),
        "steps_counted": np.array([20, 40, 20]),
    }
    summarize = task_summary(task_class("track")())
    pooled = np.sqrt((10 * 9 + 30 * 16) / 40)
    expected = {"position_rmse_mm": pooled, "velocity_rmse_cm_s": pooled, "in_view": 0.5}
    assert summarize(samples) == pytest.approx(expected)
    assert all(np.isnan(value) for value in summarize({key: 0 * value for key, value in samples.items()}).values())


def test_summary_of_read_digit():
    samples = {"is_right": np.array([1, 0, 1, 1]), "is_final": np.array([1, 0, 1, 0]), "steps_used": np.arange(4)}
    summary = task_summary(task_class("read_digit")())(samples)
    assert summary == {"accuracy": 0.75, "final": 0.5, "steps_used": 1.5}


def test_tasks_without_metrics_are_summed_up_by_success_alone():
    for name in set(task_names()) - {"read_digit", "inspect", "track"}:
        assert task_summary(task_class(name)())({}) == {} and chance_success_rate(task_class(name)) == 0.0
    assert chance_success_rate(task_class("read_digit")) == chance_success_rate(task_class("read_digit")()) == 0.1


def test_tables_find_tasks_by_name_class_and_base_class():
    """A subclass has its base's value unless it has its own."""
    reach = task_class("reach")
    subclass = type("Subclass", (reach,), {})
    table = TaskTable({"reach": 1})
    assert (table.get(reach), table.get(reach()), table.get(subclass), table.get(task_class("push"))) == (1, 1, 1, None)
    table.register(subclass, 2)
    assert (table.get(subclass), table.get(reach)) == (2, 1)


def test_plugins_add_summaries_and_captions(monkeypatch):
    """A registered summary is reported by evaluations and documented; a registered caption goes onto videos."""
    for table in (task_metrics.SUMMARIES, captions.CAPTIONS, task_metrics.CHANCE_SUCCESS_RATES):
        monkeypatch.setattr(table, "values", dict(table.values))

    def summarize(task, final_metrics):
        """`radius_mm`, as set."""
        return {"radius_mm": 1000.0 * task.radius}

    task_metrics.register_summary("reach", summarize)
    task_metrics.register_chance_success_rate(task_class("reach"), 0.25)
    captions.register_caption("reach", lambda env, row: f"row {row}, {env.goal_distance()[row]:.0f} m")
    envs = make_vec("reach", num_envs=2, max_episode_steps=3, autoreset_mode="Disabled", radius=0.03)
    score = evaluate_policy(make_policy("zero", envs), envs, 4, seed=0)
    assert score.metrics == score.reported_metrics == {"radius_mm": 30.0} and score.episodes == 4
    assert summary_function(task_class("reach")).__doc__ == "`radius_mm`, as set."
    assert chance_success_rate(task_class("reach")) == 0.25
    assert captions.caption(envs, 1) == "row 1, 0 m"


def test_a_task_may_have_its_own_summary_and_caption():
    """Hooks of version 0.1 still work where no table has an entry, and warn."""

    @dataclasses.dataclass(eq=False)
    class Own(task_class("reach")):
        chance = 0.5

        def summary(self, last):
            """Its own."""
            return {"one": 1.0}

        def caption(self, row):
            return f"own {row}"

    envs = make_vec(Own(), num_envs=2)
    envs.reset(seed=0)
    with pytest.warns(DeprecationWarning, match=r"Own\.summary is of version 0\.1 .*register_summary"):
        assert task_summary(envs.task)({}) == {"one": 1.0} and summary_function(Own).__doc__ == "Its own."
    with pytest.warns(DeprecationWarning, match="register_caption"):
        assert captions.caption(envs, 1) == "own 1"
    with pytest.warns(DeprecationWarning, match="register_chance_success_rate"):
        assert chance_success_rate(Own) == 0.5


@pytest.mark.parametrize("task", ["read_digit", "inspect", "track", "reach"])
def test_captions(task):
    """They tell what the policy says and what is true, row by row."""
    envs = make_vec(task, num_envs=3)
    envs.reset(seed=0)
    policy = make_policy("expert", envs)
    for _ in range(40):
        envs.step(policy(envs.state_observation()))
    state, columns = envs.state_observation(), envs.state_columns
    for row in range(3):
        text = captions.caption(envs, row)
        vector = state["observation"][row]
        if task == "read_digit":
            digit = vector[columns["digit"]].argmax()
            assert text.startswith(f"{digit}: ") and text.endswith(f"%, final, written: {digit}")
        elif task == "inspect":
            bad = state["desired_goal"][row, 0] == 1.0
            assert (": reject; it is: " in text) == bad and text.startswith("bad now: ")
            assert text.endswith((" on its top", " on its left", " on its right")) or text.endswith("it is: good")
        elif task == "track":
            assert text.split(": ")[0] in captions.TRACKED_OBJECTS and " cm and " in text
            assert text.endswith("out of view") != envs.metrics()["in_view"][row]
        else:
            assert text == ""


@pytest.mark.parametrize(("task", "names"), [("inspect", ("kind", "face")), ("track", ("target",))])
def test_captions_name_every_class(task, names):
    words = {"kind": captions.PART_KINDS, "face": captions.PART_FACES, "target": captions.TRACKED_OBJECTS}
    columns = make_vec(task, num_envs=2).state_columns
    for name in names:
        assert columns[name].stop - columns[name].start == len(words[name])
