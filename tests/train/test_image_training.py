"""Training from images, by the commands."""

import json
import sys

import pytest

from tests.train.conftest import assert_resumes_exactly, run

IMAGES = ("observation=image", "image_size=16", "env.radius=0.05", "reward=shaped")
TINY = ("num_envs=8", "total_timesteps=512", "eval_every=256", "eval_episodes=4", "test_episodes=4", "video_episodes=0")
PPO = ("algo.n_steps=16", "algo.batch_size=64", "algo.n_epochs=1")
SAC = ("algo=pixel_sac", "algo.learning_starts=128", "algo.batch_size=16", "algo.gradient_steps=1")


@pytest.mark.parametrize(
    "algo",
    [
        pytest.param(PPO, id="ppo"),
        pytest.param(SAC, id="sac", marks=pytest.mark.slow),  # its part of the next one is tested there
        pytest.param((*SAC, "algo.demonstrations=200"), id="demonstrations", marks=pytest.mark.slow),
    ],
)
def test_trains_and_resumes_exactly(algo, tmp_path):
    """Half a run, then resumed, ends in the bits of a whole one; the policy evaluates from its files."""
    words = ("env=reach", *IMAGES, *TINY, *algo)
    assert_resumes_exactly(words, 512, tmp_path)
    run("robodl.evaluate", "run=runs/reach/whole", "episodes=3", "output=score.json", cwd=tmp_path)
    assert json.loads((tmp_path / "score.json").read_text())["episodes"] == 3


def test_views_for_people(tmp_path):
    """TensorBoard has each camera's image with its saliency; the video has the policy's images to the right."""
    import av
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = [word for word in TINY if not word.startswith("video")]
    run("robodl.train", *IMAGES, *TINY, *PPO, "cameras=[front_segmentation]", "name=classes", cwd=tmp_path)
    cameras = "cameras=[front,front_depth,wrist,top_segmentation]"
    run("robodl.train", *IMAGES, *words, *PPO, cameras, "video_episodes=1", "name=film", cwd=tmp_path)
    events = EventAccumulator(str(tmp_path / "runs/reach/film/tb"))
    events.Reload()
    assert {"saliency/front", "saliency/front_depth", "saliency/wrist", "eval/episode"} <= set(events.Tags()["images"])
    image = events.Images("saliency/front")[0]
    assert (image.width, image.height) == (384, 192)
    with av.open(str(tmp_path / "videos/reach/film/policy.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (960, 480)  # the scene, and four images in two columns


def test_no_opengl_still_ends_with_a_video(tmp_path):
    """MUJOCO_GL=disable: images and video are rendered by rays, with one notice."""
    words = [word for word in TINY if not word.startswith("video")]
    arguments = ["env=reach", *IMAGES, *words, *PPO, "video_episodes=1", "renderer=gl", "name=x"]
    done = run("robodl.train", *arguments, cwd=tmp_path, MUJOCO_GL="disable")
    assert (tmp_path / "videos/reach/x/policy.mp4").stat().st_size > 1000
    assert [line for line in done.stderr.splitlines() if "ray casting" in line] == [
        "robodl: drawing by ray casting: OpenGL is turned off by MUJOCO_GL; unset it to use it"
    ]


HIDDEN = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "OpenGL":
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Missing())
sys.argv = ["train", *sys.argv[1:]]
from robodl.train import main
main()
"""


def test_without_pyopengl(tmp_path):
    """The same on a machine without PyOpenGL."""
    import subprocess

    words = [word for word in TINY if not word.startswith("video")]
    arguments = ["env=reach", *words, *PPO, "video_episodes=1", "name=x"]
    command = [sys.executable, "-c", HIDDEN, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "ray casting" in done.stderr and (tmp_path / "videos/reach/x/policy.mp4").stat().st_size > 1000


def test_doctor(tmp_path):
    """Says what is here, measures, and says how to mend what is missing; also where there is no OpenGL."""
    done = run("robodl.doctor", "seconds=0.2", "output=found.json", cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["speeds"]["ray"]["images_per_s"] > 0 and found["versions"]["mujoco"] in done.stdout
    without = run("robodl.doctor", "seconds=0.2", cwd=tmp_path, MUJOCO_GL="disable").stdout
    assert "To mend" in without and "unset MUJOCO_GL" in without and "ray" in without


def test_bench_of_images(tmp_path):
    words = ["observation=image", "image_size=16", "num_envs=[4]", "seconds=0.1", "output=bench.json"]
    run("robodl.bench", *words, cwd=tmp_path)
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert results[0]["renderer"] == "ray" and all(result["images_per_s"] > 0 for result in results)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_reach_pixels(seed, tmp_path):
    """The experiment's file keeps its promise; minutes long."""
    run(
        "robodl.train", "experiment=reach_pixels", f"seed={seed}", "name=x", "video_episodes=0", cwd=tmp_path, wait=1800
    )
    assert json.loads((tmp_path / "runs/reach/x/result.json").read_text())["success_rate"] >= 0.95
