"""Datasets of episodes: written, read, replayed to the bit, and refused where they do not fit."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from robodl import cli
from robodl.config import environment
from robodl.demos import Options, demos
from robodl.imitation.demonstrations import read_dataset
from robodl.imitation.episodes import first_difference, make_rows, record, replay
from robodl.imitation.minari_io import load
from robodl_envs import make_policy
from tests.train.conftest import run

NAME = "robodl/reach/expert-v0"
REACH = {"task": "reach", "max_episode_steps": 50}
WRITE = Options(env="reach", n=5, noise=0.3, seed=7)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """A root folder of datasets with one of five episodes, written by the command."""
    root = tmp_path_factory.mktemp("datasets")
    words = ("env=reach", "n=5", "noise=0.3", "seed=7")
    done = run("robodl.demos", *words, cwd=root, MINARI_DATASETS_PATH=str(root))
    assert "of 5 episodes" in done.stdout and "to the last bit" in done.stdout and not done.stderr
    return root


@pytest.fixture
def folder(datasets, tmp_path, monkeypatch):
    """The dataset's own folder, in a copy of the root folder where Minari looks."""
    shutil.copytree(datasets, tmp_path / "datasets")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    return tmp_path / "datasets" / NAME


def config(**settings):
    cfg = environment("reach", settings.pop("robot", "panda"), control=settings.pop("control", "tool"), threads=1)
    for key, value in settings.items():
        cfg[key] = value
    return cfg


def equal(one, other):
    """Test whether two lists of episodes are the same to the bit."""
    same = [a.seed == b.seed and (a.actions == b.actions).all() for a, b in zip(one, other, strict=True)]
    return all(same) and not any(first_difference(a, b) for a, b in zip(one, other, strict=True))


def test_minari_loads_it_and_recovers_its_environment(folder):
    """The recovered environment, of one arm, repeats the episodes to the last bit."""
    import minari

    dataset = minari.load_dataset(NAME)
    env = dataset.recover_environment()
    assert dataset.total_episodes == 5 and dataset.total_steps == 250 and env.spec.id == "robodl/Reach-v0"
    assert dataset.observation_space == env.observation_space and dataset.action_space == env.action_space
    seeds = [each["seed"] for each in dataset.storage.get_episode_metadata(dataset.episode_indices)]
    assert seeds == [2**30 + 7 + k for k in range(5)]
    for seed, episode in zip(seeds[:2], dataset.iterate_episodes(), strict=False):
        observation, info = env.reset(seed=seed)
        for step in range(51):
            for key, value in observation.items():
                np.testing.assert_array_equal(value, episode.observations[key][step])
            for key in ("is_success", "success_at_end"):
                assert info[key] == episode.infos[key][step]
            if step < 50:
                observation, reward, terminated, truncated, info = env.step(episode.actions[step])
                assert reward == episode.rewards[step]
                assert (terminated, truncated) == (episode.terminations[step], episode.truncations[step])
        assert truncated and len(episode.actions) == 50


def test_an_episode_depends_on_its_seed_alone():
    """However many rows run at once, with noise; seeds and noise make a difference, and actions stay in bounds."""

    def recorded(num, seed=3, noise=0.5):
        envs = make_rows(REACH, num)
        return record(make_policy("expert", envs), envs, 4, seed, noise)

    episodes = recorded(4)
    assert equal(episodes, recorded(3))
    assert equal(episodes[1:], recorded(3, seed=4)[:3])
    assert not equal(episodes, recorded(4, noise=0.0))
    assert not (episodes[0].actions == episodes[1].actions).all()
    assert max(np.abs(each.actions).max() for each in episodes) == 1.0


def test_a_replay_repeats_or_tells_the_first_difference(folder):
    """With other rows and threads episodes are the same; another action shows in the step after it."""
    episodes = load(NAME).episodes
    envs = make_rows(REACH, 2, threads=2)
    assert equal(episodes, replay(envs, episodes))
    actions = episodes[3].actions.copy()
    actions[20] = -actions[20]
    spoilt = dataclasses.replace(episodes[3], actions=actions)
    assert first_difference(spoilt, replay(envs, [spoilt])[0]).endswith("from step 21 on")


