"""The training command, as a user runs it."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from robodl.hydra_command import label, varied
from robodl.options import UsageError
from robodl.runs.provenance import commit, provenance
from robodl.runs.run_folder import new_folder
from robodl.runs.sweep_table import SweptRun, sweep_lines
from robodl.train import build, train
from tests.train.conftest import SMALL, assert_resumes_exactly, assert_same_policy, run


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_what_a_run_leaves(trained):
    """The run's folder holds policy, training state, SB3's zip, TensorBoard, result; nothing lies elsewhere."""
    files = tree(trained)
    assert all(name.startswith("runs/reach/small/") for name in files)
    names = {name.removeprefix("runs/reach/small/") for name in files}
    checkpoints = {f"checkpoints/{kind}" for kind in ("best.json", "best.safetensors", "last.json", "last.npz")}
    assert checkpoints | {"checkpoints/last.safetensors", "checkpoints/last_sb3.zip", "result.json"} <= names
    assert any(name.startswith("tb/events") for name in names)
    assert {".hydra/config.yaml", ".hydra/overrides.yaml"} <= names


def test_result(trained):
    result = json.loads((trained / "runs/reach/small/result.json").read_text())
    assert result["env"] == "reach" and result["algo"] == "ppo" and result["robot"] == "panda"
    assert result["total_timesteps"] == 2048 and result["episodes"] == 20
    assert 0 <= result["success_low"] <= result["success_rate"] <= result["success_high"] <= 1
    assert result["train_seconds"] > 0 and result["versions"]["mujoco"] and result["machine"]["cores"]


def test_tensorboard(trained):
    """Scalars in families, and the settings under HParams."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(trained / "runs/reach/small/tb"))
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"eval/success_rate", "eval/distance_mm", "rollout/diverged", "time/fps"} <= scalars
    assert any(tag.startswith("train/") for tag in scalars)
    assert [event.step for event in events.Scalars("eval/success_rate")] == [1024, 2048]
    assert any("hparams" in tag for tag in events.summary_metadata)


def test_same_seed_same_bits(trained, tmp_path):
    run("robodl.train", "env=reach", "name=again", *SMALL, cwd=tmp_path)
    assert_same_policy(trained / "runs/reach/small", tmp_path / "runs/reach/again")


@pytest.mark.parametrize("algo", ["ppo", "sac"])
def test_resume_is_exact(algo, tmp_path):
    """Half a run, then resumed, ends in the bits of a whole run; best so far and wall-clock go on too."""
    small = [*SMALL, f"algo={algo}", "env=reach", "num_envs=8", "eval_every=1024"]
    small += ["algo.gradient_steps=1", "algo.batch_size=32", "algo.buffer_size=4000"] if algo == "sac" else []
    assert_resumes_exactly(small, 2048, tmp_path)


def test_video_plays_everywhere(tmp_path):
    """H.264 in yuv420p at the environment's rate, and the episode as a GIF in TensorBoard's Images tab."""
    import av
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    few = [word for word in SMALL if not word.startswith("video")]
    run("robodl.train", *few, "name=film", "video_episodes=1", cwd=tmp_path)
    video = tmp_path / "videos/reach/film/policy.mp4"
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (480, 480, 25)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 76 and (frames[0] != frames[50]).mean() > 0.01
    events = EventAccumulator(str(tmp_path / "runs/reach/film/tb"))
    events.Reload()
    assert events.Images("eval/episode")[0].encoded_image_string.startswith(b"GIF89a")


def test_sb3_zip_is_sb3s(trained):
    from stable_baselines3 import PPO

    model = PPO.load(trained / "runs/reach/small/checkpoints/best_sb3.zip")
    ours = load_file(trained / "runs/reach/small/checkpoints/best.safetensors")
    for name, tensor in model.policy.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), ours[name])


def test_our_files_hold_no_pickle(trained):
    for path in (trained / "runs/reach/small/checkpoints").iterdir():
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[name].dtype != object for name in arrays.files)
        elif not path.name.endswith("_sb3.zip"):
            assert path.suffix in (".json", ".safetensors") and not zipfile.is_zipfile(path)


