"""Policies that begin as clones, and buffers that begin with demonstrations."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from robodl.config import imitation_config
from robodl.errors import UsageError
from robodl.evaluation.rollout import evaluate_policy
from robodl.imitation import dagger
from robodl.imitation.dagger import clone
from robodl.imitation.demonstrations import demonstrate
from robodl.learning.callbacks import ValueFirst
from robodl.learning.vec_env import make_envs
from robodl.runs.report import acting
from robodl.train import check
from tests.train.conftest import SMALL, model_of, run

ONE_EPISODE = 128 * 50  # transitions, of Reach, that all rows together see


@pytest.fixture
def quick(monkeypatch):
    less = {"updates": 200, "last_updates": 200, "batch_size": 128}
    monkeypatch.setattr(dagger, "imitation_config", lambda algo: replace(imitation_config(algo), **less))


def rate(model, cfg):
    return evaluate_policy(acting(model.policy), make_envs(cfg, 50, "Disabled"), 50, seed=5).success_rate


@pytest.mark.parametrize("algo", ["ppo", "sac", "td3", "tqc"])
def test_a_clone_reaches(composed, quick, algo):
    """Whatever the algorithm, its policy reaches after imitating the expert for two episodes, and not before."""
    cfg = composed(
        "env=reach", f"algo={algo}", "algo.hidden=[64,64]", f"++algo.imitation_transitions={2 * ONE_EPISODE}"
    )
    model = model_of(cfg)
    assert rate(model, cfg) < 0.2
    clone(model, cfg)
    assert rate(model, cfg) > 0.9


def test_clones_are_the_same_to_the_bit(composed, quick):
    cfg = composed("env=reach", f"++algo.imitation_transitions={ONE_EPISODE}")
    first, second = model_of(cfg), model_of(cfg)
    for model in (first, second):
        torch.manual_seed(3)
        clone(model, cfg)
    for a, b in zip(first.policy.parameters(), second.policy.parameters(), strict=True):
        assert torch.equal(a, b)


def test_vectors_are_scaled_by_what_they_are(composed, quick):
    """After dagger, what the network is fed spreads by about one, where bounds left it a tenth of that."""
    cfg = composed("env=push", "algo=dagger", "algo.hidden=[64,64]", f"++algo.imitation_transitions={128 * 120}")
    model = model_of(cfg)
    observation, _ = make_envs(cfg, 200, "Disabled").reset(seed=1)
    cube = slice(20, 22)  # of the vector: the way to the cube in the table's plane

    def spread():
        encoder = model.policy.features_extractor
        return encoder(model.policy.obs_to_tensor(observation)[0]).std(dim=0)[cube]

    assert spread().max() < 0.3
    clone(model, cfg)
    assert spread().min() > 0.5


def test_value_first(composed):
    """PPO changes the value function alone until its steps are over, then the policy too."""
    cfg = composed("env=reach", "algo.n_steps=16", "algo.batch_size=64", "algo.n_epochs=1")
    model = model_of(cfg)
    policy, value = model.policy.action_net.weight, model.policy.value_net.weight
    before = policy.detach().clone(), value.detach().clone()
    model.learn(64, callback=ValueFirst(64))
    assert torch.equal(policy, before[0]) and not torch.equal(value, before[1])
    model.learn(128, callback=ValueFirst(64), reset_num_timesteps=False)
    assert not torch.equal(policy, before[0])


def test_a_frozen_encoder_stays_frozen(composed):
    """What does not learn anyway is not set free when the policy is."""
    cfg = composed("env=reach", "observation=image", "algo.n_steps=8", "algo.batch_size=32", "algo.n_epochs=1")
    model = model_of(cfg)
    model.policy.features_extractor.eyes.requires_grad_(False)
    before = [weight.clone() for weight in model.policy.features_extractor.eyes.parameters()]
    model.learn(96, callback=ValueFirst(32))
    after = model.policy.features_extractor.eyes.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_demonstrations_begin_a_replay_buffer(composed):
    """The buffer holds as many transitions as asked for, whole episodes of an expert that succeeds."""
    cfg = composed("env=reach", "algo=sac", "++algo.demonstrations=400")
    model = model_of(cfg)
    demonstrate(model, cfg)
    buffer = model.replay_buffer
    assert buffer.pos * buffer.n_envs == 400
    far = np.linalg.norm(buffer.next_observations["achieved_goal"] - buffer.next_observations["desired_goal"], axis=-1)
    assert np.median(far[45:50]) < 0.05 < np.median(far[:3])  # m, at the end of the first episodes and at their start
    assert len(buffer.sample(64).rewards) == 64
    model.num_timesteps = 1  # as in a resumed run, whose buffer holds them already
    demonstrate(model, cfg)
    assert buffer.pos * buffer.n_envs == 400


def test_from_a_dataset(composed, quick, tmp_path, monkeypatch):
    """Clones and buffers may come from a dataset that `robodl.demos` wrote."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    run("robodl.demos", "env=reach", "n=60", "noise=0.3", "name=robodl/reach/some-v0", cwd=tmp_path)
    cfg = composed(
        "env=reach", "algo.hidden=[64,64]", "++algo.imitation_transitions=3000", "++algo.dataset=robodl/reach/some-v0"
    )
    check(cfg)
    model = model_of(cfg)
    clone(model, cfg)
    assert rate(model, cfg) > 0.5
    cfg = composed("env=reach", "algo=sac", "++algo.demonstrations=400", "++algo.dataset=robodl/reach/some-v0")
    check(cfg)
    model = model_of(cfg)
    demonstrate(model, cfg)
    assert model.replay_buffer.pos * model.replay_buffer.n_envs == 400
    assert len(model.replay_buffer.sample(64).rewards) == 64


