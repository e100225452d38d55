"""Files of policies: what is loaded is what was saved, also by version 0.1."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from robodl.atomic_write import together
from robodl.config import with_current_names
from robodl.learning.policy_files import load_policy, save_policy
from tests.train.conftest import model_of
from tests.train.test_encoder_files import with_old_names


@pytest.mark.parametrize("algo", ["ppo", "pixel_sac"])
def test_a_policy_of_version_0_1_loads(composed, tmp_path, algo):
    """Its tensors and its algorithm had other names; it acts as it did."""
    words = ("observation=image", "cameras=[wrist]", "image_size=16", "encoder=keypoints", "algo.hidden=[16]")
    cfg = composed("env=reach", f"algo={algo}", *words)
    model = model_of(cfg)
    with together() as files:
        save_policy(files, tmp_path / "best", model, cfg, {"num_timesteps": 3})
    path = tmp_path / "best.safetensors"
    old = with_old_names(load_file(path))
    assert {name.split("features_extractor.")[-1] for name in old} > {"eyes.pool.glance.0.weight", "ask.bias", "middle"}
    save_file(old, path)
    content = json.loads(path.with_suffix(".json").read_text())
    content["config"]["algo"]["_target_"] = content["config"]["algo"]["_target_"].replace("learning.pixel_sac", "algos")
    path.with_suffix(".json").write_text(json.dumps(content))
    policy, loaded_cfg = load_policy(tmp_path / "best", torch.device("cpu"))
    observation = model.env.reset()
    for one, other in zip(policy.state_dict().values(), model.policy.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    np.testing.assert_array_equal(
        policy.predict(observation, deterministic=True)[0], model.predict(observation, deterministic=True)[0]
    )
    assert loaded_cfg.encoder.name == "keypoints"


def test_todays_names_stay(composed):
    cfg = composed("env=reach", "observation=image", "image_size=16")
    names = list(model_of(cfg).policy.state_dict())
    assert list(with_current_names(dict.fromkeys(names))) == names
