"""Progress of training on the terminal."""

import sys
import time

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback

from robodl.learning.checkpoints import Checkpoints


class LiveProgress(BaseCallback):
    """A progress bar on a terminal; elsewhere a line after each evaluation.

    Args:
        checkpoints: whose evaluations are shown.
        total: steps of the whole run.
    """

    def __init__(self, checkpoints: Checkpoints, total: int):
        super().__init__()
        self.checkpoints, self.total = checkpoints, total
        self.bar: Progress | None = None
        # Speed is measured since the last evaluation: what went before, such as SAC's warm-up, was faster or slower.
        self.shown_evaluation = -1  # step count of the evaluation that was shown last
        self.start_time, self.start_step = time.monotonic(), 0

    def _on_training_start(self) -> None:
        self.start_time, self.start_step = time.monotonic(), self.num_timesteps
        if sys.stdout.isatty():
            columns = (
                TextColumn("{task.completed:>9,} / {task.total:,} steps"),
                BarColumn(),
                TextColumn("success {task.fields[success]}"),
                TextColumn("{task.fields[speed]:>7,.0f} steps/s"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=Console())
            self.task = self.bar.add_task("", total=self.total, success="  -  ", speed=0.0)
            self.bar.start()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        """Update the bar, or print a line if there is a new evaluation."""
        done, success_rate = self.num_timesteps, self.checkpoints.success_rate
        speed = (done - self.start_step) / max(time.monotonic() - self.start_time, 1e-9)
        is_new = self.checkpoints.last_evaluation > self.shown_evaluation
        if self.bar is not None:
            success = "  -  " if np.isnan(success_rate) else f"{success_rate:5.1%}"
            self.bar.update(self.task, completed=done, success=success, speed=speed)
        elif is_new and not np.isnan(success_rate):
            seconds_left = max(self.total - done, 0) / max(speed, 1e-9)
            pace = f"  {speed:,.0f} steps/s  {seconds_left:.0f} s left" if done > self.start_step else ""
            print(f"{done:>10,} / {self.total:,} steps  success {success_rate:5.1%}{pace}", flush=True)
        if is_new:
            self.shown_evaluation = self.checkpoints.last_evaluation
            self.start_time, self.start_step = time.monotonic(), done

    def stop(self) -> None:
        """Show the last state and release the terminal."""
        self._on_rollout_start()
        if self.bar is not None:
            self.bar.stop()
