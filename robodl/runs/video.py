"""Videos of episodes: mp4 files that browsers play, and small GIFs for TensorBoard's Images tab."""

import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from robodl.evaluation.captions import caption
from robodl.runs.progress import counting
from robodl.vec_env import make_envs
from robodl.vision.image_views import beside, captioned, color_images
from robodl_envs import Policy

LAST_FRAME_REPEATS = 10  # frames that an episode's last frame stays


def render_video(policy: Policy, cfg, episodes: int, seed: int, path: Path) -> tuple[list[list[np.ndarray]], int]:
    """Write episodes of a configuration's environment to a video; returns their frames and the frame rate.

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


def record_episodes(
    policy: Policy,
    envs: gymnasium.vector.VectorEnv,
    episodes: int,
    seed: int,
    progress: Callable[[int], object] = int,
) -> list[list[np.ndarray]]:
    """Frames, (H, W, 3) uint8, of the episodes of seed, seed + 1, ...; envs has one row and render_mode rgb_array.

    Images of the observation stand to the right of `render()`'s, the caption of the policy's output below.
    """
    films: list[list[np.ndarray]] = []
    for k in range(episodes):
        observation, _ = envs.reset(seed=seed + k)
        frames = [video_frame(envs, observation)]
        ended = False
        while not ended:
            observation, _, terminated, truncated, _ = envs.step(policy(observation))
            frames.append(video_frame(envs, observation))
            ended = bool(terminated[0] or truncated[0])
            progress(sum(len(film) for film in films) + len(frames))
        films.append(frames + [frames[-1]] * LAST_FRAME_REPEATS)
    return films


def video_frame(envs: gymnasium.vector.VectorEnv, observation: dict[str, np.ndarray]) -> np.ndarray:
    pretty: Any = envs.render()
    return captioned(beside(pretty[0], color_images(observation)), caption(envs.unwrapped, 0))


def write_video(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    """Write frames as a file of the path's kind: .mp4, H.264 that browsers play; or .gif, small enough for a README."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gif":
        path.write_bytes(gif(frames, size=240, fps=fps, most=100))
    else:
        write_mp4(path, frames, fps)


def write_mp4(path: Path, frames: Sequence[np.ndarray], fps: int) -> None:
    import av

    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def gif(frames: Sequence[np.ndarray], size: int, fps: int, most: int = 64) -> bytes:
    """Frames as an animated GIF, size pixels high, of at most `most` frames, which TensorBoard plays."""
    from PIL import Image

    every = -(-len(frames) // most)
    width = round(size * frames[0].shape[1] / frames[0].shape[0])
    # Of the palette methods the one that keeps a small goal its colour.
    images = [
        Image.fromarray(frame).resize((width, size)).quantize(128, Image.Quantize.MAXCOVERAGE)
        for frame in frames[::every]
    ]
    out = io.BytesIO()
    images[0].save(
        out, format="GIF", save_all=True, append_images=images[1:], duration=round(1000 * every / fps), loop=0
    )
    return out.getvalue()


def add_gif(writer, tag: str, content: bytes, step: int) -> None:
    """Put an encoded GIF into TensorBoard's Images tab; writer is a torch SummaryWriter."""
    from PIL import Image
    from tensorboard.compat.proto.summary_pb2 import Summary

    width, height = Image.open(io.BytesIO(content)).size
    image = Summary.Image(encoded_image_string=content, height=height, width=width, colorspace=3)
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)
