"""The benchmark of experts and floors: what it measures, lists as refused, and fails on."""

import dataclasses
import json

import pytest

from robodl import evaluate, suite
from robodl_envs import Move
from robodl_envs.registry import TASKS


def test_rows_are_those_of_evaluate(tmp_path, capsys):
    """Each pair and policy has a row, the one that `robodl.evaluate` makes; a pair that can't be says why."""
    output = tmp_path / "suite.json"
    suite.suite(suite.Options(env=["reach", "stack"], robot=["so101", "panda"], episodes=5, output=str(output)))
    content = json.loads(output.read_text())
    names = [(row["env"], row["robot"], row["policy"]) for row in content["rows"]]
    pairs = [("reach", "so101"), ("reach", "panda"), ("stack", "panda")]
    assert names == [(*pair, policy) for pair in pairs for policy in ("expert", "random", "zero")]
    (refused,) = content["refused"]
    assert (refused["env"], refused["robot"]) == ("stack", "so101") and "parallel" in refused["reason"]
    assert content["versions"]["mujoco"] and content["machine"]["cores"]
    shown = capsys.readouterr().out
    assert "100.0%" in shown and refused["reason"] in shown and len(shown.splitlines()) == 1 + 9 + 1

    for policy, row in zip(("expert", "random"), content["rows"], strict=False):
        again = tmp_path / "one.json"
        evaluate.evaluate(
            evaluate.Options(env="reach", robot="so101", policy=policy, episodes=5, output=str(again), threads=1)
        )
        one = json.loads(again.read_text())
        assert row == {key: one[key] for key in row}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("expert", "reach, panda, expert: 0.0% of 5 episodes, not at least 95%"),
        ("zero", "reach, panda, zero: 0.0% of 5 episodes, not at most -10%"),
    ],
)
def test_out_of_bounds(policy, words, tmp_path, capsys, monkeypatch):
    """An expert that does badly, or a floor that does well: exit code 1 with one line, after the numbers are saved."""
    idle = dataclasses.replace(TASKS["reach"], expert=lambda state, robot: Move(to=state["tool"]))
    monkeypatch.setitem(TASKS, "reach", idle)
    monkeypatch.setattr(suite, "FLOOR_AT_MOST", -0.1)
    output = tmp_path / "suite.json"
    with pytest.raises(SystemExit) as ended:
        suite.suite(suite.Options(env=["reach"], robot=["panda"], policy=[policy], episodes=5, output=str(output)))
    assert ended.value.code == 1 and capsys.readouterr().err == f"error: {words}\n"
    assert len(json.loads(output.read_text())["rows"]) == 1