def test_replay_of_a_damaged_dataset_fails(folder, tmp_path):
    """One line that says where, and exit code 1."""
    import h5py

    with h5py.File(folder / "data/main_data.hdf5", "r+") as file:
        file["episode_2/rewards"][11] += 1e-12
    where = {"MINARI_DATASETS_PATH": str(tmp_path / "datasets")}
    done = run("robodl.demos", f"replay={NAME}", cwd=tmp_path, check=False, **where)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not done.stdout
    assert "1 of 5 episodes" in done.stderr and "episode 2 in reward from step 12 on" in done.stderr
    assert "made with mujoco" in done.stderr


def test_a_dataset_is_overwritten_only_if_asked_for(folder, capsys):
    before = (folder / "data/metadata.json").read_text()
    with pytest.raises(cli.UsageError, match=r"there is a dataset robodl/reach/expert-v0 already.*overwrite=true"):
        demos(WRITE)
    assert (folder / "data/metadata.json").read_text() == before
    demos(dataclasses.replace(WRITE, n=2, overwrite=True))
    assert "of 2 episodes" in capsys.readouterr().out and len(load(NAME).episodes) == 2
    assert [each.name for each in folder.parent.iterdir() if each.is_dir()] == [folder.name]


def test_a_failed_write_leaves_the_old_dataset(folder, monkeypatch):
    def broken(**_):
        raise OSError("the disk is full")

    monkeypatch.setattr("minari.create_dataset_from_buffers", broken)
    with pytest.raises(cli.UsageError, match="disk is full"):
        demos(dataclasses.replace(WRITE, overwrite=True))
    assert len(load(NAME).episodes) == 5
    with pytest.raises(cli.UsageError, match="disk is full"):
        demos(dataclasses.replace(WRITE, name="robodl/other-v0"))
    assert not (folder.parents[1] / "other-v0").exists()


def test_a_dataset_has_its_name_only_when_it_is_whole(folder, monkeypatch):
    """A process that dies while it writes leaves a hidden folder: Minari does not list it, the next one clears it."""
    import minari

    root, create = folder.parents[2], minari.create_dataset_from_buffers

    def die(**arguments):
        create(**arguments)
        assert not (root / "robodl/other-v0").exists() and list(minari.list_local_datasets()) == ["robodl/other-v0"]
        monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)  # nothing is cleared by who is dead
        raise KeyboardInterrupt

    monkeypatch.setattr("minari.create_dataset_from_buffers", die)
    with pytest.raises(KeyboardInterrupt):
        demos(dataclasses.replace(WRITE, name="robodl/other-v0"))
    monkeypatch.undo()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    assert list(minari.list_local_datasets()) == [NAME] and list(root.glob(".*.part"))
    demos(dataclasses.replace(WRITE, n=2, name="robodl/other-v0"))
    assert len(load("robodl/other-v0").episodes) == 2 and not list(root.glob(".*.part"))


def test_only_successes(folder, capsys):
    """Episodes that end without success are left out; if none is left, nothing is written."""
    demos(dataclasses.replace(WRITE, n=12, noise=0.5, only_successes=True, name="robodl/good-v0"))
    successes = load("robodl/good-v0").episodes
    assert 0 < len(successes) < 12 and all(each.success for each in successes)
    with pytest.raises(cli.UsageError, match="none of 2 episodes"):
        demos(dataclasses.replace(WRITE, n=2, noise=100.0, only_successes=True, name="robodl/bad-v0"))


