"""Train an encoder on labels: python -m robodl.pretrain env=reach

Writes runs/pretrain/<run>/ (encoder.safetensors with encoder.json, TensorBoard, result.json) below the working
directory. The encoder then starts a policy: python -m robodl.train ... encoder.weights=<its .safetensors>.
"""

import sys
import time

BEGAN = time.time()

from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from robodl import cli  # noqa: E402
from robodl.config import EncoderName, EnvironmentConfig, settled  # noqa: E402
from robodl.options import group, option  # noqa: E402

FOLDER = Path("runs/pretrain")


@dataclass
class DataConfig:
    name: str | None = option(help="kind of images; data=<name> chooses it", choices=("sim", "mnist", "digits"))
    label: str | None = option(help="sim: what is known of an image, such as desired_goal")
    motion: str | None = option(help="sim: how arms move before an image", choices=("random", "still", "expert"))
    frames: int | None = option(help="sim: images", at_least=100)
    root: str | None = option(help="mnist: folder of IDX files")


@dataclass
class PretrainConfig(EnvironmentConfig):
    """Options of `python -m robodl.pretrain`."""

    data: DataConfig = group(DataConfig, open=True, help="a setting of that kind")
    encoder: EncoderName = group(EncoderName)
    observation: str = option("image+state", help="images, and the state for labels", choices=("image+state",))
    epochs: int = option(10, help="passes over the training images", at_least=1)
    batch_size: int = option(64, help="images of an optimiser step", at_least=1)
    learning_rate: float = option(3.0e-3, help="highest, of the optimiser", more_than=0, at_most=10)
    shift: int = option(0, help="pixels by which training images are moved at random", at_least=0)
    torch_threads: int = option(0, help="0 for one per core", at_least=0)


def main() -> None:
    cli.guarded(lambda: command(sys.argv[1:]))


def command(argv: Sequence[str]) -> None:
    from robodl.hydra_command import launch

    launch("pretrain", PretrainConfig, pretrain, argv)


def check(cfg, job: int | None = None) -> None:
    """Refuse a configuration that can't run: UsageError."""
    from robodl.runs.run_folder import check_free
    from robodl.vision.image_sources import load_images

    cfg = settled(PretrainConfig, cfg)
    check_free(FOLDER, cfg.name, job, resumes=False)
    with cli.settings_errors():
        check_scene(cfg)
        if cfg.data["name"] != "sim":
            make_encoder(cfg, load_images(cfg).boxes)


def check_scene(cfg) -> None:
    """Refuse wrong settings of data=sim before thousands of images are rendered: make one environment and try them."""
    from robodl.vec_env import channels_first_space, image_boxes, make_envs
    from robodl.vision.image_sources import checked_source
    from robodl.vision.task_labels import image_labels
    from robodl_envs import did_you_mean, make_policy

    if checked_source(cfg) != "sim":
        return
    envs: Any = make_envs(cfg, 1)
    envs.reset()
    known, label = image_labels(envs.unwrapped), cfg.data["label"]
    if label is not None and label not in known:
        raise cli.UsageError(
            f"data.label must be one of {', '.join(known)}, got {label!r}{did_you_mean(str(label), known)}"
        )
    if cfg.data["motion"] == "expert":
        make_policy("expert", envs)
    envs.close()
    make_encoder(cfg, image_boxes(channels_first_space(envs.single_observation_space)))


def make_encoder(cfg, boxes):
    from robodl.vision.image_encoder import ImageEncoder

    return ImageEncoder(boxes, cfg.encoder["name"])


