"""What a run tells: TensorBoard, result.json, the video, and the words on the terminal."""

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from stable_baselines3.common.logger import HParam, Logger, TensorBoardOutputFormat, configure

from robodl.evaluation.rollout import FIRST_SEED, Score
from robodl.runs.atomic_write import replacing
from robodl.runs.provenance import provenance
from robodl.runs.run_folder import Run
from robodl.learning.vec_env import channels_first, make_envs
from robodl.runs.video import add_gif, gif, record_episodes, write_video
from robodl.vision.saliency import saliency_overlays
from robodl_envs import Policy, RenderingError

GIF_SIZE = 128  # pixels


def open_logger(run: Run, cfg) -> Logger:
    """A logger that writes TensorBoard files only, the run's settings under HParams first."""
    logger = configure(str(run.tensorboard), ["tensorboard"])
    flat = {"algo": algorithm(cfg), "task": cfg.env["task"], "robot": cfg.robot["name"]}
    flat |= {key: cfg[key] for key in ("control", "reward", "seed", "num_envs", "total_timesteps")}
    flat |= {f"algo.{key}": value for key, value in cfg.algo.items() if isinstance(value, (int, float))}
    metrics = {"eval/success_rate": 0.0, "eval/distance_mm": 0.0}
    logger.record("hparams", HParam(flat, metrics), exclude=("stdout", "log", "json", "csv"))
    return logger


def algorithm(cfg) -> str:
    """What a run learns by, in words: "PPO", or "PPO after a clone"."""
    name = cfg.algo["_target_"].rpartition(".")[2]
    return f"{name} after a clone" if cfg.algo.get("clone") else name


def acting(policy) -> Policy:
    """A policy's deterministic actions as a function of observations."""
    return lambda observation: policy.predict(channels_first(observation), deterministic=True)[0]


def save_video(run: Run, cfg, policy, logger: Logger, step: int) -> Path | str:
    """Render the policy's episodes to an mp4 and the first into TensorBoard; where it is, or why there is none."""
    if not cfg.video_episodes:
        return "none asked for"
    path = run.video(cfg.env["task"])
    try:
        episodes, fps = render(acting(policy), cfg, cfg.video_episodes, FIRST_SEED + cfg.seed, path)
    except RenderingError as error:
        return f"none: {error}"
    moving = gif(episodes[0], GIF_SIZE, fps)
    for writer in writers(logger):
        add_gif(writer, "eval/episode", moving, step)
    return path


def writers(logger: Logger) -> list[Any]:
    """The SummaryWriters behind a logger."""
    return [output.writer for output in logger.output_formats if isinstance(output, TensorBoardOutputFormat)]


def show_eyes(policy, envs, seed: int, logger: Logger, step: int) -> None:
    """What each camera sees at an episode's start, and what of it the policy attends to, into TensorBoard."""
    observation, _ = envs.reset(seed=seed)
    for name, picture in saliency_overlays(policy, observation).items():
        for writer in writers(logger):
            writer.add_image(f"eyes/{name}", picture, step, dataformats="HWC")


def render(policy: Policy, cfg, episodes: int, seed: int, path: Path) -> tuple[list[list[np.ndarray]], int]:
    """Write episodes to a video; returns their frames and the frame rate.

    Raises:
        RenderingError: nothing can be drawn here.
    """
    envs = make_envs(cfg, 1, autoreset_mode="Disabled", render_mode="rgb_array")
    fps = envs.metadata["render_fps"]
    try:
        films = record_episodes(policy, envs, episodes, seed, counting("frames"))
    finally:
        envs.close()
    write_video(path, list(itertools.chain(*films)), fps)
    return films, fps


def counting(noun: str):
    """Progress for what takes seconds: a number on the terminal that counts up, and nothing elsewhere."""

    def show(count: int) -> None:
        if sys.stdout.isatty():
            print(f"\r{count} {noun}", end="", flush=True)

    return show


class Imitating:
    """Progress of a clone: a line now and then, and its loss in TensorBoard."""

    EVERY = 5.0  # s, at least, between lines

    def __init__(self, total: int, logger: Logger, last: float = 1.0):
        """last: how many times as long as in other rounds it learns in the last."""
        self.total, self.logger, self.last = total, logger, last
        self.began = self.told = self.acted = time.monotonic()
        self.first: int | None = None  # transitions where it began: more than none where it goes on
        self.loss, self.left = "", ""

    def __call__(self, count: int, loss: float | None, learnt: float) -> None:
        now = time.monotonic()
        self.first = count if self.first is None else self.first
        if loss is not None:
            self.logger.record("clone/loss", loss)
            self.logger.record("clone/transitions", count)
            self.logger.dump(count)
            self.loss = f"  loss {loss:.4f}"
            # A round takes its time to act, and its time to learn: all are alike but for the last.
            more = (self.last - 1.0) * (now - self.acted) if count < self.total else 0.0
            self.tell_left((now - self.began) * max(self.total - count, 0) / (count - self.first) + more)
            self.acted = now
        elif not learnt:
            self.acted = now
        elif count >= self.total:
            self.tell_left((now - self.acted) * (1.0 - learnt) / learnt)
        if now - self.told >= self.EVERY or (loss is not None and count >= self.total):
            self.told = now
            what = f"  learning {learnt:4.0%}" if loss is None and learnt else ""
            print(f"{count:>10,} / {self.total:,} transitions{self.loss}{self.left}{what}", flush=True)

    def tell_left(self, seconds: float) -> None:
        self.left = f"  {seconds:.0f} s left"


