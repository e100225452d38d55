"""Long training leaks nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

MINUTES = 30
MORE_MEMORY = 16e6  # bytes that the last five minutes may have above the first five after the warm-up
IMAGES = ("observation=image", "cameras=[wrist]", "image_size=16", "reward=shaped")


def usage(process):
    """Resident memory in bytes, open files and threads of a process."""
    folder = Path("/proc") / str(process.pid)
    pages = int((folder / "statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_half_an_hour_of_training_leaks_nothing(tmp_path):
    """Memory, files and threads stay, with images, evaluations, checkpoints and TensorBoard all along."""
    often = ("total_timesteps=1_000_000_000", "num_envs=16", "eval_every=2048", "eval_episodes=5", "name=soak")
    command = [sys.executable, "-m", "robodl.train", "env=reach", *IMAGES, *often]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    found = []
    for _ in range(12 * MINUTES):
        time.sleep(5.0)
        assert process.poll() is None
        found.append(usage(process))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    memory, files, threads = np.transpose(found)
    five = 12 * 5
    grown = np.median(memory[-five:]) - np.median(memory[five : 2 * five])
    print(f"memory {memory[five] / 1e6:.0f} MB, {grown / 1e6:+.1f} MB in {MINUTES - 10} minutes")
    assert grown < MORE_MEMORY
    assert np.ptp(files[five:]) <= 2 and np.ptp(threads[five:]) == 0  # a checkpoint's file is open while it is written