def test_rewards_are_recomputed(folder):
    """With equal settings they are the recorded ones, to the bit; with reward=sparse or another radius, those."""
    recorded = load(NAME).episodes
    assert equal(recorded, read_dataset(NAME, config()))
    for one, other in zip(recorded, read_dataset(NAME, config(reward="sparse")), strict=True):
        np.testing.assert_array_equal(other.rewards, np.where(one.infos["is_success"][1:], 0.0, -1.0))
        np.testing.assert_array_equal(one.observations["observation"], other.observations["observation"])
    wide = read_dataset(NAME, config(reward="sparse", env={"task": "reach", "radius": 5.0}))
    assert not any(each.rewards.any() for each in wide)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"robot": "ur5e"}, "is of robot=panda, not of robot=ur5e"),
        ({"control": "joint"}, "is of control=tool, not of control=joint"),
        ({"control_dt": 0.02}, "is of control_dt=0.04, not of control_dt=0.02"),
        ({"timestep": 0.008}, "is of timestep=0.004, not of timestep=0.008"),
        ({"reward": "shaped"}, "is of reward=dense, not of reward=shaped"),
        ({"env": {"task": "push"}}, "is of env=reach, not of env=push"),
        ({"observation": "image"}, "observations of dataset .* this environment's front"),
    ],
)
def test_a_dataset_of_other_settings_is_refused(folder, settings, words):
    with pytest.raises(ValueError, match=words):
        read_dataset(NAME, config(**settings))


def test_damaged_and_foreign_datasets_are_refused(folder):
    """In one line, with the reason."""
    path, data = folder / "data/metadata.json", folder / "data/main_data.hdf5"
    metadata = json.loads(path.read_text())
    spec = json.loads(metadata["env_spec"])

    def refusal(**changes):
        path.write_text(json.dumps({**metadata, **changes}))
        with pytest.raises(ValueError, match=f"dataset {NAME}") as caught:
            load(NAME)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "env=push" in refusal(env_spec=json.dumps({**spec, "kwargs": {"task": "push"}}))
    assert "env=None" in refusal(env_spec=json.dumps({**spec, "kwargs": {}}))
    assert "of Ant-v5" in refusal(env_spec=json.dumps({**spec, "id": "Ant-v5"}))
    images = {"task": "reach", "observation": "image"}
    assert "of observation=image" in refusal(env_spec=json.dumps({**spec, "kwargs": images}))
    assert "wrapped" in refusal(env_spec=json.dumps({**spec, "additional_wrappers": [{}]}))
    assert "observations" in refusal(observation_space=metadata["observation_space"].replace("float32", "float64"))
    assert "can't be used" in refusal(action_space="{}")
    assert "can't be used" in refusal(total_episodes=6)
    data.write_bytes(data.read_bytes()[:1000])
    assert "can't be used" in refusal()
    path.write_text("{")
    with pytest.raises(ValueError, match="can't be used"):
        load(NAME)
    shutil.rmtree(folder)
    with pytest.raises(cli.UsageError, match=r"there is no dataset .* python -m robodl.demos env=<task> makes one"):
        demos(Options(replay=NAME))


def test_no_code_of_a_dataset_runs(folder, tmp_path, monkeypatch, capsys):
    """Its entry points are not even imported, not for want of stored spaces either."""
    (tmp_path / "foreign.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = folder / "data/metadata.json"
    metadata = json.loads(path.read_text())
    places = {"entry_point": "foreign:make", "vector_entry_point": "foreign:make"}
    metadata["env_spec"] = json.dumps({**json.loads(metadata["env_spec"]), **places})
    path.write_text(json.dumps(metadata))
    demos(Options(replay=NAME))
    assert "to the last bit" in capsys.readouterr().out
    del metadata["action_space"]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="does not store its spaces"):
        load(NAME)


def test_without_minari(tmp_path):
    """One line that says what to install, and exit code 2, before any episode."""
    (tmp_path / "minari.py").write_text("raise ImportError('No module named minari')")
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run("robodl.demos", "env=reach", cwd=tmp_path, check=False, PYTHONPATH=paths)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert 'pip install "robodl[demos]"' in done.stderr and not done.stdout
