"""Evaluation: what the numbers mean, and that they can be made again."""

import importlib
import json
from dataclasses import fields

import numpy as np
import pytest

from robodl.evaluation.rollout import Score, evaluate_policy
from robodl.options import options
from robodl_envs import make_policy
from robodl_envs.gym_env import make_vec
from tests.train.conftest import run


def score_of(**arrays):
    """A score with these arrays, of one length, and zeros for the others."""
    zeros = np.zeros(len(next(iter(arrays.values()))))
    names = [each.name for each in fields(Score) if each.name not in ("final_metrics", "summary")]
    return Score(**{name: zeros for name in names} | arrays)


def test_evaluation_repeats(trained, tmp_path):
    """Evaluating the run gives the numbers of its result.json again, whatever the thread count."""
    result = json.loads((trained / "runs/reach/small/result.json").read_text())
    for threads in (1, 2):
        arguments = ("run=runs/reach/small", "episodes=20", f"threads={threads}", f"output={tmp_path}/out.json")
        run("robodl.evaluate", *arguments, cwd=trained)
        again = json.loads((tmp_path / "out.json").read_text())
        for key in ("success_rate", "success_low", "success_high", "distance_mm", "return", "episodes"):
            assert again[key] == result[key]


def test_a_run_is_evaluated_at_another_timestep(trained, tmp_path):
    """Its own where none is given; the numbers say which."""
    returns = []
    for words in ((), ("timestep=0.004",), ("timestep=0.002",)):
        run("robodl.evaluate", "run=runs/reach/small", "episodes=5", f"output={tmp_path}/out.json", *words, cwd=trained)
        out = json.loads((tmp_path / "out.json").read_text())
        assert out.get("timestep") == (float(words[0].partition("=")[2]) if words else None)
        returns.append(out["return"])
    assert returns[0] == returns[1] != returns[2]


def test_expert_and_floors():
    """The expert reaches every goal; doing nothing and acting at random reach none but by luck."""
    rates = {}
    for name in ("expert", "random", "zero"):
        envs = make_vec("reach", num_envs=50, max_episode_steps=50, autoreset_mode="Disabled")
        rates[name] = evaluate_policy(make_policy(name, envs), envs, 100, seed=0).success_rate
    assert rates["expert"] == 1.0 and rates["random"] <= 0.05 and rates["zero"] <= 0.05


@pytest.mark.parametrize("policy", ["zero", "random"])
def test_episodes_are_those_of_their_seeds(policy):
    """Episode k is the one of seed + k, however many rows run at once; random actions are the episode's, too."""
    scores = []
    for num in (3, 7):
        envs = make_vec("reach", num_envs=num, max_episode_steps=20, autoreset_mode="Disabled")
        scores.append(evaluate_policy(make_policy(policy, envs), envs, 10, seed=5))
    np.testing.assert_array_equal(scores[0].distance, scores[1].distance)
    assert scores[0].episodes == 10


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (500, 500, 0.9924, 1.0)],
)
def test_interval_is_wilsons(successes, episodes, low, high):
    score = score_of(success=np.arange(episodes) < successes)
    np.testing.assert_allclose(score.interval, (low, high), atol=1e-4)


def test_tasks_tell_the_intervals_of_their_metrics(tmp_path):
    done = run("robodl.evaluate", "env=track", "policy=zero", "episodes=20", "output=out.json", cwd=tmp_path)
    out = json.loads((tmp_path / "out.json").read_text())
    assert out["position_rmse_mm_low"] < out["position_rmse_mm"] < out["position_rmse_mm_high"]
    low, high = out["in_view_low"], out["in_view_high"]
    assert f"in_view       {out['in_view']:.4g} (95 % interval {low:.4g} to {high:.4g})" in done.stdout


def test_steps_to_success():
    """They are counted from the reset to the first success, and only episodes that had one have a say."""
    envs = make_vec("reach", num_envs=20, max_episode_steps=50, autoreset_mode="Disabled", radius=0.1)
    score = evaluate_policy(make_policy("expert", envs), envs, 30, seed=0)
    observation, info = envs.reset(seed=0)
    policy, first, step = make_policy("expert", envs), np.where(info["is_success"], 0, 99), 0
    while first.max() == 99:
        observation, _, _, _, info = envs.step(policy(observation))
        first, step = np.minimum(first, np.where(info["is_success"], step + 1, 99)), step + 1
    np.testing.assert_array_equal(score.first_success[:20], first)
    counted = score_of(first_success=np.array([-1, 2, 9, 4]))
    assert counted.steps_to_success == (5.0, 9)
    never = score_of(first_success=np.full(4, -1))
    assert never.steps_to_success is None


@pytest.mark.parametrize("command", ["bench", "demos", "doctor", "evaluate", "pages", "results", "suite"])
def test_help_teaches(command, tmp_path, monkeypatch, capsys):
    """Every key is shown with its default, what it does and what it takes."""
    module = importlib.import_module(f"robodl.{command}")
    monkeypatch.setattr("sys.argv", [command, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and shown.startswith(f"python -m robodl.{command} [key=value ...]")
    for key, each in options(module.Options).items():
        assert f"  {key}" in shown and each.help in shown and f"({each.rule})" in shown


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_help_of_composed_commands_teaches(command, tmp_path):
    """Groups and their options, then every key."""
    shown = run(f"robodl.{command}", "--help", cwd=tmp_path).stdout
    assert "encoder: article, impala, keypoints, nature, patches, small" in shown
    assert "seed=0  " in shown and "(an integer of at least 0)" in shown and "env.<name>" in shown
    groups = [line.partition(":")[0] for line in shown.split("options:")[1].split("Keys,")[0].split("\n") if line]
    assert "images" not in groups and {"env", "robot", "randomize"} < set(groups)  # images is of our own making
    assert ("data" in groups) == (command == "pretrain") and ("algo" in groups) == (command == "train")
    assert not list(tmp_path.iterdir())


def test_what_varies_is_chosen(tmp_path):
    """A policy in episodes with variation that it was not trained with; the file says so."""
    words = ("env=reach", "policy=expert", "episodes=4", "output=it.json")
    for preset, given in (("physics", ("randomize=physics",)), (None, ())):
        done = run("robodl.evaluate", *words, *given, cwd=tmp_path)
        found = json.loads((tmp_path / "it.json").read_text())
        assert found.get("randomize") == preset and ("randomize=physics" in done.stdout) == bool(given)
    done = run("robodl.evaluate", *words, "randomize=physic", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "did you mean 'physics'" in done.stderr
