"""Imitation of the scripted expert, and of datasets."""

import itertools
import json

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robodl.demos import Options, demos
from robodl.evaluation.rollout import evaluate_policy
from robodl.imitation import dagger
from robodl.imitation.behaviour_cloning import encoder_of
from robodl.imitation.dagger import imitate
from robodl.imitation.demonstrations import FIRST_SEED
from robodl.imitation.state_loss import StateLoss
from robodl.imitation.transition_store import TransitionStore
from robodl.learning.policy_files import load_policy
from robodl.learning.zoo import zoo_stem
from robodl.options import UsageError
from robodl.runs.report import acting
from robodl.sb3_internals import deterministic_actions
from robodl.train import check
from robodl.vec_env import channels_first, make_envs
from tests.train.conftest import SMALL, imitation_words, model_of, run

ONE_EPISODE = 128 * 50  # transitions, of Reach, of all rows together
QUICK = imitation_words(updates=200, last_updates=200, batch_size=128)
TINY = {"rows": 4, "updates": 1, "last_updates": 1, "batch_size": 8}


def success_rate(model, cfg):
    return evaluate_policy(acting(model.policy), make_envs(cfg, 50, "Disabled"), 50, seed=5).success_rate


@pytest.mark.parametrize(
    "algo", ["ppo", "tqc", *(pytest.param(each, marks=pytest.mark.slow) for each in ("sac", "td3"))]
)
def test_imitation_teaches_to_reach(composed, algo):
    """Whatever the algorithm, its policy reaches after imitating the expert for two episodes, and not before."""
    words = imitation_words(transitions=2 * ONE_EPISODE)
    cfg = composed("env=reach", f"algo={algo}", "algo.hidden=[64,64]", *words, *QUICK)
    model = model_of(cfg)
    assert success_rate(model, cfg) < 0.2
    imitate(model, cfg)
    assert success_rate(model, cfg) > 0.9


