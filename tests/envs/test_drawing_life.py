"""Threads, processes, interrupts, closing: drawing in one environment disturbs no other, and leaves nothing behind."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs import make, make_vec


def test_two_sizes_do_not_disturb_each_other(renderer):
    settings = {"observation": "image", "cameras": ["front"], "renderer": renderer}
    small, large = make("reach", image_size=16, **settings), make("reach", image_size=48, **settings)
    first = [env.reset(seed=0)[0]["front"] for env in (small, large)]
    again = [env.reset(seed=0)[0]["front"] for env in (small, large)]
    small.close()
    last = large.reset(seed=0)[0]["front"]
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[1], last)
    np.testing.assert_array_equal(small.reset(seed=0)[0]["front"], first[0])  # made anew after close


def test_another_thread_sees_the_same(renderer):
    env = make("reach", observation="image", cameras=["front"], renderer=renderer)
    here, there = env.reset(seed=0)[0]["front"], []
    thread = threading.Thread(target=lambda: there.append(env.reset(seed=0)[0]["front"]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(there[0], here)
    np.testing.assert_array_equal(env.reset(seed=0)[0]["front"], here)


def test_the_same_in_every_process(tmp_path):
    """Cameras, and what is drawn for them at random, do not depend on the process's hash seed."""
    script = "import hashlib; from robodl_envs import make; e = make('reach', observation='image', image_size=16, "
    script += "cameras=['front', 'side', 'top', 'wrist'], randomize={'camera_position': 0.1}); o, _ = e.reset(seed=0); "
    script += "print(hashlib.sha256(b''.join(o[k].tobytes() for k in sorted(o))).hexdigest())"
    said = set()
    for seed in ("1", "2", "4"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", script]
        said.add(subprocess.run(words, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout)
    assert len(said) == 1


SCRIPT = """
import sys, gymnasium, numpy, robodl_envs
from functools import partial
make = partial(gymnasium.make, "robodl_envs:robodl/Reach-v0", observation="image", renderer=sys.argv[2], image_size=16)
if __name__ == "__main__":
    envs = gymnasium.vector.AsyncVectorEnv([make, make], context=sys.argv[1])
    first, _ = envs.reset(seed=0)
    envs.step(numpy.zeros((2, 3)))
    alone, _ = make().reset(seed=1)
    assert (first["front"][1] == alone["front"]).all()
    envs.close()
    print("well")
"""


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_async_vector_env(context, renderer, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), context, renderer]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout == "well\n", done.stderr


@pytest.mark.usefixtures("opengl")
def test_an_interrupted_picture_is_not_the_next_one():
    """Ctrl-C while painters draw: the next pictures are whole and of their own step."""
    settings = {"observation": "image", "image_size": 16, "renderer": "gl", "threads": 2}
    envs, twin = make_vec("reach", num_envs=4, **settings), make_vec("reach", num_envs=4, **settings)
    for each in (envs, twin):
        each.reset(seed=0)
    worker = envs.batch.eyes.gl.workers[0]
    worker.join = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    action = np.full((4, 3), 0.5)
    with pytest.raises(KeyboardInterrupt):
        envs.step(action)
    twin.step(action)
    for _ in range(3):
        one, other = envs.step(action)[0], twin.step(action)[0]
        np.testing.assert_array_equal(one["front"], other["front"])
    envs.close()
    twin.close()


@pytest.mark.usefixtures("opengl")
def test_no_thread_outlives_its_environment():
    gc.collect()  # what other tests left
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
    """10,000 steps with pictures, in environments that come and go: memory and open files stay where they are."""
    import resource

    def live(steps):
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

    def use():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20, len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(10):
        live(100)
    memory, files = use()
    for _ in range(20):
        live(500)
    assert use()[0] - memory < 30 and use()[1] <= files + 2  # MiB


def test_exit_without_close_is_silent():
    """Also where another library's finalizers came first: then OpenGL's display is gone before ours have their turn."""
    code = """
import threading, weakref
early = threading.Event()
weakref.finalize(early, int)
import robodl_envs.gym_env as gym_env
env = gym_env.make("reach", render_mode="rgb_array", observation="image", cameras=["front"], renderer="gl")
env.reset(seed=0)
env.render()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == done.stderr == ""
