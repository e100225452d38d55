"""Progress on the terminal of what takes seconds or minutes."""

import sys
import time
from collections.abc import Callable

from stable_baselines3.common.logger import Logger


def counting(noun: str) -> Callable[[int], None]:
    """A function that shows a count as it grows, on a terminal alone."""

    def show(count: int) -> None:
        if sys.stdout.isatty():
            print(f"\r{count} {noun}", end="", flush=True)

    return show


class ImitationProgress:
    """Progress of imitation: a line now and then, and its loss in TensorBoard."""

    EVERY = 5.0  # s, at least, between lines

    def __init__(self, total: int, logger: Logger, last_share: float = 1.0):
        """last_share: how many times as long as other rounds the last one learns."""
        self.total, self.logger, self.last_share = total, logger, last_share
        self.began = self.printed = self.acted = time.monotonic()
        self.first: int | None = None  # transitions at the start: more than none in a resumed run
        self.loss, self.left = "", ""

    def __call__(self, count: int, loss: float | None, learnt: float) -> None:
        now = time.monotonic()
        self.first = count if self.first is None else self.first
        if loss is not None:
            self.logger.record("imitation/loss", loss)
            self.logger.record("imitation/transitions", count)
            self.logger.dump(count)
            # All rounds take as long to act and to learn, but for the last.
            more = (self.last_share - 1.0) * (now - self.acted) if count < self.total else 0.0
            left = (now - self.began) * max(self.total - count, 0) / (count - self.first) + more
            self.loss, self.left = f"  loss {loss:.4f}", f"  {left:.0f} s left"
        elif learnt and count >= self.total:
            self.left = f"  {(now - self.acted) * (1.0 - learnt) / learnt:.0f} s left"
        if loss is not None or not learnt:
            self.acted = now
        if now - self.printed >= self.EVERY or (loss is not None and count >= self.total):
            self.printed = now
            what = f"  learning {learnt:4.0%}" if loss is None and learnt else ""
            print(f"{count:>10,} / {self.total:,} transitions{self.loss}{self.left}{what}", flush=True)
