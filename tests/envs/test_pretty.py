"""Pictures for people: drawn on demand, and never changing a trajectory."""

import contextlib
import gc
import io
import os
import subprocess
import sys
import threading

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs.gym_env import make


@pytest.fixture
def picture_env():
    env = make("reach", render_mode="rgb_array")
    env.reset(seed=0)
    yield env
    env.close()


def test_render(picture_env):
    """A picture shows the scene and follows the arm; the same state gives the same picture, also after close."""
    first = picture_env.render()
    assert first.shape == (480, 480, 3) and first.dtype == np.uint8
    assert first.std() > 20
    np.testing.assert_array_equal(first, picture_env.render())
    picture_env.close()
    picture_env.close()
    np.testing.assert_array_equal(first, picture_env.render())
    for _ in range(5):
        picture_env.step(np.ones(3))
    assert (picture_env.render() != first).mean() > 0.01


def test_rendering_does_not_change_a_trajectory(picture_env):
    twin = make("reach")
    twin.reset(seed=0)
    for k in range(4):
        action = np.full(3, 0.3 * (-1) ** k)
        picture_env.render()
        np.testing.assert_array_equal(picture_env.step(action)[0]["observation"], twin.step(action)[0]["observation"])


def test_nothing_is_drawn_unasked():
    env = make("reach")
    env.reset(seed=0)
    assert env.render() is None and env.camera.canvas is None


def test_rays_where_opengl_is_not_to_be_had(monkeypatch, capsys):
    """The same scene cast by rays, whatever keeps OpenGL away, and one notice."""
    monkeypatch.setattr("robodl_envs.rendering.notice.GIVEN", set())
    monkeypatch.setenv("MUJOCO_GL", "disable")
    for _ in range(2):
        env = make("reach", render_mode="rgb_array")
        env.reset(seed=0)
        picture = env.render()
        assert picture.shape == (480, 480, 3) and picture.std() > 20
        np.testing.assert_array_equal(picture, env.render())
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "ray casting" in said[0] and "MUJOCO_GL" in said[0]


def test_another_thread_sees_the_same(picture_env):
    """A context of its own for each thread: the same picture there, and the same again back here."""
    here, there = picture_env.render(), []
    thread = threading.Thread(target=lambda: there.append(picture_env.render()))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(there[0], here)
    np.testing.assert_array_equal(picture_env.render(), here)


def test_a_collected_camera_harms_no_other(picture_env):
    other = make("reach", render_mode="rgb_array")
    other.reset(seed=1)
    other.render()
    before = picture_env.render()
    del other
    gc.collect()
    np.testing.assert_array_equal(picture_env.render(), before)


@pytest.mark.usefixtures("opengl")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_draws_by_rays(picture_env):
    """OpenGL used before a fork is lost to the child: it never hangs, draws all the same, and says how to have both."""
    picture_env.render()
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            twin = make("reach", render_mode="rgb_array")
            twin.reset(seed=0)
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                assert twin.render().std() > 20
                assert picture_env.render().std() > 20  # inherited, with the parent's context
            os.write(send, said.getvalue().encode())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    assert "ray casting" in said and "spawn" in said


def test_gymnasium_collects_frames(picture_env):
    env = gym.make("robodl/Reach-v0", render_mode="rgb_array_list")
    env.reset(seed=0)
    env.step(np.zeros(3))
    assert len(env.render()) == 2
    env.close()


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is Linux's")
def test_rays_where_no_driver_is_installed(tmp_path):
    """A machine whose EGL finds no driver, in a process of its own: people and policies get rays."""
    script = (
        "from robodl_envs import make; e = make('reach', render_mode='rgb_array', observation='image', renderer='gl')"
    )
    script += "; e.reset(seed=0); print(e.render().std() > 20)"
    environment = {**os.environ, "__EGL_VENDOR_LIBRARY_FILENAMES": "/nonexistent"}
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment)
    assert done.stdout == "True\n" and done.returncode == 0
    assert done.stderr.count("ray casting") <= 1
