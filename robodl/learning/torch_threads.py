"""PyTorch's threads, and the memory of its tensors."""

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
FREE_MEMORY_LIMIT = 2**30  # bytes that malloc keeps free, and the size from which it maps memory


def set_torch_threads(threads: int) -> None:
    """Let PyTorch compute with so many threads and, with the GNU C library, reuse the memory of freed tensors.

    By default that library maps new memory for each large tensor and unmaps it afterwards. The kernel clears these
    pages each time, which took a quarter of the time of learning from 256 images.
    """
    torch.set_num_threads(threads)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, FREE_MEMORY_LIMIT)
            mallopt(M_TRIM_THRESHOLD, FREE_MEMORY_LIMIT)
