"""Outcomes of episodes, one by one: who failed where, films of failures, and two policies in the same episodes."""

import json

import numpy as np
import pytest

from robodl import cli
from robodl.config import environment
from robodl.evaluate import Options, evaluate
from robodl.evaluation.rollout import FIRST_SEED, evaluate_policy, untrained_scores
from robodl.evaluation.score_report import outcomes
from robodl.evaluation.statistics import paired_difference_interval, wilson_interval
from robodl.learning.contenders import Contender, ablated, opponent, untrained
from robodl.options import UsageError
from robodl.runs import videos
from robodl.runs.report import acting
from robodl.tuned import env_settings
from robodl.vec_env import make_envs
from tests.train.conftest import model_of, run


@pytest.mark.parametrize("words", [["algo=ppo"], ["observation=image", "cameras=[front]", "algo=ppo"]], ids=str)
def test_outcomes_do_not_depend_on_the_number_of_rows(words, composed):
    """A learnt policy does the same in an episode, to the last bit, whatever runs beside it."""
    cfg = composed("env=reach", "env.radius=0.15", *words)
    model, scores = model_of(cfg), []
    for num in (1, 7, 64):
        envs = make_envs(cfg, num, "Disabled", max_episode_steps=8)
        scores.append(evaluate_policy(acting(model.policy), envs, 9, seed=5))
        envs.close()
    assert 0 < scores[0].success.sum() < 9
    for score in scores[1:]:
        for name in ("seeds", "success", "success_once", "first_success", "lengths", "distance", "returns"):
            np.testing.assert_array_equal(getattr(score, name), getattr(scores[0], name), err_msg=name)


def test_each_outcome_is_written_with_its_seed(trained, tmp_path):
    """Evaluation and training tell of each episode; reset with its seed, an environment begins it again."""
    run("robodl.evaluate", "run=runs/reach/small", "episodes=20", f"output={tmp_path}/out.json", cwd=trained)
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["outcomes"] == json.loads((trained / "runs/reach/small/result.json").read_text())["outcomes"]
    assert [each["seed"] for each in written["outcomes"]] == [FIRST_SEED + k for k in range(20)]
    assert np.mean([each["success"] for each in written["outcomes"]]) == written["success_rate"]
    assert np.mean([each["distance_mm"] for each in written["outcomes"]]) == pytest.approx(written["distance_mm"])
    assert (tmp_path / "out.json").read_text().count("\n  {") == 20  # a line each


def test_tasks_tell_their_metrics_of_each_episode():
    cfg = environment("inspect")
    envs = make_envs(cfg, 3, "Disabled", max_episode_steps=4)
    score = evaluate_policy(untrained("zero", cfg, 0).policy_in(envs), envs, 3, seed=5)
    for k, each in enumerate(outcomes(score)):
        assert each["evidence"] == pytest.approx(score.final_metrics["evidence"][k], abs=1e-5)
        assert each["steps"] == 4 and each["steps_to_success"] is None and "distance_mm" not in each


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((59, 6, 16, 80), -0.1186, -0.0046), ((1, 1, 7, 12), -0.5069, -0.0256)],
)
def test_interval_of_pairs_is_newcombes(counts, low, high):
    """Published examples: Cavo et al. 2012, Bentur et al. 2009, as in the R package contingencytables."""
    np.testing.assert_allclose(paired_difference_interval(*counts), (low, high), atol=1e-4)


def test_interval_of_pairs():
    """It changes its sign with the order, covers no difference where none is seen, and gains from pairs."""
    low, high = paired_difference_interval(70, 20, 5, 5)
    assert paired_difference_interval(70, 5, 20, 5) == pytest.approx((-high, -low))
    for counts in ((50, 0, 0, 0), (0, 0, 0, 50), (30, 0, 0, 20)):
        low, high = paired_difference_interval(*counts)
        assert -0.1 < low < 0.0 < high < 0.1
    low, high = paired_difference_interval(60, 10, 0, 30)
    (l1, u1), (l2, u2) = wilson_interval(70, 100), wilson_interval(60, 100)
    assert 0.0 < low < 0.1 < high < 0.2 and high - low < u1 - l2 - (l1 - u2)


