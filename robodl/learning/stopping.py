"""SIGINT and SIGTERM during a run: it stops at its next checkpoint, or within seconds where that is far."""

import signal
import threading
from types import FrameType
from typing import Any

GRACE = 3.0  # s, for the rollout to end that is going on


class Stopping:
    """A context in which the first of these signals asks for a stop; after GRACE, or at a second one, it interrupts.

    What it interrupts with is KeyboardInterrupt(number of the signal).
    """

    def __init__(self) -> None:
        self.signal: int | None = None  # the first that came
        self.earlier: dict[int, Any] = {}

    def __enter__(self) -> "Stopping":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.earlier[number] = signal.signal(number, self.ask)
        return self

    def __exit__(self, *error: object) -> None:
        if hasattr(signal, "setitimer") and self.earlier:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        for number, handler in self.earlier.items():
            signal.signal(number, handler)

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.signal is not None or not hasattr(signal, "setitimer"):
            self.interrupt()
        self.signal = number
        signal.signal(signal.SIGALRM, self.interrupt)
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    def interrupt(self, *_: object) -> None:
        raise KeyboardInterrupt(self.signal or signal.SIGINT)
