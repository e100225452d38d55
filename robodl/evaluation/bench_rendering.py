"""Speed of images, against `mujoco.Renderer` as it comes, in turns."""

import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

REPEATS = 5
ROWS = "renderer  threads  images/s  x Renderer  steps/s with it"


def bench_rendering(options) -> list[dict[str, Any]]:
    """Measure both renderers and print a table; returns its rows."""
    from robodl_envs import RenderingError, make_gl_context, make_vec

    num, size, cameras = options.num_envs[0], options.image_size, options.cameras
    settings: dict[str, Any] = {"robot": options.robot, "observation": options.observation, "threads": options.threads}
    settings |= {
        "cameras": cameras,
        "image_size": size,
        "max_episode_steps": 50,
        "num_envs": num,
        "timestep": options.timestep,
    }
    names = ["ray"]
    try:
        make_gl_context(8, 8, learning=True).free()
        names.append("gl")
    except RenderingError as error:
        print(f"no renderer=gl here: {error}")
    envs: dict[str, Any] = {name: make_vec(options.env, renderer=name, **settings) for name in names}
    for each in envs.values():
        each.reset(seed=0)
    print(f"{num} rows, {len(cameras)} images of {size}x{size} a row and step: {', '.join(cameras)}")
    print(ROWS)
    results: list[dict[str, Any]] = []
    action, seconds = envs["ray"].action_space.sample(), options.seconds / 2
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other_process:
        for name, each in envs.items():
            batch, rounds = each.batch, []
            for _ in range(REPEATS):
                images = num * len(cameras) * rate(seconds, batch.cameras.capture, batch.all, batch.rng)
                steps = num * rate(seconds, each.step, action)
                reference = math.nan
                if "gl" in names:
                    reference = other_process.submit(mujoco_renderer_rate, options.env, size, seconds).result()
                rounds.append((images, steps, reference, images / reference))
            images, steps, reference, ratio = (statistics.median(column) for column in zip(*rounds, strict=True))
            result = {"renderer": name, "num_envs": num, "cameras": cameras, "image_size": size}
            result |= {"threads": batch.threads, "images_per_s": images, "steps_per_s": steps}
            if "gl" in names:
                result |= {"mujoco_renderer_per_s": reference, "ratio": ratio}
            results.append(result)
            print(f"{name:<8}{batch.threads:>9}{images:>12,.0f}{ratio:>12.0f}{steps:>17,.0f}", flush=True)
            each.close()
    if "gl" in names:
        reference = statistics.median(result["mujoco_renderer_per_s"] for result in results)
        print(f"mujoco.Renderer as it comes: {reference:,.1f} images/s")
    return results


def rate(seconds: float, call: Callable, *arguments: Any) -> float:
    """Calls a second, after one that is not counted."""
    call(*arguments)
    began, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < seconds or not count:
        call(*arguments)
        count += 1
    return count / spent


def mujoco_renderer_rate(task: str, size: int, seconds: float) -> float:
    """Images a second of `mujoco.Renderer` as it comes, on the same scene under MuJoCo's default `visual` settings.

    To be called in a process of its own: what our OpenGL asks of Mesa would slow it down.
    """
    os.environ.pop("LP_NUM_THREADS", None)
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
    with mujoco.Renderer(model, size, size) as renderer:

        def draw():
            renderer.update_scene(data)
            renderer.render()

        return rate(seconds, draw)
