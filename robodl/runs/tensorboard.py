"""A run's TensorBoard files: settings, images with saliency, an episode; and its video."""

import io
from pathlib import Path
from typing import Any

from PIL import Image
from stable_baselines3.common.logger import HParam, Logger, TensorBoardOutputFormat, configure
from tensorboard.compat.proto.summary_pb2 import Summary

from robodl.evaluation.rollout import FIRST_SEED
from robodl.runs.report import acting, algorithm
from robodl.runs.run_folder import Run
from robodl.runs.videos import films, gif, write_video
from robodl.vision.image_views import saliency_overlays
from robodl_envs import RenderingError

GIF_SIZE = 240  # pixels, at which its heading can be read


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
    path = Path("videos") / cfg.env["task"] / run.folder.resolve().name / "policy.mp4"
    seeds = range(FIRST_SEED + cfg.seed, FIRST_SEED + cfg.seed + cfg.video_episodes)
    try:
        episodes = list(films(lambda envs: acting(policy), cfg, seeds))
    except RenderingError as error:
        return f"none: {error}"
    fps = episodes[0].fps
    write_video(path, [frame for film in episodes for frame in film.frames], fps)
    content = gif(episodes[0].frames, GIF_SIZE, fps)
    width, height = Image.open(io.BytesIO(content)).size
    image = Summary.Image(encoded_image_string=content, height=height, width=width, colorspace=3)
    for writer in writers(logger):
        writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="eval/episode", image=image)]), step)
    return path