def test_interval_of_pairs_covers_the_difference():
    """Of rates of 90 and 80 %, in 100 episodes, in 92 to 98 % of experiments."""
    rng = np.random.default_rng(0)
    counts = rng.multinomial(100, (0.75, 0.15, 0.05, 0.05), size=2_000)
    intervals = np.array([paired_difference_interval(*row) for row in counts.tolist()])
    assert 0.92 <= ((intervals[:, 0] < 0.1) & (intervals[:, 1] > 0.1)).mean() <= 0.98


def test_two_policies_meet_in_the_same_episodes(trained, tmp_path):
    """Counts of pairs, the difference and its interval, in words and in the file."""
    words = ("run=runs/reach/small", "against=expert", "episodes=20", f"output={tmp_path}/out.json")
    shown = run("robodl.evaluate", *words, cwd=trained).stdout
    out = json.loads((tmp_path / "out.json").read_text())
    found, pairs = out["against"], [(each["success"], each["against"]) for each in out["outcomes"]]
    counts = [pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))]
    assert [found[key] for key in ("both", "only_first", "only_against", "neither")] == counts
    assert found["difference"] == pytest.approx(out["success_rate"] - found["success_rate"])
    assert found["difference_low"] <= found["difference"] <= found["difference_high"]
    assert (
        f"only the other in {found['only_against']}," in shown and "percentage points (95 % interval of pairs" in shown
    )
    assert out["success_rate"] == json.loads((trained / "runs/reach/small/result.json").read_text())["success_rate"]


def test_only_the_same_episodes_are_compared(trained, monkeypatch):
    """Other tasks, settings, robots, rates and randomisation are refused in a line; another observation is not, unless
    something is drawn for images.
    """
    monkeypatch.chdir(trained)
    folder = "runs/reach/small"
    for words, line in (
        ({"task": "push"}, r"only policies of the same env can be compared: .* has {task: reach"),
        ({"robot": "ur5e"}, "only policies of the same robot can be compared: .* not {name: ur5e}"),
        ({"control_dt": 0.02}, r"the same control_dt .* has 0\.04, not 0\.02"),
        ({"randomize": {"mass": 0.1}}, "the same randomize"),
    ):
        cfg = environment(**({"task": "reach"} | words))
        cfg.env.update(env_settings("reach"))
        with pytest.raises(UsageError, match=line):
            opponent(untrained("expert", cfg, 0), folder, 0, "cpu", 0)
    cfg = environment("reach", observation="image")
    cfg.env.update(env_settings("reach"))
    assert opponent(untrained("expert", cfg, 0), folder, 0, "cpu", 0).title.endswith("best")
    with pytest.raises(
        UsageError, match="against must be a run's folder, or one of expert, random, zero, zoo, got 'exprt'"
    ):
        opponent(untrained("expert", cfg, 0), "exprt", 0, "cpu", 0)


@pytest.fixture
def quick_video(monkeypatch):
    """Instead of an image of the scene, its heading's colours are drawn: rendering takes seconds an episode."""
    monkeypatch.setattr(videos, "video_frame", lambda envs, observation, heading: np.zeros((64, 64, 3), np.uint8))


def test_failed_episodes_are_filmed(quick_video, tmp_path, capsys):
    """A video per seed that failed, at most so many; all frames of the episode, then its outcome."""
    folder = tmp_path / "a/failures"
    evaluate(Options(env="reach", policy="random", episodes=12, failures=str(folder)))
    names = [f"seed_{FIRST_SEED + k}.mp4" for k in range(videos.MAX_FAILURE_VIDEOS)]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert f"{len(names)} videos in {folder}, {12 - len(names)} more are left out" in capsys.readouterr().out
    evaluate(Options(env="reach", policy="expert", episodes=2, failures=str(tmp_path / "none")))
    assert "failures      none" in capsys.readouterr().out and not (tmp_path / "none").exists()


