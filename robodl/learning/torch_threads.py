"""How PyTorch uses a processor and its memory."""

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
KEPT = 2**30  # bytes, free or in one piece, beyond which memory goes back to the system


def use_cores(threads: int) -> None:
    """Have PyTorch compute with that many threads and, where the C library is GNU's, keep memory that tensors leave.

    As it comes, that library fetches memory from the system for each large tensor and gives it back: its pages are
    cleared anew each time, which took a quarter of the time of learning from 256 pictures.
    """
    torch.set_num_threads(threads)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, KEPT)
            mallopt(M_TRIM_THRESHOLD, KEPT)
