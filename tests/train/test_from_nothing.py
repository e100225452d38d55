"""Learning without a teacher: a running scale of observations, and rows at all stages of an episode."""

import json

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from robodl.learning import running_scale
from robodl.learning.running_scale import RunningScale
from robodl.learning.stagger import Stagger
from robodl.vision.encoder import MIN_STD
from tests.train.conftest import assert_resumes_exactly, model_of

SMALL = ["algo=ppo", "algo.n_steps=8", "algo.batch_size=32", "algo.n_epochs=2", "video_episodes=0"]


class Rollouts(BaseCallback):
    """Keeps the vectors of all rollouts, unscaled, and whether scales stay the same while a rollout is learnt from."""

    def __init__(self):
        super().__init__()
        self.vectors, self.dones, self.scales = [], [], []

    def _on_step(self):
        self.dones.append(self.locals["dones"].copy())
        return True

    def _on_rollout_end(self):
        encoder = self.model.policy.features_extractor
        observations = self.model.rollout_buffer.observations
        tensors = {key: torch.as_tensor(value).flatten(0, 1) for key, value in observations.items()}
        self.vectors.append(encoder.vector(tensors).numpy())
        self.scales.append(encoder.scale.clone())


def seen_by(model):
    """Vectors that a model saw in five rollouts with a running scale, (n, k), and the scale of each rollout."""
    seen = Rollouts()
    model.learn(8 * 4 * 5, [RunningScale(True), seen])
    return np.concatenate(seen.vectors), seen.scales


@pytest.mark.parametrize("env", ["reach", "push"])
def test_the_scale_is_of_all_that_was_seen(env, composed, monkeypatch):
    """Its mean and standard deviation are those of all rollouts, and each is learnt from by the scale it was of."""
    monkeypatch.setattr(running_scale, "LEAST_STD", 0.0)
    model = model_of(composed(f"env={env}", *SMALL))
    encoder, first = model.policy.features_extractor, model.policy.features_extractor.scale.clone()
    data, scales = seen_by(model)
    assert len(data) == 160 and torch.equal(scales[0], first) and not torch.equal(scales[1], first)
    np.testing.assert_allclose(encoder.center, data.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(1.0 / encoder.scale, data.std(axis=0) + MIN_STD, rtol=2e-3)


def test_what_hardly_varies_is_not_blown_up(composed):
    """A standard deviation is a fiftieth of half the bounds' range at least, and more only where more was seen."""
    model = model_of(composed("env=push", *SMALL))
    encoder, least = model.policy.features_extractor, 0.02 / model.policy.features_extractor.scale.clone()
    data, _ = seen_by(model)
    std = 1.0 / encoder.scale
    assert (std >= 0.999 * least).all() and (std < 1.01 * least).any()
    assert (std <= np.hypot(data.std(axis=0) + MIN_STD, least) + 1e-6).all()


def test_without_it_the_scale_is_that_of_the_bounds(composed):
    model = model_of(composed("env=reach", *SMALL))
    first = model.policy.features_extractor.scale.clone()
    model.learn(64, [RunningScale(False)])
    assert torch.equal(model.policy.features_extractor.scale, first)


@pytest.mark.parametrize("active", [True, False])
def test_first_episodes_end_at_different_times(active, composed):
    """Of four rows after 50, 38, 25 and 13 steps, and later ones after 50 more; otherwise all at once."""
    model, seen = model_of(composed("env=reach", *SMALL)), Rollouts()
    model.learn(4 * 104, [Stagger(active), seen])
    ends = [np.flatnonzero(np.array(seen.dones)[:, row]) + 1 for row in range(4)]
    assert [list(each[:2]) for each in ends] == (
        [[50, 100], [38, 88], [25, 75], [13, 63]] if active else [[50, 100]] * 4
    )


def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    """The scale goes on from what was seen, and no episode is cut short again."""
    words = ["env=reach", *SMALL, "num_envs=4", "algo.running_scale=true", "algo.stagger=true"]
    words += ["eval_every=512", "eval_episodes=2", "test_episodes=2"]
    tensors = assert_resumes_exactly([word.replace("algo.r", "+algo.r") for word in words], 1024, tmp_path)
    assert tensors["features_extractor.scale"].max() > 0.0
    texts = [(tmp_path / f"runs/reach/{name}/result.json").read_text() for name in ("whole", "half")]
    whole, half = ([(step, rate) for step, _, rate in json.loads(text)["curve"]] for text in texts)
    assert whole == half and [repr(step) for step, _ in half] == ["512", "1024"]
