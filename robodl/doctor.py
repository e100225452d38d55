"""Show what this machine can do: python -m robodl.doctor"""

import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import cli
from robodl.config import OUTPUT
from robodl.options import option

IMAGES = {"observation": "image", "cameras": ["front"], "image_size": 64}
RENDERERS: dict[str, dict[str, Any]] = {
    "physics": {},
    "ray": {**IMAGES, "renderer": "ray"},
    "gl": {**IMAGES, "renderer": "gl"},
    "pretty": {"render_mode": "rgb_array"},
}
UNITS = {
    "steps_per_s": "environment steps/s",
    "images_per_s": "images/s of 64x64",
    "renders_per_s": "images/s of 480x480, of render()",
}


@dataclass
class Options:
    """Versions, processor, GPU and OpenGL, the speed of each renderer, and how to install what is missing.

    Speeds are of env=reach: 64 rows, one 64x64 image a row and step; each renderer is measured for some seconds.
    """

    seconds: float = option(2.0, help="length of one measurement", more_than=0, at_most=60)
    output: str | None = option(**OUTPUT)


def main() -> None:
    cli.guarded(lambda: examine(cli.parse(Options, sys.argv[1:], "robodl.doctor")))


def examine(options: Options) -> None:
    """Examine, measure, print."""
    from robodl.runs.provenance import provenance, save_numbers
    from robodl.runs.report import say
    from robodl_envs import available_cores

    cli.check_writable(options.output)
    found = provenance()
    machine, cores = found["machine"], available_cores()
    opengl, opengl_remedy = opengl_found()
    cuda, cuda_remedy = cuda_found()
    warp, warp_remedy = warp_found()
    print(f"robodl on {machine['system']}")
    say("Here", {name: str(version) for name, version in found["versions"].items()})
    say("Machine", {"processor": f"{machine['cpu']}, {cores} cores", "CUDA": cuda, "Warp": warp, "OpenGL": opengl})

    print("\nSpeed, of 64 arms that reach")
    speeds = {}
    for name, settings in RENDERERS.items():
        if opengl_remedy and name in ("gl", "pretty"):
            continue
        speeds[name] = measured(name, settings, options.seconds / 2)
        texts = [f"{speed:,.0f} {UNITS[kind]}" for kind, speed in speeds[name].items()]
        print(f"  {name:<13} {', '.join(texts)}", flush=True)
    slow = "one core: training works, and takes its time" if cores < 2 else None
    remedies = [remedy for remedy in (opengl_remedy, cuda_remedy, warp_remedy, slow) if remedy]
    if remedies:
        say("To mend", {str(k): line for k, line in enumerate(remedies, start=1)})
    else:
        print("\nNothing is missing.")
    if options.output:
        save_numbers(
            options.output, {"opengl": opengl, "cuda": cuda, "warp": warp, "speeds": speeds, "remedies": remedies}
        )


def opengl_found() -> tuple[str, str | None]:
    """The OpenGL that draws here, or the reason why none does and a remedy."""
    from robodl_envs import RenderingError, make_gl_context

    try:
        context = make_gl_context(64, 64, learning=True)
    except RenderingError as error:
        remedy = "apt-get install libegl1 libgl1-mesa-dri (Debian, Ubuntu), and pip install pyopengl if that is missing"
        if "MUJOCO_GL" in str(error):
            remedy = "unset MUJOCO_GL: it turns OpenGL off, which render() and renderer=gl need"
        return f"none: {error}; images are made by ray casting instead", remedy
    from OpenGL import GL

    context.make_current()
    driver, version = (GL.glGetString(name).decode() for name in (GL.GL_RENDERER, GL.GL_VERSION))
    context.free()
    return f"{driver}, {version}", None


def cuda_found() -> tuple[str, str | None]:
    """The GPU that PyTorch trains on, and a remedy if there is one that it does not see."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}", None
    if not Path("/proc/driver/nvidia/version").exists():
        return "no GPU; training runs on the processor", None
    remedy = "a GPU is here and PyTorch does not see it: install a PyTorch with CUDA, see pytorch.org/get-started"
    return "a driver is here, but PyTorch does not see a GPU", remedy


def warp_found() -> tuple[str, str | None]:
    """The MuJoCo Warp of backend=warp, and a remedy if there is a GPU for it and it is missing."""
    import torch

    has_gpu = torch.cuda.is_available()
    try:
        version = importlib.metadata.version("mujoco-warp")
    except importlib.metadata.PackageNotFoundError:
        remedy = "pip install -e '.[warp]': backend=warp simulates thousands of arms on the GPU"
        return "not installed; it simulates on a GPU", remedy if has_gpu else None
    return f"MuJoCo Warp {version}, on {'the GPU' if has_gpu else 'the processor, slowly'}", None


def measured(name: str, settings: dict[str, Any], seconds: float) -> dict[str, float]:
    """Environment steps/s with a renderer, and images/s of it alone."""
    from robodl.evaluation.bench_rendering import rate
    from robodl_envs import make_vec

    num = 1 if name == "pretty" else 64
    envs: Any = make_vec("reach", num_envs=num, max_episode_steps=50, **settings)
    envs.reset(seed=0)
    action, batch = 0.0 * envs.action_space.sample(), envs.batch
    if name == "pretty":
        result = {"renders_per_s": rate(seconds, envs.render)}
    else:
        result = {"steps_per_s": num * rate(seconds, envs.step, action)}
    if name in ("ray", "gl"):
        result["images_per_s"] = num * rate(seconds, batch.cameras.capture, batch.all, batch.rng)
    envs.close()
    return result


if __name__ == "__main__":
    main()
