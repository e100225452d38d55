"""Videos of episodes for people, each frame with its episode's number and seed, the last ones with its outcome."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image

from robodl.evaluation.captions import caption
from robodl.runs.report import counting
from robodl.vec_env import make_envs
from robodl.vision.image_views import beside, captioned, color_images
from robodl_envs import Policy

LAST_FRAME_SECONDS = 1.0  # that an episode's last frame stays, with its outcome
SUCCESS_SECONDS = 0.8  # of success that are shown before the last frame
MAX_FAILURE_VIDEOS = 10


class Film(NamedTuple):
    """An episode: whether it ended in success, its frames, (H, W, 3) uint8 each, and their rate."""

    success: bool
    frames: list[np.ndarray]
    fps: int


def films(policy_in: Callable[[Any], Policy], cfg, seeds: Sequence[int], noun: str = "episode") -> Iterator[Film]:
    """Film the episodes of these seeds.

    Images of the observation stand to the right of `render()`'s, the caption of the policy's output below. An episode
    that ends in success is cut SUCCESS_SECONDS after that began, unless its task has metrics, which need all of it.

    Args:
        policy_in: gives the policy that acts in environments.
        noun: what an episode is called in its heading.

    Raises:
        RenderingError: nothing can be drawn here.
    """
    envs: Any = make_envs(cfg, 1, autoreset_mode="Disabled", render_mode="rgb_array")
    policy, fps, limit = policy_in(envs), envs.metadata["render_fps"], envs.unwrapped.max_episode_steps
    show = counting("frames", limit * len(seeds))
    try:
        for k, seed in enumerate(seeds):
            heading = f"{noun} {k + 1} of {len(seeds)}, seed {seed}"
            observation, info = envs.reset(seed=seed)
            frames, ended, success_steps = [video_frame(envs, observation, heading)], False, 0
            while not ended:
                observation, _, terminated, truncated, info = envs.step(policy(observation))
                frames.append(video_frame(envs, observation, heading))
                ended = bool(terminated[0] or truncated[0])
                success_steps = success_steps + 1 if info["is_success"][0] else 0
                show(limit * k + len(frames) - 1)
            success = bool(info["success_at_end"][0])
            if success and not envs.unwrapped.metrics():
                frames = frames[: len(frames) - max(0, success_steps - round(SUCCESS_SECONDS * fps))]
            last = outcome_frame(frames[-1], success)
            yield Film(success, [*frames, *[last] * round(LAST_FRAME_SECONDS * fps)], fps)
            show(limit * (k + 1))
    finally:
        envs.close()


def video_frame(envs: Any, observation: dict[str, np.ndarray], heading: str) -> np.ndarray:
    image = captioned(beside(envs.render()[0], color_images(observation)), caption(envs.unwrapped, 0))
    return captioned(image, heading, line=0)


def outcome_frame(frame: np.ndarray, success: bool) -> np.ndarray:
    """A frame with its episode's outcome below the heading."""
    word, color = ("success", (24, 120, 60)) if success else ("failure", (170, 40, 30))
    return captioned(frame, word, line=1, color=color)


def save_failures(policy_in: Callable[[Any], Policy], cfg, seeds: Sequence[int], folder: Path) -> int:
    """Write a video, seed_<seed>.mp4, of each of these failures but for those beyond MAX_FAILURE_VIDEOS.

    Returns:
        The number of videos.
    """
    shown = seeds[:MAX_FAILURE_VIDEOS]
    for seed, film in zip(shown, films(policy_in, cfg, shown, "failed episode"), strict=True):
        write_video(folder / f"seed_{seed}.mp4", film.frames, film.fps)
    return len(shown)


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
