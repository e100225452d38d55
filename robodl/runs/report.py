"""The numbers of a run: result.json, and the words and progress on the terminal."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import numpy as np
from omegaconf import OmegaConf
from stable_baselines3.common.logger import Logger

from robodl.evaluation.rollout import Score
from robodl.evaluation.score_report import outcomes, score_facts, score_lines
from robodl.runs.provenance import save_numbers
from robodl.runs.run_folder import Run
from robodl.vec_env import channels_first
from robodl_envs import Policy

ACTING_ROWS = 128  # of a learnt policy's batch: few enough for one arm, many enough for hundreds


def algorithm(cfg) -> str:
    """A run's algorithm in words: "PPO", "PPO after imitation", or "imitation"."""
    name = cfg.algo["_target_"].rpartition(".")[2]
    if not cfg.algo.get("imitation_transitions"):
        return name
    return f"{name} after imitation" if cfg.total_timesteps else "imitation"


def acting(policy) -> Policy:
    """A learnt policy's deterministic actions as a function of observations.

    A row's action depends on that row alone, to the last bit: products of matrices round by their number of rows, so
    the network always gets ACTING_ROWS of them, of which the last repeats to fill up.
    """

    def act(observation: dict[str, np.ndarray]) -> np.ndarray:
        num = len(next(iter(observation.values())))
        ids = np.minimum(np.arange(-(-num // ACTING_ROWS) * ACTING_ROWS), num - 1).reshape(-1, ACTING_ROWS)
        blocks = [channels_first({key: value[rows] for key, value in observation.items()}) for rows in ids]
        return np.concatenate([policy.predict(block, deterministic=True)[0] for block in blocks])[:num]

    return act


def save_result(run: Run, cfg, score: Score, steps: int, train_seconds: float, curve: list[list[float]]) -> None:
    """Write result.json; curve: of each evaluation during training its steps, seconds and success rate."""
    content = {
        "env": cfg.env["task"],
        "robot": cfg.robot["name"],
        "algo": algorithm(cfg).lower(),
        "seed": cfg.seed,
        "total_timesteps": steps,
        "train_seconds": round(train_seconds, 2),
        **score_facts(score),
        "config": OmegaConf.to_container(cfg, resolve=True),
    }
    save_numbers(run.result, content, curve=curve, outcomes=outcomes(score))


def say(title: str, lines: dict[str, str]) -> None:
    """Print a title and a column of names and values, whole commands on a line, to be copied."""
    print(f"\n{title}")
    for name, value in lines.items():
        print(f"  {name:<13} {value}")


def say_start(run: Run, cfg, device) -> None:
    arms = f"{cfg.num_envs} {cfg.robot['name']} arms"
    print(
        f"{algorithm(cfg)} on {cfg.env['task']} with {arms}, {device}, seed {cfg.seed}: {near(run.folder)}", flush=True
    )


def say_interrupted(run: Run, cfg, saved: int) -> None:
    """saved: steps at the last checkpoint."""
    where = f"at {saved:,} steps" if saved or not cfg.algo.get("imitation_transitions") else "of its imitation"
    again = quote(f"resume={near(run.folder)}")
    print(f"\nstopped; the last checkpoint is {where}; python -m robodl.train {again}")


def say_result(run: Run, cfg, score: Score, steps: int, train_seconds: float, video: Path | str) -> None:
    best_step = json.loads(run.best.with_suffix(".json").read_text())["num_timesteps"]
    lines = score_lines(score)
    imitated = cfg.algo.get("imitation_transitions") or 0
    parts = [f"{imitated:,} transitions of imitation"] * bool(imitated) + [f"{steps:,} steps"] * bool(steps)
    lines["trained"] = f"{', '.join(parts)} in {train_seconds:.1f} s, start of the program and evaluations included"
    lines["policy"] = f"{near(run.best)}.safetensors, the best, of step {best_step:,}"
    lines["video"] = str(video)
    lines["curves"] = f"tensorboard --logdir {quote(near(run.tensorboard))}"
    lines["again"] = f"python -m robodl.evaluate {quote(f'run={near(run.folder)}')} episodes={score.episodes}"
    say(f"{cfg.env['task']}, {cfg.robot['name']}, seed {cfg.seed}", lines)


def near(path: Path) -> str:
    """A path as a user would type it: relative to the working directory where it lies below."""
    return os.path.relpath(path) if Path(path).is_absolute() and Path(path).is_relative_to(Path.cwd()) else str(path)


def counting(noun: str, total: int) -> Callable[[int], None]:
    """A function that shows a count as it grows, on a terminal alone, until it is the total."""

    def show(count: int) -> None:
        if sys.stdout.isatty():
            print(f"\r{count:,} / {total:,} {noun}" if count < total else "\r\033[K", end="", flush=True)

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
