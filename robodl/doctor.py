"""Show what this machine can do: python -m robodl.doctor"""

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.options import option

REMEDIES = {
    "MUJOCO_GL": "unset MUJOCO_GL: it turns OpenGL off, which render() and renderer=gl need",
    "opengl": "apt-get install libegl1 libgl1-mesa-dri (Debian, Ubuntu), and pip install pyopengl if that is missing",
    "cuda": "a GPU is here and PyTorch does not see it: install a PyTorch with CUDA, see pytorch.org/get-started",
    "cores": "one core: training works, and takes its time",
}


@dataclass
class Options:
    """Versions, processor, GPU and OpenGL, the speed of each renderer, and how to install what is missing.

    Speeds are of env=reach: 64 rows, one 64x64 image a row and step; each renderer is measured for some seconds.
    """

    seconds: float = option(2.0, help="length of one measurement", more_than=0, at_most=60)
    output: str | None = option(help="file to write what was found to, as JSON")


def main() -> None:
    cli.guarded(lambda: examine(cli.parse(Options, sys.argv[1:], "robodl.doctor")))


def examine(options: Options) -> None:
    """Examine, measure, print."""
    from robodl.runs.provenance import provenance
    from robodl.runs.report import say

    cli.check_writable(options.output)
    found = provenance()
    machine = found["machine"]
    opengl, cuda = opengl_found(), cuda_found()
    print(f"robodl on {machine['system']}")
    say("Here", {name: str(version) for name, version in found["versions"].items()})
    say(
        "Machine",
        {"processor": f"{machine['cpu']}, {usable_cores()} cores", "CUDA": cuda["text"], "OpenGL": opengl["text"]},
    )

    print("\nSpeed, of 64 arms that reach")
    speeds = {}
    for name, settings in RENDERERS.items():
        if opengl["error"] and name in ("gl", "pretty"):
            continue
        speeds[name] = measured(name, settings, options.seconds)
        print(f"  {name:<13} {speeds[name]['text']}", flush=True)
    missing = remedies(opengl, cuda)
    if missing:
        say("To mend", {str(k + 1): line for k, line in enumerate(missing)})
    else:
        print("\nNothing is missing.")
    if options.output:
        content = {**found, "opengl": opengl, "cuda": cuda, "speeds": speeds, "remedies": missing}
        Path(options.output).write_text(json.dumps(content, indent=1) + "\n")


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def opengl_found() -> dict[str, Any]:
    """The OpenGL that draws here, or the reason why none does."""
    from robodl_envs import RenderingError, make_gl_context

    try:
        context = make_gl_context(64, 64, learning=True)
    except RenderingError as error:
        return {"error": str(error), "text": f"none: {error}; images are made by ray casting instead"}
    from OpenGL import GL

    context.make_current()
    driver, version = (GL.glGetString(name).decode() for name in (GL.GL_RENDERER, GL.GL_VERSION))
    context.free()
    return {"error": None, "driver": driver, "version": version, "text": f"{driver}, {version}"}


def cuda_found() -> dict[str, Any]:
    """The GPU that PyTorch trains on, and whether there is one that it does not see."""
    import torch

    present = Path("/proc/driver/nvidia/version").exists()
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        return {"available": True, "present": True, "text": f"{name}, CUDA {torch.version.cuda}"}
    why = "a driver is here, but PyTorch does not see a GPU" if present else "no GPU; training runs on the processor"
    return {"available": False, "present": present, "text": why}


RENDERERS: dict[str, dict[str, Any]] = {
    "physics": {},
    "ray": {"observation": "image", "renderer": "ray", "cameras": ["front"], "image_size": 64},
    "gl": {"observation": "image", "renderer": "gl", "cameras": ["front"], "image_size": 64},
    "pretty": {"render_mode": "rgb_array"},
}


def measured(name: str, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Environment steps/s with a renderer, and images/s of it alone."""
    import numpy as np

    from robodl_envs import make_vec

    num = 1 if name == "pretty" else 64
    envs: Any = make_vec("reach", num_envs=num, max_episode_steps=50, **settings)
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)

    def rate(call) -> float:
        call()
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds / 2:
            call()
            count += 1
        return num * count / (time.perf_counter() - began)

    if name == "pretty":
        images = rate(envs.render)
        result = {"images_per_s": images, "text": f"{images:,.0f} images/s of 480x480, of render()"}
    else:
        steps = rate(lambda: envs.step(action))
        result = {"steps_per_s": steps, "text": f"{steps:,.0f} environment steps/s"}
        if settings:
            cameras = envs.batch.cameras
            images = rate(lambda: cameras.capture(envs.batch.all, envs.batch.rng))
            text = f"{result['text']}, {images:,.0f} images/s of 64x64"
            result = {**result, "images_per_s": images, "text": text}
    envs.close()
    return result


def remedies(opengl: dict[str, Any], cuda: dict[str, Any]) -> list[str]:
    lines = []
    if opengl["error"]:
        lines.append(REMEDIES["MUJOCO_GL" if "MUJOCO_GL" in opengl["error"] else "opengl"])
    if cuda["present"] and not cuda["available"]:
        lines.append(REMEDIES["cuda"])
    if usable_cores() < 2:
        lines.append(REMEDIES["cores"])
    return lines


if __name__ == "__main__":
    main()
