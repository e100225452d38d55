"""How training uses a machine."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, numpy, torch
from gymnasium import spaces
from robodl.learning.torch_threads import use_cores
from robodl.vision.image_encoder import ImageEncoder
if sys.argv[1] == "kept":
    use_cores(1)
def fetched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
eyes = ImageEncoder({"wrist": spaces.Box(0, 255, (3, 64, 64), numpy.uint8)}, "keypoints")
for step in range(10):
    if step == 5:
        before = fetched()
    eyes({"wrist": torch.rand(256, 3, 64, 64)}).sum().backward()
print(fetched() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory of the GNU C library alone is kept")
def test_memory_of_tensors_is_kept():
    """Steps of learning from 256 pictures fetch few pages of 4 KiB, where the system would clear most of them anew."""
    pages = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("as it comes", "kept")
    }
    print(pages)
    assert pages["kept"] < 0.1 * pages["as it comes"]