def test_a_sweep_ends_with_a_table(tmp_path):
    """Folders share a name and bear what varies, runs are counted, and the table has mean and spread over seeds."""
    done = run("robodl.train", "-m", "seed=0,1", "env=reach", "env.radius=0.3", *SMALL, cwd=tmp_path)
    folders = sorted(path for path in (tmp_path / "runs/reach").iterdir() if path.is_dir())
    name = folders[0].name.removesuffix("_0_seed-0")
    assert [folder.name for folder in folders] == [f"{name}_0_seed-0", f"{name}_1_seed-1"]
    results = [json.loads((folder / "result.json").read_text()) for folder in folders]
    assert [result["seed"] for result in results] == [0, 1]
    lines = done.stdout.splitlines()
    assert "run 1 of 2: seed=0" in lines and "run 2 of 2: seed=1" in lines
    assert lines[-4].split() == ["run", "success_rate"]
    for k, line in enumerate(lines[-3:-1]):
        rate, low, high = (f"{results[k][key]:.1%}" for key in ("success_rate", "success_low", "success_high"))
        assert line == f"runs/reach/{name}_{k}_seed-{k}  {rate} of 20 episodes (95 % interval {low} to {high})"
    rates = [result["success_rate"] for result in results]
    assert lines[-1].startswith(f"2 seeds: mean {np.mean(rates):.1%}, standard deviation {np.std(rates, ddof=1):.1%}, ")


def test_seeds_are_grouped_by_the_other_overrides(tmp_path):
    """A run without a result has no line; pretraining's runs have their own metric."""
    runs = [
        SweptRun(tmp_path / str(k), (f"seed={k % 2}", f"encoder={'small' if k < 2 else 'impala'}")) for k in range(4)
    ]
    assert sweep_lines(runs) == []
    for k in (0, 1, 2):
        runs[k].folder.mkdir()
        (runs[k].folder / "result.json").write_text(json.dumps({"error_mm": 10.0 + 2 * k, "seed": k % 2}))
    head, *rows, group = sweep_lines(runs)
    assert head.split() == ["run", "error_mm"] and [row.split()[-2:] for row in rows][2] == ["14.0", "mm"]
    assert group == "encoder=small, 2 seeds: mean 11.0 mm, standard deviation 1.4 mm, from 10.0 mm to 12.0 mm"


def test_labels_of_jobs_are_safe_in_paths():
    fixed = ["env", "name"]
    words = ["env=reach", "++algo.hidden=[64,64]", "encoder.weights='../a b/c.safetensors'", "seed=-1"]
    assert label(3, varied(words, fixed)) == "3_algo.hidden-64-64_encoder.weights-..-a-b-c.safetensors_seed--1"
    assert len(label(0, ["x=" + "y" * 300])) == 150


def test_two_runs_never_share_a_folder(tmp_path):
    """A name is taken by who comes first; without a name another one is found."""
    folder = new_folder(tmp_path / "reach", "mine")
    assert folder == tmp_path / "reach/mine" and folder.is_dir()
    with pytest.raises(UsageError, match=r"there is a run .*reach/mine already; .*resume="):
        new_folder(tmp_path / "reach", "mine")
    assert new_folder(tmp_path / "reach", "mine", job="1_seed-1").name == "mine_1_seed-1"
    assert len({new_folder(tmp_path / "reach", None) for _ in range(5)}) == 5