def save_result(run: Run, cfg, score: Score, steps: int, train_seconds: float) -> None:
    content: dict[str, Any] = {
        "env": cfg.env["task"],
        "robot": cfg.robot["name"],
        "algo": algorithm(cfg).lower(),
        "seed": cfg.seed,
        "total_timesteps": steps,
        "train_seconds": round(train_seconds, 2),
        **score_facts(score),
        **provenance(),
        "config": OmegaConf.to_container(cfg, resolve=True),
    }
    with replacing(run.result) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


def score_facts(score: Score) -> dict[str, Any]:
    """A score's numbers under the names of result.json."""
    low, high = score.interval
    steps, most = score.steps_to_success or (None, None)
    return {
        "success_rate": score.success_rate,
        "success_low": round(low, 4),
        "success_high": round(high, 4),
        "success_once": float(score.success_once.mean()),
        "steps_to_success": None if steps is None else round(steps, 2),
        "steps_to_success_95": most,
        "return": round(float(score.returns.mean()), 4),
        "episodes": score.episodes,
        "diverged": score.diverged,
        **{key: round(value, 5) for key, value in score.reported_metrics.items()},
        **{f"{key}_low": round(low, 5) for key, (low, _) in score.intervals.items()},
        **{f"{key}_high": round(high, 5) for key, (_, high) in score.intervals.items()},
    }


def score_lines(score: Score) -> dict[str, str]:
    """A score in words, by what they are about."""
    low, high = score.interval
    lines = {
        "success_rate": f"{score.success_rate:.1%} of {score.episodes} fresh episodes"
        f" (95 % interval {low:.1%} to {high:.1%})",
    }
    for key, value in score.metrics.items():
        interval = " (95 % interval {:.4g} to {:.4g})".format(*score.intervals[key]) if key in score.intervals else ""
        lines[key] = f"{value:.4g}{interval}"
    if not score.metrics:
        lines["distance"] = f"{1e3 * score.distance.mean():.1f} mm from the goal at the end, on average"
    if score.diverged:
        lines["diverged"] = f"{score.diverged} episodes"
    return lines


def say(title: str, lines: dict[str, str]) -> None:
    """Print a title and a column of names and values, whole commands on a line, to be copied."""
    print(f"\n{title}")
    for name, value in lines.items():
        print(f"  {name:<13} {value}")


def say_start(run: Run, cfg, device) -> None:
    arms = f"{cfg.num_envs} {cfg.robot['name']} arms"
    print(f"{algorithm(cfg)} on {cfg.env['task']} with {arms}, {device}, seed {cfg.seed}: {near(run.folder)}")


def say_interrupted(run: Run, saved: int) -> None:
    """saved: steps at the last checkpoint; 0 where it is of a clone, before the first step."""
    if run.last.with_suffix(".npz").is_file():
        where = f"at {saved:,} steps" if saved else "of its clone"
        print(f"\nstopped; the last checkpoint is {where}; python -m robodl.train resume={near(run.folder)}")
    else:
        print(f"\nstopped before the first checkpoint: {near(run.folder)}")


def say_result(run: Run, cfg, score: Score, steps: int, train_seconds: float, video: Path | str) -> None:
    lines = score_lines(score)
    lines["trained"] = f"{steps:,} steps in {train_seconds:.1f} s, start of the program and evaluations included"
    lines["policy"] = f"{near(run.best)}.safetensors, the best, of step {run.best_step():,}"
    lines["video"] = str(video)
    lines["curves"] = f"tensorboard --logdir {near(run.tensorboard)}"
    lines["again"] = f"python -m robodl.evaluate run={near(run.folder)} episodes={score.episodes}"
    say(f"{cfg.env['task']}, {cfg.robot['name']}, seed {cfg.seed}", lines)


def near(path: Path) -> str:
    """A path as a user would type it: relative to the working directory where it lies below."""
    return os.path.relpath(path) if Path(path).is_absolute() and Path(path).is_relative_to(Path.cwd()) else str(path)
