"""Speed of images, against `mujoco.Renderer` as it comes, in turns."""

import functools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

REPEATS = 5
ROWS = "renderer  threads  images/s  x Renderer  steps/s with it"


def bench_rendering(options) -> list[dict[str, Any]]:
    """Measure both renderers and print a table; returns its rows."""
    from robodl_envs import RenderingError, make_gl_context, make_vec

    settings: dict[str, Any] = {"robot": options.robot, "observation": options.observation, "threads": options.threads}
    settings |= {"cameras": options.cameras, "image_size": options.image_size, "max_episode_steps": 50}
    num = options.num_envs[0]
    names = ["ray"]
    try:
        make_gl_context(8, 8, learning=True).free()
        names.append("gl")
    except RenderingError as error:
        print(f"no renderer=gl here: {error}")
    envs: dict[str, Any] = {name: make_vec(options.env, num_envs=num, renderer=name, **settings) for name in names}
    for each in envs.values():
        each.reset(seed=0)
    theirs = MujocoRenderer(options.env, options.image_size) if "gl" in names else None
    size = options.image_size
    print(f"{num} rows, {len(options.cameras)} images of {size}x{size} a row and step: {', '.join(options.cameras)}")
    print(ROWS)
    results: list[dict[str, Any]] = []
    action = envs["ray"].action_space.sample()
    for name in names:
        batch, count = envs[name].batch, num * len(options.cameras)
        rounds = []
        for _ in range(REPEATS):
            images = count * rate(functools.partial(batch.cameras.capture, batch.all, batch.rng), options.seconds / 2)
            steps = num * rate(functools.partial(envs[name].step, action), options.seconds / 2)
            reference = theirs.rate(options.seconds / 2) if theirs else float("nan")
            rounds.append((images, steps, reference, images / reference))
        images, steps, reference, ratio = (statistics.median(column) for column in zip(*rounds, strict=True))
        result = {"renderer": name, "num_envs": num, "cameras": options.cameras, "image_size": size}
        result |= {"threads": batch.threads, "images_per_s": images, "steps_per_s": steps}
        if theirs:
            result |= {"mujoco_renderer_per_s": reference, "ratio": ratio}
        results.append(result)
        line = f"{name:<8}{batch.threads:>9}{images:>12,.0f}{ratio:>12.0f}{steps:>17,.0f}"
        print(line, flush=True)
    if theirs:
        reference = statistics.median(result["mujoco_renderer_per_s"] for result in results)
        print(f"mujoco.Renderer as it comes: {reference:,.1f} images/s")
        theirs.close()
    for each in envs.values():
        each.close()
    return results


def rate(call: Callable[[], Any], seconds: float) -> float:
    """Calls a second, after one that is not counted."""
    call()
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not count:
        call()
        count += 1
    return count / spent


class MujocoRenderer:
    """`mujoco.Renderer` as it comes, on the same scene under MuJoCo's default `visual` settings.

    In a process of its own: what our OpenGL asks of Mesa would slow it down.
    """

    def __init__(self, task: str, size: int):
        words = [sys.executable, "-m", "robodl.evaluation.bench_rendering", task, str(size)]
        own = {name: value for name, value in os.environ.items() if name != "LP_NUM_THREADS"}
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)

    def rate(self, seconds: float) -> float:
        """Images a second."""
        assert self.process.stdin and self.process.stdout
        print(seconds, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


def serve(task: str, size: int) -> None:
    """The other process: measure for as many seconds as each line of the input says."""
    import mujoco
    from mujoco.rendering.classic import gl_context as theirs

    from robodl_envs import make
    from robodl_envs.rendering.gl_context import platform_context_class

    theirs.GLContext = platform_context_class()  # EGL on Linux, whatever was chosen when mujoco was imported
    model = make(task).unwrapped.batch.model
    plain = mujoco.MjSpec().compile().vis.quality
    for name in ("shadowsize", "offsamples", "numslices", "numstacks", "numquads"):
        setattr(model.vis.quality, name, getattr(plain, name))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = mujoco.Renderer(model, size, size)

    def draw():
        renderer.update_scene(data)
        renderer.render()

    for line in sys.stdin:
        print(rate(draw, float(line)), flush=True)
    renderer.close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
