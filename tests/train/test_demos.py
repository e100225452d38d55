"""Demonstrations: they are what was done, on disk too, and the same is done again."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from robodl import cli
from robodl.demos import Options, demos
from robodl.evaluate import untrained_config
from robodl.imitation import minari_io
from robodl.imitation.demonstrations import read
from robodl.imitation.episodes import difference, make_rows, record, replay
from robodl.imitation.minari_io import load
from robodl_envs import make_policy
from tests.train.conftest import run

NAME = "robodl/reach/expert-v0"
REACH = {"task": "reach", "max_episode_steps": 50}
WRITE = Options(env="reach", n=5, noise=0.3, seed=7)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of datasets with one, of five episodes, written as a user writes it."""
    folder = tmp_path_factory.mktemp("datasets")
    words = ("env=reach", "n=5", "noise=0.3", "seed=7")
    done = run("robodl.demos", *words, cwd=folder, MINARI_DATASETS_PATH=str(folder))
    assert "of 5 episodes" in done.stdout and "to the last bit" in done.stdout and not done.stderr
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A copy of it that Minari finds: the dataset's own folder."""
    shutil.copytree(made, tmp_path / "datasets")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    return tmp_path / "datasets" / NAME


def config(**settings):
    cfg = untrained_config("reach", settings.pop("robot", "panda"), settings.pop("control", "tool"), threads=1)
    for key, value in settings.items():
        cfg[key] = value
    return cfg


def equal(one, other):
    """Whether two lists of episodes are the same to the bit."""
    same = [a.seed == b.seed and (a.actions == b.actions).all() for a, b in zip(one, other, strict=True)]
    return all(same) and not any(difference(a, b) for a, b in zip(one, other, strict=True))


def test_minari_gives_it_and_its_environment(place):
    """Minari loads it; the environment it recovers, one arm, goes the same way to the last bit."""
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


def test_an_episode_is_that_of_its_seed():
    """However many rows run at once, noise included; seeds and noise make a difference, and actions stay in bounds."""

    def recorded(num, seed=3, noise=0.5):
        envs = make_rows(REACH, num)
        return record(make_policy("expert", envs), envs, 4, seed, noise)

    episodes = recorded(4)
    assert equal(episodes, recorded(3))
    assert equal(episodes[1:], recorded(3, seed=4)[:3])
    assert not equal(episodes, recorded(4, noise=0.0))
    assert not (episodes[0].actions == episodes[1].actions).all()
    assert max(np.abs(each.actions).max() for each in episodes) == 1.0


def test_a_replay_repeats_and_tells_where_it_does_not(place):
    """Played again with other rows and threads, episodes are the same; another action shows in the step after it."""
    episodes = load(NAME).episodes
    envs = make_rows(REACH, 2, threads=2)
    assert equal(episodes, replay(envs, episodes))
    actions = episodes[3].actions.copy()
    actions[20] = -actions[20]
    spoilt = dataclasses.replace(episodes[3], actions=actions)
    assert difference(spoilt, replay(envs, [spoilt])[0]).endswith("from step 21 on")


def test_replay_of_a_spoilt_dataset_fails(place, tmp_path):
    """One line that says where, and exit code 1."""
    import h5py

    with h5py.File(place / "data/main_data.hdf5", "r+") as file:
        file["episode_2/rewards"][11] += 1e-12
    where = {"MINARI_DATASETS_PATH": str(tmp_path / "datasets")}
    done = run("robodl.demos", f"replay={NAME}", cwd=tmp_path, check=False, **where)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not done.stdout
    assert "1 of 5 episodes" in done.stderr and "episode 2 in reward from step 12 on" in done.stderr
    assert "made with mujoco" in done.stderr


def test_a_dataset_is_overwritten_only_if_told(place, capsys):
    before = (place / "data/metadata.json").read_text()
    with pytest.raises(cli.UsageError, match=r"there is a dataset robodl/reach/expert-v0 already.*overwrite=true"):
        demos(WRITE)
    assert (place / "data/metadata.json").read_text() == before
    demos(dataclasses.replace(WRITE, n=2, overwrite=True))
    assert "of 2 episodes" in capsys.readouterr().out and len(load(NAME).episodes) == 2
    assert [each.name for each in place.parent.iterdir() if each.is_dir()] == [place.name]