def test_same_seed_same_bits(composed):
    cfg = composed("env=reach", *imitation_words(transitions=ONE_EPISODE), *QUICK)
    first, second = model_of(cfg), model_of(cfg)
    for model in (first, second):
        torch.manual_seed(3)
        imitate(model, cfg)
    for a, b in zip(first.policy.parameters(), second.policy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_vectors_are_scaled_to_the_data(composed):
    """After imitation the network's inputs have a standard deviation of about 1; bounds left a tenth of that."""
    words = imitation_words(transitions=128 * 120)
    cfg = composed("env=push", "algo=dagger", "algo.hidden=[64,64]", *words, *QUICK)
    model = model_of(cfg)
    observation, _ = make_envs(cfg, 200, "Disabled").reset(seed=1)
    to_cube = slice(20, 22)  # of the vector: the offset to the cube in the table's plane

    def spread():
        encoder = model.policy.features_extractor
        return encoder(model.policy.obs_to_tensor(observation)[0]).std(dim=0)[to_cube]

    assert spread().max() < 0.3
    imitate(model, cfg)
    assert spread().min() > 0.5


@pytest.mark.parametrize("words", [["observation=image"], ["control=tool"]])
def test_trained_policies_teach(composed, monkeypatch, words):
    """With algo.imitation_teacher a policy that knows the state labels it, also for one that sees images."""
    labels = []

    def observed(model, examples, *_):
        labels.append((examples.observations, examples.expert_actions))
        return 0.0

    monkeypatch.setattr(dagger, "fit_policy", observed)
    words = [*words, *imitation_words(transitions=100, rows=2, teacher="zoo")]
    cfg = composed("env=reach", *words)
    imitate(model_of(cfg), cfg)
    observations, actions = labels[0]
    zoo, _ = load_policy(zoo_stem("reach", "panda"), torch.device("cpu"))
    envs = make_envs(cfg, 2)
    first = envs.reset(seed=FIRST_SEED + cfg.seed)[0] and envs.reset()[0]  # as it begins the first round
    for key, value in first.items():
        np.testing.assert_array_equal(observations[key][:2], channels_first({key: value})[key])
    np.testing.assert_allclose(actions[:2], acting(zoo)(envs.unwrapped.state_observation()), atol=1e-6)
    if "observation" in observations:
        np.testing.assert_allclose(actions, acting(zoo)(observations), atol=1e-6)


def test_a_run_that_was_never_evaluated_is_no_teacher(composed, tmp_path):
    checkpoints = tmp_path / "runs/reach/a/checkpoints"
    checkpoints.mkdir(parents=True)
    for suffix in (".json", ".safetensors"):
        (checkpoints / f"last{suffix}").touch()
    cfg = composed("env=reach", *imitation_words(transitions=100, teacher=str(tmp_path / "runs/reach/a")))
    with pytest.raises(UsageError, match=r"a has no best.json, .*: go on with it until it has, resume=<run>"):
        check(cfg)


@pytest.fixture
def fits(monkeypatch):
    """A list of what policies are fitted to: observations, updates, weights, and the errors of the policy there."""
    found, fit_policy = [], dagger.fit_policy

    def observed(model, examples, slices, settings, updates, *others):
        inputs = {key: torch.as_tensor(value) for key, value in examples.observations.items()}
        with torch.no_grad():
            actions = deterministic_actions(model.policy, inputs).clamp(-1.0, 1.0).numpy()
        errors = np.linalg.norm(actions - examples.expert_actions, axis=1)
        found.append((examples.observations["observation"].copy(), updates, examples.sample_weights, errors))
        return fit_policy(model, examples, slices, settings, updates, *others)

    monkeypatch.setattr(dagger, "fit_policy", observed)
    return found


def test_all_episodes_or_the_latest_are_learnt_from(composed, fits):
    """By default all that were played; with keep_episodes=2 the last two. Progress is reported in each step."""
    calls = []
    settings = {**TINY, "transitions": 48, "episode_steps": 3}
    cfg = composed("env=reach", *imitation_words(**settings))
    imitate(model_of(cfg), cfg, lambda count, loss, learnt: calls.append((count, learnt, loss)))
    all_data = [data for data, *_ in fits]
    assert [len(data) for data in all_data] == [12, 24, 36, 48]
    for data, longer in itertools.pairwise(all_data):
        np.testing.assert_array_equal(longer[: len(data)], data)
    assert all(weights is None for _, _, weights, _ in fits)
    assert calls[:6] == [(0, 0.0, None), *((count, 0.0, None) for count in (4, 8, 12)), (12, 1.0, None), calls[5]]
    assert calls[5][:2] == (12, 1.0) and 0.0 < calls[5][2] < 2.0

    fits.clear()
    cfg = composed("env=reach", *imitation_words(**settings, keep_episodes=2))
    imitate(model_of(cfg), cfg)
    one, two, three, four = (data for data, *_ in fits)
    assert [len(data) for data in (one, two, three, four)] == [12, 24, 24, 24]
    np.testing.assert_array_equal(two[:12], one)
    np.testing.assert_array_equal(three[12:], two[12:])  # the third episode takes the place of the first,
    np.testing.assert_array_equal(four[:12], three[:12])  # and the fourth that of the second
    assert (three[:12] != two[:12]).any() and (four[12:] != three[12:]).any()


def test_the_last_round_may_be_longer(composed, fits):
    settings = {**TINY, "transitions": 36, "episode_steps": 3, "updates": 2, "last_updates": 5}
    cfg = composed("env=reach", *imitation_words(**settings))
    imitate(model_of(cfg), cfg)
    assert [updates for _, updates, *_ in fits] == [2, 2, 5]


def test_errors_are_learnt_from_more_often(composed, fits):
    """A transition is drawn in proportion to 1 + error_weight * the policy's error there."""
    settings = {**TINY, "transitions": 24, "episode_steps": 3, "error_weight": 2.0}
    cfg = composed("env=reach", *imitation_words(**settings))
    imitate(model_of(cfg), cfg)
    (_, _, first_weights, _), (_, _, weights, errors) = fits
    assert (first_weights == 1.0).all()  # in the first episode the expert acts, which makes no errors
    assert errors.mean() > 0.5
    np.testing.assert_allclose(weights[12:], 1.0 + 2.0 * errors[12:], rtol=1e-4)


def test_more_than_can_be_drawn_from_is_refused(composed, monkeypatch):
    """Before the first step, and only where sampling is weighted and so many transitions are stored."""
    monkeypatch.setattr(dagger, "MAX_WEIGHTS", 11)
    settings = {**TINY, "transitions": 24, "episode_steps": 2}
    calls = []
    cfg = composed("env=reach", *imitation_words(**settings, error_weight=1.0))
    with pytest.raises(UsageError, match="draws from at most 11 transitions, got 24: lower"):
        imitate(model_of(cfg), cfg, lambda *given: calls.append(given))
    assert not calls
    for allowed in (settings, {**settings, "error_weight": 1.0, "keep_episodes": 1}):
        cfg = composed("env=reach", *imitation_words(**allowed))
        imitate(model_of(cfg), cfg)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """The name of a dataset of six episodes of Reach, 300 transitions."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    name = "robodl/reach/some-v0"
    demos(Options(env="reach", n=6, noise=0.3, name=name))
    return name


def test_passes_over_a_dataset_go_on(composed, dataset, fits):
    """Each pass counts as its share of the transitions, the last has its own updates, none is repeated."""
    calls, states = [], []
    settings = {"transitions": 300, "rows": 2, "updates": 3, "last_updates": 7, "batch_size": 8}
    cfg = composed("env=reach", *imitation_words(**settings), f"++algo.dataset={dataset}")

    def progress(count, loss, learnt):
        if not learnt or loss is not None:
            calls.append(count)

    imitate(model_of(cfg), cfg, progress, TransitionStore(save=states.append))
    assert [updates for _, updates, *_ in fits] == [3, 3, 7] and all(len(data) == 300 for data, *_ in fits)
    assert calls == [0, 100, 200, 300] and [state["done"] for state in states] == [1, 2, 3]
    calls.clear()
    fits.clear()
    imitate(model_of(cfg), cfg, progress, TransitionStore(state=states[1]))
    assert [updates for _, updates, *_ in fits] == [7] and calls == [200, 300]


def test_imitation_of_a_dataset(composed, tmp_path, monkeypatch):
    """A policy may imitate a dataset that `robodl.demos` wrote."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    run("robodl.demos", "env=reach", "n=60", "noise=0.3", "name=robodl/reach/some-v0", cwd=tmp_path)
    words = ("algo.hidden=[64,64]", *imitation_words(transitions=3000), "++algo.dataset=robodl/reach/some-v0")
    cfg = composed("env=reach", *words, *QUICK)
    check(cfg)
    model = model_of(cfg)
    imitate(model, cfg)
    assert success_rate(model, cfg) > 0.5


def test_a_run_with_imitation(tmp_path):
    """The policy is evaluated before PPO goes on, and the run's result says what it was made with."""
    words = ("env=reach", "name=c", "algo.imitation_transitions=6400", "algo.critic_warmup_steps=1024")
    done = run("robodl.train", *words, *SMALL, cwd=tmp_path)
    assert "         0 / 2,048 steps  success" in done.stdout
    result = json.loads((tmp_path / "runs/reach/c/result.json").read_text())
    assert result["config"]["algo"]["imitation_transitions"] == 6400 and result["success_rate"] > 0.8


def test_a_run_with_imitation_alone(tmp_path):
    """total_timesteps=0: the policy is tested and saved, its loss in TensorBoard, progress on the terminal."""
    few = ["total_timesteps=0", *imitation_words(transitions=400, rows=8, updates=5, last_updates=5)]
    few += ["algo.hidden=[16]", "image_size=16", "eval_episodes=4", "test_episodes=4", "video_episodes=0", "name=c"]
    few += ["torch_threads=1"]
    done = run("robodl.train", "env=read_digit", *few, cwd=tmp_path)
    assert "400 / 400 transitions  loss" in done.stdout and "accuracy" in done.stdout
    result = json.loads((tmp_path / "runs/read_digit/c/result.json").read_text())
    assert result["total_timesteps"] == 0 and 0.0 <= result["accuracy"] <= 1.0 and result["steps_used"] > 0
    assert "distance_mm" not in result
    events = EventAccumulator(str(tmp_path / "runs/read_digit/c/tb"))
    events.Reload()
    assert {"imitation/loss", "eval/accuracy", "eval/steps_used"} <= set(events.Tags()["scalars"])
    run("robodl.evaluate", "run=runs/read_digit/c", "motion=still", "episodes=4", "output=still.json", cwd=tmp_path)
    still = json.loads((tmp_path / "still.json").read_text())
    assert still["motion"] == "still" and "sight" not in still and 0.0 <= still["accuracy"] <= 1.0


def test_no_steps_and_no_imitation_is_refused(composed):
    with pytest.raises(ValueError, match="total_timesteps=0 is for"):
        check(composed("env=reach", "total_timesteps=0"))


def test_the_state_is_told_from_images(composed):
    """The loss of state_weight falls while the policy learns, its own network outlives a round, and no hook is left."""
    words = imitation_words(transitions=800, rows=16, updates=60, last_updates=60, batch_size=64, state_weight=1.0)
    cfg = composed("env=reach", "observation=image", "image_size=16", "encoder=small", *words)
    model, saved, told = model_of(cfg), [], []
    torch.manual_seed(3)
    with pytest.MonkeyPatch.context() as patch:
        forward = StateLoss.forward
        patch.setattr(StateLoss, "forward", lambda self, ids: told.append(forward(self, ids)) or told[-1])
        imitate(model, cfg, store=TransitionStore(save=saved.append))
    assert sum(told[-10:]) < 0.7 * sum(told[:10])
    assert any(np.any(value) for value in saved[-1]["state_loss"].values())
    assert not encoder_of(model.policy)._forward_hooks
