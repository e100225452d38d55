"""Functions run in a forked child, which a test never waits for in vain."""

import os
import select
import signal
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def in_forked_child(function: Callable[[], bytes], seconds: float = 60) -> bytes:
    """The bytes, at most 64 KiB, that a function returns in a forked child; none if it raises or hangs."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(send, function())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        if not select.select([pipe], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        received = pipe.read()
    os.waitpid(child, 0)
    return received
