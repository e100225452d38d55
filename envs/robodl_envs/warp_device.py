"""Warp and MuJoCo Warp, imported so that they say nothing, and the device that they work on.

Imported where backend="warp" is asked for and nowhere else.
"""

import os
import sys
import warnings
from pathlib import Path

import torch
import warp

warp.config.log_level = warp.LOG_WARNING  # or it tells of each kernel that it loads
stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
os.dup2(nowhere, 2)  # its native part tells that there is no GPU, which `checked_device` does
try:
    warp.init()
finally:
    os.dup2(stderr, 2)
    os.close(stderr)
    os.close(nowhere)

import mujoco_warp  # noqa: E402

__all__ = ["checked_device", "mujoco_warp", "notify_compilation", "warp"]


def notify_compilation() -> None:
    """Say that a first run takes longer, where no kernel has been kept by an earlier one."""
    if not any(Path(str(warp.config.kernel_cache_dir)).glob("wp_mujoco_warp._src.solver*")):
        print("MuJoCo Warp compiles its kernels, for about a minute, and keeps them for later runs", file=sys.stderr)


def checked_device(name: str | None) -> str:
    """The name of a device that is there, by default a GPU's; ValueError if it is not."""
    if name is None:
        if torch.cuda.is_available():
            return f"cuda:{torch.cuda.current_device()}"
        warnings.warn("backend='warp' runs on the CPU here, slowly: there is no CUDA device", stacklevel=2)
        return "cpu"
    try:
        device = torch.device(name)
        device = torch.zeros(1, device=device).device  # with its number: Warp knows no "cuda"
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={name} can't be used: {str(error).splitlines()[0]}") from None
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be cpu or cuda for backend='warp', got {name}")
    return str(device)