def test_films_end_after_success_and_tell_the_outcome(quick_video):
    """Success is shown for 0.8 s, a failure to its end; both outcomes stay on the last frame for a second."""
    cfg = environment("reach")
    (film,) = videos.films(untrained("expert", cfg, 0).policy_in, cfg, [FIRST_SEED])
    envs = make_envs(cfg, 1, "Disabled")
    step = evaluate_policy(untrained("expert", cfg, 0).policy_in(envs), envs, 1, FIRST_SEED).first_success[0]
    assert film.success and len(film.frames) == step + 20 + 25
    (other,) = videos.films(untrained("zero", cfg, 0).policy_in, cfg, [FIRST_SEED])
    assert not other.success and len(other.frames) == 51 + 25
    assert not film.frames[-26].any()
    _, green, _ = film.frames[-1].reshape(-1, 3).max(axis=0)
    assert (film.frames[-1] == film.frames[-25]).all() and green > 100
    assert (other.frames[-1] != film.frames[-1]).any()


@pytest.mark.parametrize(("motion", "radius"), [("own", 0.15), ("random", 0.3)])
def test_a_film_shows_the_episode_that_was_counted(quick_video, composed, motion, radius):
    """A learnt policy's single episode is, to the last bit, the one among many: its outcome is the evaluation's."""
    cfg = composed("env=reach", f"env.radius={radius}", "algo=ppo")
    policy = acting(model_of(cfg).policy)
    contender = ablated(Contender(lambda envs: policy, cfg, "learnt"), motion, "own", 0)
    envs = make_envs(cfg, 20, "Disabled")
    score = evaluate_policy(contender.policy_in(envs), envs, 20, FIRST_SEED)
    shown = [int(score.seeds[score.success][0]), int(score.seeds[~score.success][0])]
    assert [film.success for film in videos.films(contender.policy_in, cfg, shown)] == [True, False]


def test_folders_for_failures_are_checked_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    for words, line in (
        ({"failures": "full"}, "^full must be a new or an empty folder$"),
        ({"failures": "full/file/below"}, "^can't make the folder full/file/below: .*full/file can't be written to$"),
    ):
        with pytest.raises(UsageError, match=line):
            evaluate(Options(env="reach", policy="zero", episodes=2, **words))
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_settings_of_a_task_are_taken(tmp_path):
    """env.<setting>= is of the environments that the expert is measured in, and is written with the numbers."""
    for name, words in (("wide", ["env.radius=0.3"]), ("usual", [])):
        words = ["env=reach", "policy=zero", "episodes=8", f"output={tmp_path}/{name}.json", *words]
        evaluate(cli.parse(Options, words, "robodl.evaluate"))
    wide, usual = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("wide", "usual"))
    assert wide["success_rate"] > 0.5 > usual["success_rate"]
    assert wide["env_settings"] == {"radius": 0.3} and "env_settings" not in usual


def test_settings_of_a_plugins_file_are_taken(tmp_path, monkeypatch):
    """Policies without training act in the environments that robodl.train makes: env/<task>.yaml is read."""
    (tmp_path / "env").mkdir()
    (tmp_path / "env/reach.yaml").write_text("task: reach\nradius: 0.3\n")
    monkeypatch.setattr("robodl.tuned.config_folders", lambda: [tmp_path])
    evaluate(Options(env="reach", policy="zero", episodes=8, output=f"{tmp_path}/out.json"))
    ((_, score),) = untrained_scores("reach", "panda", ["zero"], 8)
    assert json.loads((tmp_path / "out.json").read_text())["success_rate"] == score.success_rate > 0.5


def test_ablated_policies_have_fresh_random_numbers():
    """Two environments in turn see the same random motion."""
    cfg = environment("reach")
    contender = ablated(untrained("zero", cfg, 0), "random", "own", 3)
    envs = make_envs(cfg, 2, "Disabled")
    observation, _ = envs.reset(seed=0)
    first, second = contender.policy_in(envs)(observation), contender.policy_in(envs)(observation)
    assert first.any() and (first == second).all()