def test_a_run_with_a_clone(tmp_path):
    """The clone is judged before PPO goes on, and the run's result says what it was made with."""
    words = ("env=reach", "name=c", "algo.imitation_transitions=6400", "algo.critic_warmup_steps=1024")
    done = run("robodl.train", *words, *SMALL, cwd=tmp_path)
    assert "         0 / 2,048 steps  success" in done.stdout
    result = json.loads((tmp_path / "runs/reach/c/result.json").read_text())
    assert result["config"]["algo"]["imitation_transitions"] == 6400 and result["success_rate"] > 0.8


def test_a_choice_is_learnt_by_its_classes():
    """Of the parts that score classes only which is wanted counts; scores beyond their bounds are drawn back."""
    wanted = torch.tensor([[0.5, 1.0, -1.0, -1.0], [0.0, -1.0, -1.0, 1.0]])
    choices = [slice(1, 4)]
    right = torch.tensor([[0.5, 0.8, -0.8, -0.7], [0.0, -0.9, -0.6, 0.9]])
    other = torch.tensor([[0.5, 0.9, -0.4, -0.9], [0.0, -0.5, -0.6, 0.8]])
    wrong = torch.tensor([[0.5, -0.8, 0.8, -0.7], [0.0, -0.9, -0.6, 0.9]])
    beyond = torch.tensor([[0.5, 3.0, 3.0, -1.0], [0.0, -1.0, -1.0, 1.0]])
    losses = [float(dagger.loss_of(said, wanted, choices)) for said in (right, other, wrong, beyond)]
    assert max(losses[:2]) < 1e-3 and losses[2] > 5.0 and losses[3] > 0.5
    moved = right + torch.tensor([0.3, 0.0, 0.0, 0.0])
    assert float(dagger.loss_of(moved, wanted, choices)) == pytest.approx(0.3 + losses[0])
    assert float(dagger.loss_of(wanted, wanted, [])) == 0.0


