"""A run's TensorBoard files (settings, images with saliency, an episode) and its videos."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from stable_baselines3.common.logger import HParam, Logger, TensorBoardOutputFormat, configure
from tensorboard.compat.proto.summary_pb2 import Summary

from robodl.evaluation.captions import caption
from robodl.evaluation.rollout import FIRST_SEED
from robodl.runs.report import acting, algorithm, counting
from robodl.runs.run_folder import Run
from robodl.vec_env import make_envs
from robodl.vision.image_views import beside, captioned, color_images, saliency_overlays
from robodl_envs import Policy, RenderingError

GIF_SIZE = 128  # pixels
LAST_FRAME_REPEATS = 10  # frames that an episode's last frame stays


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
    try:
        episodes, fps = render_video(lambda envs: acting(policy), cfg, cfg.video_episodes, FIRST_SEED + cfg.seed, path)
    except RenderingError as error:
        return f"none: {error}"
    content = gif(episodes[0], GIF_SIZE, fps)
    width, height = Image.open(io.BytesIO(content)).size
    image = Summary.Image(encoded_image_string=content, height=height, width=width, colorspace=3)
    for writer in writers(logger):
        writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="eval/episode", image=image)]), step)
    return path


def render_video(
    policy_in: Callable[[Any], Policy], cfg, episodes: int, seed: int, path: Path
) -> tuple[list[list[np.ndarray]], int]:
    """Write episodes of seed, seed + 1, ... to a video; returns their frames, (H, W, 3) uint8, and the frame rate.

    Images of the observation stand to the right of `render()`'s, the caption of the policy's output below.

    Args:
        policy_in: gives the policy that acts in environments.

    Raises:
        RenderingError: nothing can be drawn here.
    """
    envs = make_envs(cfg, 1, autoreset_mode="Disabled", render_mode="rgb_array")
    policy = policy_in(envs)
    fps, show = envs.metadata["render_fps"], counting("frames")
    films: list[list[np.ndarray]] = []
    try:
        for k in range(episodes):
            observation, _ = envs.reset(seed=seed + k)
            frames = [video_frame(envs, observation)]
            ended = False
            while not ended:
                observation, _, terminated, truncated, _ = envs.step(policy(observation))
                frames.append(video_frame(envs, observation))
                ended = bool(terminated[0] or truncated[0])
                show(sum(map(len, films)) + len(frames))
            films.append(frames + [frames[-1]] * LAST_FRAME_REPEATS)
    finally:
        envs.close()
    write_video(path, [frame for film in films for frame in film], fps)
    return films, fps


def video_frame(envs: Any, observation: dict[str, np.ndarray]) -> np.ndarray:
    return captioned(beside(envs.render()[0], color_images(observation)), caption(envs.unwrapped, 0))


def write_video(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    """Write frames as a file of the path's kind: .mp4, H.264 that browsers play; or .gif, small enough for a README."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gif":
        path.write_bytes(gif(frames, size=240, fps=fps, most=100))
        return
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "23"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def gif(frames: Sequence[np.ndarray], size: int, fps: int, most: int = 64) -> bytes:
    """Frames as an animated GIF, size pixels high, of at most `most` frames, which TensorBoard plays."""
    every = -(-len(frames) // most)
    width = round(size * frames[0].shape[1] / frames[0].shape[0])
    # Of the palette methods the one that keeps a small goal its colour.
    images = [
        Image.fromarray(frame).resize((width, size)).quantize(128, Image.Quantize.MAXCOVERAGE)
        for frame in frames[::every]
    ]
    out = io.BytesIO()
    duration = round(1000 * every / fps)  # ms
    images[0].save(out, format="GIF", save_all=True, append_images=images[1:], duration=duration, loop=0)
    return out.getvalue()
