"""Demonstrations in replay buffers."""

import numpy as np
import pytest

from robodl.demos import Options, demos
from robodl.imitation.demonstrations import demonstrate
from robodl.train import check
from tests.train.conftest import model_of


def test_a_replay_buffer_starts_with_demonstrations(composed):
    """It holds as many transitions as asked for, whole episodes of an expert that succeeds; it is filled once."""
    cfg = composed("env=reach", "algo=sac", "++algo.demonstrations=400")
    model = model_of(cfg)
    demonstrate(model, cfg)
    buffer = model.replay_buffer
    assert buffer.pos * buffer.n_envs == 400
    goals = (buffer.next_observations[key] for key in ("achieved_goal", "desired_goal"))
    distance = np.linalg.norm(np.subtract(*goals), axis=-1)
    assert np.median(distance[45:50]) < 0.05 < np.median(distance[:3])  # m, at the first episodes' ends and starts
    assert len(buffer.sample(64).rewards) == 64
    model.num_timesteps = 1  # as in a resumed run, whose buffer holds them already
    demonstrate(model, cfg)
    assert buffer.pos * buffer.n_envs == 400


@pytest.mark.parametrize("algo", ["sac", "pixel_sac"])
def test_demonstrations_from_a_dataset(composed, tmp_path, monkeypatch, algo):
    """They may come from a dataset, if its observations are the policy's."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    demos(Options(env="reach", n=20, noise=0.3, name="robodl/reach/some-v0"))
    words = ("++algo.demonstrations=400", "++algo.dataset=robodl/reach/some-v0")
    if algo == "pixel_sac":
        with pytest.raises(ValueError, match=r"observations of dataset .* this environment's front"):
            check(composed("env=reach", f"algo={algo}", "observation=image", *words))
        return
    cfg = composed("env=reach", f"algo={algo}", *words)
    check(cfg)
    model = model_of(cfg)
    demonstrate(model, cfg)
    assert model.replay_buffer.pos * model.replay_buffer.n_envs == 400
    assert len(model.replay_buffer.sample(64).rewards) == 64