def pretrain(cfg) -> None:
    """Load or render the images, learn, print."""
    import os

    import numpy as np
    from stable_baselines3.common.utils import set_random_seed

    from robodl.hydra_command import job_number, task_words
    from robodl.learning.build import pick_device, set_torch_threads
    from robodl.runs.progress import counting
    from robodl.runs.report import near, say
    from robodl.runs.run_folder import check_free, new_folder, save_config
    from robodl.vision import supervised
    from robodl.vision.encoder_files import save_image_encoder
    from robodl.vision.image_sources import load_images
    from robodl.vision.plots import pretraining_plots

    cfg = settled(PretrainConfig, cfg)
    check_free(FOLDER, cfg.name, job_number(), resumes=False)
    with cli.settings_errors():
        device = pick_device(cfg.device)
        check_scene(cfg)
        set_torch_threads(cfg.torch_threads or os.cpu_count() or 1)
        set_random_seed(cfg.seed)
        data = load_images(cfg, counting("frames"))
        encoder = make_encoder(cfg, data.boxes)
    folder = new_folder(FOLDER, cfg.name, job_number(), resumes=False)
    save_config(folder, cfg, task_words())
    loading_seconds = time.time() - BEGAN
    what = f"{cfg.encoder['name']} on {len(data):,} images of {cfg.data['name']}"
    print(f"{what}, {device}, seed {cfg.seed}: {near(folder)}")

    training = data.labels[~data.is_test]
    if data.class_names:
        predictor = supervised.LabelPredictor(encoder, len(data.class_names))
    else:
        mean, std = np.nanmean(training, axis=0), np.nanstd(training, axis=0) + 1e-6
        predictor = supervised.LabelPredictor(encoder, training.shape[1], mean, std)
    predictor.to(device)
    curves = Curves(folder / "tb", cfg.epochs, data)
    supervised.fit(
        predictor, data, cfg.epochs, cfg.batch_size, cfg.learning_rate, cfg.shift, cfg.seed, device, curves.add
    )
    predicted, _ = supervised.predict(predictor, data, device)
    for tag, image in pretraining_plots(data, predicted).items():
        curves.writer.add_image(tag, image, cfg.epochs, dataformats="HWC")
    curves.writer.close()
    facts = {"seconds": round(time.time() - BEGAN, 2), **curves.score()}
    save_image_encoder(folder / "encoder", encoder, facts)
    save_result(folder / "result.json", cfg, facts, len(data))
    path = near(folder / "encoder.safetensors")
    lines = {
        "test": curves.result,
        "seconds": f"{facts['seconds']:.1f}, of which {loading_seconds:.1f} to start and get the images",
        "encoder": path,
        "curves": f"tensorboard --logdir {near(folder / 'tb')}",
    }
    if cfg.data["name"] == "sim":
        images = f"'cameras=[{','.join(data.boxes)}]' 'image_size={str(cfg.image_size).replace(' ', '')}'"
        network = f"encoder={cfg.encoder['name']} encoder.weights={path}"
        own = " ".join(f"env.{key}={value}" for key, value in cfg.env.items() if key != "task")
        seen = f"env={cfg.env['task']} {own} observation=image {images}"
        lines["use"] = f"python -m robodl.train {seen} reward=shaped {network}"
    say(f"{cfg.encoder['name']}, {cfg.data['name']}, seed {cfg.seed}", lines)


class Curves:
    """Losses and scores, on the terminal and in TensorBoard."""

    def __init__(self, folder: Path, epochs: int, data):
        from torch.utils.tensorboard import SummaryWriter

        self.writer, self.epochs, self.data = SummaryWriter(str(folder)), epochs, data

    def add(self, epoch) -> None:
        self.last = epoch
        if self.data.class_names:
            tag, value, self.result = "eval/accuracy", epoch.score, f"{epoch.score:.2%} right"
        else:
            tag, value, self.result = (
                "eval/error_mm",
                1e3 * epoch.score,
                f"{1e3 * epoch.score:.1f} mm off on average",
            )
        self.writer.add_scalar("train/loss", epoch.train_loss, epoch.number)
        self.writer.add_scalar("eval/loss", epoch.test_loss, epoch.number)
        self.writer.add_scalar(tag, value, epoch.number)
        width = len(str(self.epochs))
        losses = f"loss {epoch.train_loss:.4f} in training, {epoch.test_loss:.4f} in test"
        left = epoch.seconds / epoch.number * (self.epochs - epoch.number)
        print(
            f"  epoch {epoch.number:>{width}} / {self.epochs}  {losses}, {self.result}  {left:.0f} s left",
            flush=True,
        )

    def score(self) -> dict[str, float]:
        if self.data.class_names:
            return {"accuracy": self.last.score}
        return {"error_mm": round(1e3 * self.last.score, 3)}


def save_result(path: Path, cfg, facts: dict[str, Any], count: int) -> None:
    import json

    from omegaconf import OmegaConf

    from robodl.atomic_write import replacing
    from robodl.runs.provenance import provenance

    settings: Any = OmegaConf.to_container(cfg, resolve=True)
    content = {key: settings[key] for key in ("data", "encoder", "seed", "epochs", "shift")}
    with replacing(path) as part:
        part.write_text(json.dumps({**content, "images": count, **facts, **provenance(), "config": settings}, indent=1))


if __name__ == "__main__":
    main()
