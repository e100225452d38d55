"""Policies that come with the package: what is in their files, that they act, and that they do what is said of them."""

import json

import numpy as np
import pytest
import torch

from robodl.learning.policy_files import load_policy
from robodl.learning.zoo import ZOO, pack, zoo_name, zoo_stem
from robodl.options import UsageError
from robodl.runs.report import acting
from robodl.tensor_files import read_tensors
from robodl.vec_env import make_envs
from tests.train.conftest import run

STEMS = sorted(path.with_suffix("") for path in ZOO.glob("*.json"))


def test_a_packed_policy_acts_as_the_one_it_was_made_of(trained, tmp_path):
    """To what float16 leaves of its weights; its critics are left out."""
    whole = trained / "runs/reach/small/checkpoints/best"
    pack(whole, tmp_path / "panda_reach", {"success_rate": 0.5})
    stem = zoo_stem("reach", "panda", folder=tmp_path)
    tensors, _ = read_tensors(stem.with_suffix(".safetensors"))
    assert not any("value" in name for name in tensors) and json.loads(stem.with_suffix(".json").read_text())["config"]
    (first, cfg), (second, _) = (load_policy(each, torch.device("cpu")) for each in (whole, stem))
    envs = make_envs(cfg, 8, "Disabled")
    observation, _ = envs.reset(seed=0)
    actions = [acting(policy)(observation) for policy in (first, second)]
    np.testing.assert_allclose(*actions, atol=2e-3)
    assert abs(actions[0]).max() > 0.1


def test_what_the_zoo_has_not_is_refused_with_what_it_has(tmp_path):
    for name in ("panda_pick_and_place", "panda_track_image"):
        (tmp_path / f"{name}.json").write_text("{}")
    with pytest.raises(
        UsageError, match=r"no policy of push with ur5e; there are pick_and_place \(panda\), track \(panda, image\)"
    ):
        zoo_stem("push", "ur5e", folder=tmp_path)
    with pytest.raises(UsageError, match="no policy of track with panda and observation=state"):
        zoo_stem("track", "panda", "state", tmp_path)
    with pytest.raises(UsageError, match="there are none yet"):
        zoo_stem("push", "ur5e", folder=tmp_path / "empty")


def test_a_policy_that_sees_images_is_found_where_it_is_asked_for_or_alone(tmp_path):
    for name in ("panda_reach", "panda_reach_image", "panda_track_image"):
        (tmp_path / f"{name}.json").write_text("{}")
    found = [
        zoo_stem(task, "panda", seen, tmp_path).name
        for task, seen in (("reach", None), ("reach", "image"), ("track", None))
    ]
    assert found == ["panda_reach", "panda_reach_image", "panda_track_image"]


@pytest.mark.parametrize("stem", STEMS, ids=lambda stem: stem.name)
def test_files_are_small_and_say_what_they_are(stem):
    facts = json.loads(stem.with_suffix(".json").read_text())
    assert stem.name == zoo_name(facts["env"], facts["robot"], facts["config"]["observation"])
    assert facts["episodes"] == 500 and facts["commit"]
    assert stem.with_suffix(".safetensors").stat().st_size < 1_000_000


@pytest.mark.parametrize("stem", [pytest.param(stem, marks=pytest.mark.slow) for stem in STEMS], ids=str)
def test_policies_do_what_is_said_of_them(stem, tmp_path):
    """On the episodes that they were measured on, on this machine and with these versions, within the interval."""
    facts = json.loads(stem.with_suffix(".json").read_text())
    words = ("policy=zoo", f"env={facts['env']}", f"robot={facts['robot']}", f"seed={facts['seed']}", "output=it.json")
    words += (f"observation={facts['config']['observation']}",)
    run("robodl.evaluate", *words, cwd=tmp_path)
    found = json.loads((tmp_path / "it.json").read_text())
    assert facts["success_low"] <= found["success_rate"] <= facts["success_high"]


def test_settings_that_a_policy_was_not_trained_with_are_refused(tmp_path):
    done = run("robodl.evaluate", "policy=zoo", "env=push", "control=joint", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "keeps its controller" in done.stderr
    done = run("robodl.evaluate", "policy=expert", "env=push", "observation=image", cwd=tmp_path, check=False)
    assert done.returncode == 2 and "chooses among policy=zoo" in done.stderr
