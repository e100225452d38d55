"""A run's TensorBoard files: settings, images with saliency, episodes."""

from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import HParam, Logger, TensorBoardOutputFormat, configure

from robodl.evaluation.rollout import FIRST_SEED
from robodl.runs.report import acting, algorithm
from robodl.runs.run_folder import Run
from robodl.runs.video import add_gif, gif, render_video
from robodl.vision.image_views import saliency_overlays
from robodl_envs import RenderingError

GIF_SIZE = 128  # pixels


def open_logger(run: Run, cfg) -> Logger:
    """Open a logger that writes TensorBoard files only, the run's settings under HParams first."""
    logger = configure(str(run.tensorboard), ["tensorboard"])
    flat = {"algo": algorithm(cfg), "task": cfg.env["task"], "robot": cfg.robot["name"]}
    flat |= {key: cfg[key] for key in ("control", "reward", "seed", "num_envs", "total_timesteps")}
    flat |= {f"algo.{key}": value for key, value in cfg.algo.items() if isinstance(value, (int, float))}
    metrics = {"eval/success_rate": 0.0, "eval/distance_mm": 0.0}
    logger.record("hparams", HParam(flat, metrics), exclude=("stdout", "log", "json", "csv"))
    return logger


def writers(logger: Logger) -> list[Any]:
    """The SummaryWriters behind a logger."""
    return [output.writer for output in logger.output_formats if isinstance(output, TensorBoardOutputFormat)]


def log_saliency(policy, envs, seed: int, logger: Logger, step: int) -> None:
    """Write each image at an episode's start, with what the policy attends to, to TensorBoard."""
    observation, _ = envs.reset(seed=seed)
    for name, image in saliency_overlays(policy, observation).items():
        for writer in writers(logger):
            writer.add_image(f"saliency/{name}", image, step, dataformats="HWC")


def save_video(run: Run, cfg, policy, logger: Logger, step: int) -> Path | str:
    """Render the policy's episodes to an mp4 and the first into TensorBoard; where it is, or why there is none."""
    if not cfg.video_episodes:
        return "none asked for"
    path = run.video(cfg.env["task"])
    try:
        episodes, fps = render_video(acting(policy), cfg, cfg.video_episodes, FIRST_SEED + cfg.seed, path)
    except RenderingError as error:
        return f"none: {error}"
    moving = gif(episodes[0], GIF_SIZE, fps)
    for writer in writers(logger):
        add_gif(writer, "eval/episode", moving, step)
    return path
