"""Renderers in threads and processes, interrupted, closed: none disturbs another or leaves anything behind."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs import make, make_vec


def run_script(code, *arguments, cwd=None, **variables):
    """Run Python code in a process of its own: stdout, stderr."""
    command, environment = [sys.executable, "-c", code, *arguments], {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_two_sizes_do_not_disturb_each_other(renderer):
    settings = {"observation": "image", "cameras": ["front"], "renderer": renderer}
    small, large = make("reach", image_size=16, **settings), make("reach", image_size=48, **settings)
    first = [env.reset(seed=0)[0]["front"] for env in (small, large)]
    for env, image in zip((small, large), first, strict=True):
        np.testing.assert_array_equal(env.reset(seed=0)[0]["front"], image)
    small.close()
    np.testing.assert_array_equal(large.reset(seed=0)[0]["front"], first[1])
    np.testing.assert_array_equal(small.reset(seed=0)[0]["front"], first[0])  # acquired anew after close


def test_another_thread_draws_the_same_images(renderer):
    env = make("reach", observation="image", cameras=["front"], renderer=renderer)
    expected, images = env.reset(seed=0)[0]["front"], []
    thread = threading.Thread(target=lambda: images.append(env.reset(seed=0)[0]["front"]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(images[0], expected)
    np.testing.assert_array_equal(env.reset(seed=0)[0]["front"], expected)


def test_images_are_the_same_in_every_process(tmp_path):
    """Cameras, and their random variation, do not depend on the process's hash seed."""
    script = """
import hashlib
from robodl_envs import make
cameras = ["front", "side", "top", "wrist"]
env = make("reach", observation="image", image_size=16, cameras=cameras, randomize={"camera_position": 0.1})
observation, _ = env.reset(seed=0)
print(hashlib.sha256(b"".join(observation[key].tobytes() for key in sorted(observation))).hexdigest())
"""
    assert len({run_script(script, cwd=tmp_path, PYTHONHASHSEED=seed) for seed in ("1", "2", "4")}) == 1


ASYNC_SCRIPT = """
import sys, gymnasium, numpy, robodl_envs
from functools import partial
make = partial(gymnasium.make, "robodl_envs:robodl/Reach-v0", observation="image", renderer=sys.argv[2], image_size=16)
if __name__ == "__main__":
    envs = gymnasium.vector.AsyncVectorEnv([make, make], context=sys.argv[1])
    first, _ = envs.reset(seed=0)
    envs.step(numpy.zeros((2, 3)))
    single, _ = make().reset(seed=1)
    assert (first["front"][1] == single["front"]).all()
    envs.close()
    print("done")
"""


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_async_vector_env(context, renderer, tmp_path):
    script = tmp_path / "script.py"  # a file, which spawned workers import
    script.write_text(ASYNC_SCRIPT)
    command = [sys.executable, str(script), context, renderer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout == "done\n", done.stderr


FALLBACK_SCRIPT = """
from robodl_envs import make
settings = dict(observation="image", image_size=16, render_mode="rgb_array")
for renderer in ("gl", "gl", "ray"):
    env = make("reach", renderer=renderer, **settings)
    observation, _ = env.reset(seed=0)
    image = env.render()
    assert image.shape == (480, 480, 3) and image.std() > 20 and (image == env.render()).all()
    print(observation["front"].tobytes().hex())
"""


def test_rays_replace_opengl_that_is_turned_off(tmp_path):
    """In observations and in images for people, with one notice."""
    stdout, stderr = run_script(FALLBACK_SCRIPT, cwd=tmp_path, MUJOCO_GL="disable")
    assert len(set(stdout.split())) == 1  # the images of renderer="ray"
    assert stderr.count("\n") == 1 and "ray casting" in stderr and "MUJOCO_GL" in stderr


@pytest.mark.skipif(sys.platform != "linux", reason="EGL is used on Linux")
def test_rays_replace_opengl_without_a_driver(tmp_path):
    """With at most one notice: some systems have a driver even so, and draw with it."""
    _, stderr = run_script(FALLBACK_SCRIPT, cwd=tmp_path, __EGL_VENDOR_LIBRARY_FILENAMES="/nonexistent")
    assert stderr.count("ray casting") <= 1


@pytest.mark.usefixtures("opengl")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_images_after_an_interrupt_are_of_their_own_step():
    """Ctrl-C while threads draw: no part of the interrupted images appears in the next ones."""
    settings = {"num_envs": 4, "observation": "image", "image_size": 32, "renderer": "gl", "threads": 2}
    envs, uninterrupted = make_vec("reach", **settings), make_vec("reach", **settings)
    for each in (envs, uninterrupted):
        each.reset(seed=0)

    def interrupt(*_):
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        for delay in (0.003, 0.006):
            state = envs.get_state()
            with contextlib.suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, delay)
                for _ in range(100):  # longer than any delay
                    envs.step(np.full((4, 3), 0.5))
            envs.set_state(state)
            action = np.full((4, 3), -0.5)
            for _ in range(2):
                image, expected = envs.step(action)[0]["front"], uninterrupted.step(action)[0]["front"]
                np.testing.assert_array_equal(image, expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    envs.close()
    uninterrupted.close()


@pytest.mark.usefixtures("opengl")
def test_no_thread_outlives_its_environment():
    gc.collect()  # environments of other tests
    before = threading.active_count()
    envs = make_vec("reach", num_envs=4, threads=2, observation="image", image_size=16, renderer="gl")
    envs.reset(seed=0)
    assert threading.active_count() == before + 2
    del envs
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.slow
@pytest.mark.parametrize("close", [True, False])
def test_long_runs_leak_nothing(renderer, close):
    """10,000 steps with images, in environments that come and go: memory and open files stay as they are."""
    import resource

    def run(steps):
        env = gym.make(
            "robodl/Reach-v0", observation="image", cameras=["front", "wrist"], image_size=32, renderer=renderer
        )
        env.reset(seed=0)
        for _ in range(steps):
            if env.step(env.action_space.sample())[3]:
                env.reset()
        if close:
            env.close()
        del env
        gc.collect()

    def memory_and_files():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20, len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(10):
        run(100)
    memory, files = memory_and_files()
    for _ in range(20):
        run(500)
    assert memory_and_files()[0] - memory < 30 and memory_and_files()[1] <= files + 2  # MiB


def test_exit_without_close_is_silent():
    """Also if another library's finalizers came first, so that OpenGL's display is closed before ours run."""
    script = """
import threading, weakref
early = threading.Event()
weakref.finalize(early, int)
from robodl_envs import make
env = make("reach", render_mode="rgb_array", observation="image", cameras=["front"], renderer="gl")
env.reset(seed=0)
env.render()
"""
    stdout, stderr = run_script(script)
    assert stdout == stderr == ""
