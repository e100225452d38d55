"""Memory of PyTorch."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, numpy, torch
from gymnasium import spaces
from robodl.learning.build import set_torch_threads
from robodl.vision.image_encoder import ImageEncoder
if sys.argv[1] == "reused":
    set_torch_threads(1)
def mapped():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
encoder = ImageEncoder({"wrist": spaces.Box(0, 255, (3, 64, 64), numpy.uint8)}, "keypoints")
for step in range(10):
    if step == 5:
        before = mapped()
    encoder({"wrist": torch.rand(256, 3, 64, 64)}).sum().backward()
print(mapped() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is told to reuse memory")
def test_memory_of_tensors_is_reused():
    """Steps of learning from 256 images map few new pages of 4 KiB, a fifth of those by default."""
    pages = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("by default", "reused")
    }
    assert pages["reused"] < 0.2 * pages["by default"]