def test_the_latest_episodes_are_kept(composed, monkeypatch):
    """All episodes are seen, and the last two learnt from; progress is told in each step."""
    learnt, told = [], []

    def imitate(model, seen, wanted, choices, steps, batch_size, busy, often):
        assert often is None
        learnt.append(seen["observation"].copy())
        busy(1.0)
        return 0.5

    monkeypatch.setattr(dagger, "imitate", imitate)
    words = [
        "env=reach",
        "++algo.imitation_transitions=48",
        "++algo.imitation_rows=4",
        "++algo.imitation_episode_steps=3",
    ]
    many = composed(*words)
    model = model_of(many)
    clone(model, many, lambda count, loss, learnt: told.append((count, learnt, loss)))
    assert [len(seen) for seen in learnt] == [12, 24, 36, 48]
    assert told[0] == (0, 0.0, None)
    assert told[1:6] == [(4, 0.0, None), (8, 0.0, None), (12, 0.0, None), (12, 1.0, None), (12, 1.0, 0.5)]
    everything = learnt.pop()
    learnt.clear()
    clone(model, composed(*words, "++algo.imitation_keep_episodes=2"))
    assert [len(seen) for seen in learnt] == [12, 24, 24, 24]
    np.testing.assert_array_equal(learnt[-1], everything[24:])


def test_mistakes_are_learnt_from_more_often(composed, monkeypatch):
    """A transition is drawn in proportion to 1 plus imitation_error_weight times the policy's own error there."""
    learnt = []

    def imitate(model, seen, wanted, choices, steps, batch_size, busy, often):
        observations = {key: torch.as_tensor(value) for key, value in seen.items()}
        said = model.policy._predict(observations, deterministic=True).clamp(-1.0, 1.0).detach().numpy()
        learnt.append((often.copy(), np.linalg.norm(said - wanted, axis=1)))
        return 0.5

    monkeypatch.setattr(dagger, "imitate", imitate)
    words = (
        "env=reach",
        "++algo.imitation_transitions=24",
        "++algo.imitation_rows=4",
        "++algo.imitation_episode_steps=3",
        "++algo.imitation_error_weight=2.0",
    )
    cfg = composed(*words)
    clone(model_of(cfg), cfg)
    (first, _), (second, missed) = learnt
    assert (first == 1.0).all()  # in the first episode the expert acts, who makes no mistakes
    assert missed.mean() > 0.5
    np.testing.assert_allclose(second[12:], 1.0 + 2.0 * missed[12:], rtol=1e-4)
    often = np.array([1.0, 3.0, 0.0], np.float32)
    ids = torch.cat(list(dagger.drawn(3, 100, 40, often)))
    assert ids.bincount(minlength=3).tolist() == pytest.approx([1000, 3000, 0], abs=120)


def test_more_than_can_be_drawn_from_is_refused(composed, monkeypatch):
    """Before the first step, and only where drawing looks at mistakes and all that many transitions are kept."""
    monkeypatch.setattr(dagger, "MOST", 11)
    monkeypatch.setattr(dagger, "imitate", lambda *given: 0.5)
    words = (
        "env=reach",
        "++algo.imitation_transitions=24",
        "++algo.imitation_rows=4",
        "++algo.imitation_episode_steps=2",
    )
    told = []
    cfg = composed(*words, "++algo.imitation_error_weight=1.0")
    with pytest.raises(UsageError, match="error_weight draws from at most 11 transitions, got 24: lower algo"):
        clone(model_of(cfg), cfg, lambda *given: told.append(given))
    assert not told
    for allowed in (words, (*words, "++algo.imitation_error_weight=1.0", "++algo.imitation_keep_episodes=1")):
        cfg = composed(*allowed)
        clone(model_of(cfg), cfg)


def test_a_clone_that_learns_no_further(tmp_path):
    """total_timesteps=0 leaves the clone: tested, saved, with its loss in TensorBoard and progress on the terminal."""
    few = [
        "total_timesteps=0",
        "algo.imitation_transitions=400",
        "algo.imitation_rows=8",
        "algo.imitation_updates=5",
        "algo.imitation_last_updates=5",
    ]
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


def test_no_steps_and_no_clone_is_refused(composed):
    with pytest.raises(ValueError, match="total_timesteps=0 is for imitation"):
        check(composed("env=reach", "total_timesteps=0"))
