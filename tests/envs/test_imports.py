"""Imports point one way, and importing costs little."""

import subprocess
import sys

import pytest

import robodl_envs

FORBIDDEN = (
    "torch",
    "warp",
    "mujoco_warp",
    "stable_baselines3",
    "hydra",
    "omegaconf",
    "OpenGL",
    "mujoco.egl",
    "PIL",
    "tensorboard",
)
COMPONENTS = ("robodl_envs.robots.", "robodl_envs.tasks.", "robodl_envs.perception.")


def modules_after(code, cwd):
    """Names of the modules that are loaded in a new process that has run the code."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=cwd)
    return set(done.stdout.split())


def test_the_environments_need_no_training_library(tmp_path):
    """Importing, making, stepping load no OpenGL either, print nothing and write no file."""
    code = "import gymnasium, robodl_envs; e = gymnasium.make('robodl/Reach-v0')"
    code += "; e.reset(); e.step(e.action_space.sample())"
    loaded = modules_after(code, tmp_path)
    assert "robodl_envs.gym_env" in loaded
    assert not [name for name in loaded if name.startswith(FORBIDDEN)]
    assert not list(tmp_path.iterdir())


def test_images_need_no_opengl(tmp_path):
    """By default rays are cast."""
    code = "import gymnasium, robodl_envs; e = gymnasium.make('robodl/Reach-v0', observation='image', image_size=16)"
    loaded = modules_after(f"{code}; e.reset(); e.step(e.action_space.sample())", tmp_path)
    assert "robodl_envs.rendering.ray_renderer" in loaded
    assert not [name for name in loaded if name.startswith(FORBIDDEN)]


def test_import_is_lazy_and_fast(tmp_path):
    """Importing loads neither robots nor tasks, and takes less than half a second."""
    code = "import time; t = time.perf_counter(); import robodl_envs; assert time.perf_counter() - t < 0.5"
    loaded = modules_after(code, tmp_path)
    assert not [name for name in loaded if name.startswith(COMPONENTS)]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("robodl_envs.tasks.reach", ("robodl_envs.robots", "robodl_envs.engine", "robodl_envs.gym_env", "gymnasium")),
        ("robodl_envs.robots.panda", ("robodl_envs.tasks", "robodl_envs.engine", "robodl_envs.gym_env")),
        ("robodl_envs.perception.track", ("robodl_envs.robots", "robodl_envs.engine", "robodl_envs.gym_env")),
        ("robodl_envs.arrays", ("robodl_envs.simulator", "torch", "mujoco")),
    ],
)
def test_imports_point_one_way(module, forbidden, tmp_path):
    """Without the package's __init__, which registers the ids and so needs Gymnasium."""
    stub = f"p = type(sys)('robodl_envs'); p.__path__ = {list(robodl_envs.__path__)!r}; sys.modules['robodl_envs'] = p"
    loaded = modules_after(f"{stub}; import {module}", tmp_path)
    assert not [name for name in loaded if name.startswith(forbidden)]
