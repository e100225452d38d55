"""Images for people: drawn on demand, without any effect on a trajectory."""

import contextlib
import gc
import io
import threading

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs.gym_env import make
from tests.envs.forks import in_forked_child, needs_fork


@pytest.fixture
def env():
    env = make("reach", render_mode="rgb_array")
    env.reset(seed=0)
    yield env
    env.close()


def test_render_shows_the_scene(env):
    """It follows the arm; the same state gives the same image, also after close."""
    first = env.render()
    assert first.shape == (480, 480, 3) and first.dtype == np.uint8
    assert first.std() > 20
    np.testing.assert_array_equal(first, env.render())
    env.close()
    env.close()
    np.testing.assert_array_equal(first, env.render())
    for _ in range(5):
        env.step(np.ones(3))
    assert (env.render() != first).mean() > 0.01


def test_rendering_does_not_change_a_trajectory(env):
    unrendered = make("reach")
    unrendered.reset(seed=0)
    for k in range(4):
        action = np.full(3, 0.3 * (-1) ** k)
        env.render()
        observation = env.step(action)[0]["observation"]
        np.testing.assert_array_equal(observation, unrendered.step(action)[0]["observation"])


def test_nothing_is_drawn_without_a_render_mode():
    env = make("reach")
    env.reset(seed=0)
    assert env.render() is None and env.camera.context is None


def test_another_thread_draws_the_same_image(env):
    """With a context of its own, and again in the first thread."""
    expected, images = env.render(), []
    thread = threading.Thread(target=lambda: images.append(env.render()))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(images[0], expected)
    np.testing.assert_array_equal(env.render(), expected)


def test_a_collected_camera_does_not_disturb_another(env):
    other = make("reach", render_mode="rgb_array")
    other.reset(seed=1)
    other.render()
    before = env.render()
    del other
    gc.collect()
    np.testing.assert_array_equal(env.render(), before)


@pytest.mark.usefixtures("opengl")
@needs_fork
def test_a_forked_child_casts_rays(env):
    """OpenGL from before a fork is lost to the child, which never hangs, draws by rays and names the way out."""
    env.render()

    def drawn():
        new = make("reach", render_mode="rgb_array")
        new.reset(seed=0)
        stderr = io.StringIO()
        with contextlib.redirect_stderr(stderr):
            assert new.render().std() > 20
            assert env.render().std() > 20  # inherited, with the parent's context
        return stderr.getvalue().encode()

    notice = in_forked_child(drawn).decode()
    assert "ray casting" in notice and "spawn" in notice


def test_gymnasium_collects_images():
    env = gym.make("robodl/Reach-v0", render_mode="rgb_array_list")
    env.reset(seed=0)
    env.step(np.zeros(3))
    assert len(env.render()) == 2
    env.close()