def test_a_run_of_the_last_version_goes_on(trained, tmp_path):
    """Its checkpoints have keys of `algo` by their old names."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    for name in ("last", "best"):
        path = tmp_path / f"runs/reach/small/checkpoints/{name}.json"
        content = json.loads(path.read_text())
        content["config"]["algo"] |= {"clone": 0, "clone_rows": 64, "value_first": 0}
        path.write_text(json.dumps(content))
    more = ("total_timesteps=3072", "test_episodes=5", "video_episodes=0")
    done = run("robodl.train", "resume=runs/reach/small", *more, cwd=tmp_path)
    assert not done.stderr
    saved = json.loads((tmp_path / "runs/reach/small/checkpoints/last.json").read_text())
    assert saved["num_timesteps"] == 3072 and saved["config"]["algo"]["imitation_rows"] == 64
    assert "clone" not in saved["config"]["algo"]


def test_a_training_state_of_version_0_1_is_refused(trained, tmp_path):
    """In one line: its environments' states differ."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    path = tmp_path / "runs/reach/small/checkpoints/last.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays = {name: values for name, values in arrays.items() if "made_by" not in name}
    arrays["envs|made_by"] = np.asarray("64 x Panda() doing Reach(), seen as 'state', mujoco 4.0.0")
    np.savez(path, **arrays)
    done = run("robodl.train", "resume=runs/reach/small", "total_timesteps=3072", cwd=tmp_path, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "is a run of robodl 0.1, which that version goes on with" in done.stderr


def test_training_returns_its_success_rate(composed, tmp_path, monkeypatch):
    """A sweeper such as Optuna's can look for settings that raise it."""
    monkeypatch.chdir(tmp_path)
    rate = train(composed("env=reach", "name=here", "num_envs=8", *SMALL))
    assert rate == json.loads((tmp_path / "runs/reach/here/result.json").read_text())["success_rate"]


def test_old_keys_work_and_warn(tmp_path):
    words = ("algo.clone=640", "algo.clone_steps=2", "algo.clone_last=2", "name=old")
    done = run("robodl.train", "env=reach", *words, *SMALL, cwd=tmp_path)
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert "warning: algo.clone is called algo.imitation_transitions now" in warned and len(warned) == 3
    algo = json.loads((tmp_path / "runs/reach/old/result.json").read_text())["config"]["algo"]
    assert algo["imitation_transitions"] == 640 and algo["imitation_updates"] == 2


@pytest.mark.parametrize("algo", ["td3", "tqc"])
def test_other_algorithms_start(algo, tmp_path):
    """Every algorithm's file trains, evaluates and saves."""
    small = [
        "num_envs=4",
        "algo.gradient_steps=1",
        "algo.batch_size=32",
        "algo.buffer_size=4000",
        "algo.learning_starts=400",
        "total_timesteps=800",
    ]
    run("robodl.train", f"algo={algo}", "name=x", *SMALL[1:], *small, cwd=tmp_path)
    assert json.loads((tmp_path / "runs/reach/x/result.json").read_text())["algo"] == algo


def test_resuming_a_finished_run(trained, tmp_path):
    """Nothing left to train: the run is tested again and stays as it is; its best and last policies are untouched."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    checkpoints = tmp_path / "runs/reach/small/checkpoints"
    before = {path.name: path.read_bytes() for path in checkpoints.iterdir()}
    done = run("robodl.train", "resume=runs/reach/small", cwd=tmp_path)
    assert "already at 2,048 steps" in done.stdout and "trained       2,048 steps" in done.stdout
    assert before == {path.name: path.read_bytes() for path in checkpoints.iterdir()}


@pytest.mark.cuda
def test_training_on_cuda(tmp_path):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU on this machine")
    done = run("robodl.train", "env=reach", "name=gpu", "device=cuda", *SMALL, cwd=tmp_path)
    assert "cuda" in done.stdout
    run("robodl.evaluate", "run=runs/reach/gpu", "episodes=5", "device=cpu", cwd=tmp_path)


def test_a_result_bears_the_commit_that_it_began_with(monkeypatch):
    """A checkout may move on while a run learns: its commit is what it was when first asked for."""
    commit.cache_clear()
    first = commit()
    monkeypatch.setattr("robodl.runs.provenance.subprocess.run", lambda *_, **__: pytest.fail("asked again"))
    assert provenance()["commit"] == first


def test_settings_of_training_alone_are_not_those_of_tests(composed):
    words = ("++train_env.in_the_air=1.0", "++train_env.max_episode_steps=30")
    model, test_envs = build(composed("env=pick_and_place", "algo=ppo", *words, *SMALL))
    batches = [envs.unwrapped.batch for envs in (model.env.unwrapped.envs, test_envs)]
    assert [batch.task.in_the_air for batch in batches] == [1.0, 0.5]
    assert [batch.max_episode_steps for batch in batches] == [30, 100]