def test_a_write_that_fails_leaves_the_old_one(place, monkeypatch):
    def broken(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(minari_io, "as_buffer", broken)
    with pytest.raises(cli.UsageError, match="disk is full"):
        demos(dataclasses.replace(WRITE, overwrite=True))
    assert len(load(NAME).episodes) == 5
    with pytest.raises(cli.UsageError, match="disk is full"):
        demos(dataclasses.replace(WRITE, name="robodl/other-v0"))
    assert not (place.parents[1] / "other-v0").exists()


def test_only_successes(place, capsys):
    """Episodes that end without success are left out, and where none is left nothing is written."""
    demos(dataclasses.replace(WRITE, n=12, noise=0.5, only_successes=True, name="robodl/good-v0"))
    kept = load("robodl/good-v0").episodes
    assert 0 < len(kept) < 12 and all(each.success for each in kept)
    with pytest.raises(cli.UsageError, match="none of 2 episodes"):
        demos(dataclasses.replace(WRITE, n=2, noise=100.0, only_successes=True, name="robodl/bad-v0"))


def test_read_rewards_as_the_environment_does(place):
    """The recorded rewards where settings are the same, to the bit; those of reward=sparse where it is asked for."""
    recorded = load(NAME).episodes
    assert equal(recorded, read(NAME, config()))
    for one, other in zip(recorded, read(NAME, config(reward="sparse")), strict=True):
        np.testing.assert_array_equal(other.rewards, np.where(one.is_success[1:], 0.0, -1.0))
        np.testing.assert_array_equal(one.observations["observation"], other.observations["observation"])
    wide = read(NAME, config(reward="sparse", env={"task": "reach", "radius": 5.0}))
    assert not any(each.rewards.any() for each in wide)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"robot": "ur5e"}, "is of robot=panda, not of robot=ur5e"),
        ({"control": "joint"}, "is of control=tool, not of control=joint"),
        ({"control_dt": 0.02}, "is of control_dt=0.04, not of control_dt=0.02"),
        ({"reward": "shaped"}, "is of reward=dense, not of reward=shaped"),
        ({"env": {"task": "push"}}, "is of env=reach, not of env=push"),
        ({"observation": "image"}, "observations of dataset .* this environment's front"),
    ],
)
def test_read_refuses_what_does_not_fit(place, settings, words):
    with pytest.raises(ValueError, match=words):
        read(NAME, config(**settings))


def test_damaged_and_foreign_datasets_are_refused(place):
    """In one line that says why."""
    path, data = place / "data/metadata.json", place / "data/main_data.hdf5"
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
    pictures = {"task": "reach", "observation": "image"}
    assert "of observation=image" in refusal(env_spec=json.dumps({**spec, "kwargs": pictures}))
    assert "wrapped" in refusal(env_spec=json.dumps({**spec, "additional_wrappers": [{}]}))
    assert "observations" in refusal(observation_space=metadata["observation_space"].replace("float32", "float64"))
    assert "can't be used" in refusal(action_space="{}")
    assert "can't be used" in refusal(total_episodes=6)
    data.write_bytes(data.read_bytes()[:1000])
    assert "can't be used" in refusal()
    path.write_text("{")
    with pytest.raises(ValueError, match="can't be used"):
        load(NAME)
    shutil.rmtree(place)
    with pytest.raises(cli.UsageError, match=r"there is no dataset .* python -m robodl.demos env=<task> makes one"):
        demos(Options(replay=NAME))


def test_a_dataset_runs_nothing(place, tmp_path, monkeypatch, capsys):
    """What it names as the maker of its environment is not so much as imported, be it for want of spaces."""
    (tmp_path / "strange.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = place / "data/metadata.json"
    metadata = json.loads(path.read_text())
    places = {"entry_point": "strange:make", "vector_entry_point": "strange:make"}
    metadata["env_spec"] = json.dumps({**json.loads(metadata["env_spec"]), **places})
    path.write_text(json.dumps(metadata))
    demos(Options(replay=NAME))
    assert "to the last bit" in capsys.readouterr().out
    del metadata["action_space"]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="does not say its spaces"):
        load(NAME)


def test_without_minari(tmp_path):
    """One line that says what to install, and exit code 2, before any episode."""
    (tmp_path / "minari.py").write_text("raise ImportError('No module named minari')")
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = run("robodl.demos", "env=reach", cwd=tmp_path, check=False, PYTHONPATH=paths)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert 'pip install "robodl[demos]"' in done.stderr and not done.stdout
