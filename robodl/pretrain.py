"""Train an encoder on labels: python -m robodl.pretrain env=reach

Writes runs/pretrain/<run>/ (encoder.safetensors with encoder.json, TensorBoard, result.json) below the working
directory. The encoder then starts a policy: python -m robodl.train ... encoder.weights=<its .safetensors>.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robodl import START_TIME, cli
from robodl.config import EncoderName, EnvironmentConfig, settled
from robodl.options import group, option

FOLDER = Path("runs/pretrain")


@dataclass
class DataConfig:
    name: str = option("sim", help="kind of images; data=<name> chooses it", choices=("sim", "mnist", "digits"))
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


def check(cfg, job: str | None = None) -> None:
    """Refuse a configuration that can't run: UsageError."""
    from robodl.runs.run_folder import free_folder
    from robodl.vision.image_encoder import ImageEncoder
    from robodl.vision.image_sources import load_images

    cfg = settled(PretrainConfig, cfg)
    free_folder(FOLDER, cfg.name, job, resumes=False)
    with cli.settings_errors():
        check_scene(cfg)
        if cfg.data["name"] != "sim":
            ImageEncoder(load_images(cfg).boxes, cfg.encoder["name"])


def check_scene(cfg) -> None:
    """Refuse wrong settings of data=sim before thousands of images are rendered: make one environment and try them."""
    from robodl.vec_env import channels_first_space, image_boxes, make_envs
    from robodl.vision.image_encoder import ImageEncoder
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
    ImageEncoder(image_boxes(channels_first_space(envs.single_observation_space)), cfg.encoder["name"])


def pretrain(cfg) -> None:
    """Load or render the images, learn, print."""
    import os

    from omegaconf import OmegaConf
    from stable_baselines3.common.utils import set_random_seed
    from torch.utils.tensorboard import SummaryWriter

    from robodl.hydra_command import job_label
    from robodl.learning.build import pick_device, set_torch_threads
    from robodl.runs.provenance import commit, save_numbers
    from robodl.runs.report import counting, near, say
    from robodl.runs.run_folder import free_folder, new_folder, save_config
    from robodl.vision import supervised
    from robodl.vision.image_encoder import ImageEncoder, save_image_encoder
    from robodl.vision.image_sources import load_images
    from robodl.vision.plots import pretraining_plots

    commit()  # of the code that learns, not of what the checkout is by its end
    cfg = settled(PretrainConfig, cfg)
    network, seed = cfg.encoder["name"], cfg.seed
    free_folder(FOLDER, cfg.name, job_label(), resumes=False)
    with cli.settings_errors():
        device = pick_device(cfg.device)
        check_scene(cfg)
        set_torch_threads(cfg.torch_threads or os.cpu_count() or 1)
        set_random_seed(seed)
        data = load_images(cfg, counting("frames", cfg.data.get("frames", 0)))
        encoder = ImageEncoder(data.boxes, network)
    folder = new_folder(FOLDER, cfg.name, job_label(), resumes=False)
    save_config(folder, cfg)
    loading_seconds = time.time() - START_TIME
    print(f"{network} on {len(data):,} images of {cfg.data['name']}, {device}, seed {seed}: {near(folder)}")

    predictor = supervised.predictor_for(encoder, data).to(device)
    writer = SummaryWriter(str(folder / "tb"))

    def on_epoch(epoch: supervised.Epoch) -> None:
        scalars = {"train/loss": epoch.train_loss, "eval/loss": epoch.test_loss, f"eval/{epoch.metric}": epoch.score}
        for tag, value in scalars.items():
            writer.add_scalar(tag, value, epoch.number)
        number = f"{epoch.number:>{len(str(cfg.epochs))}} / {cfg.epochs}"
        words = f"loss {epoch.train_loss:.4f} in training, {epoch.test_loss:.4f} in test, {in_words(epoch)}"
        left = epoch.seconds / epoch.number * (cfg.epochs - epoch.number)
        print(f"  epoch {number}  {words}  {left:.0f} s left", flush=True)

    last = supervised.fit(
        predictor, data, cfg.epochs, cfg.batch_size, cfg.learning_rate, cfg.shift, seed, device, on_epoch
    )
    predicted, _ = supervised.predict(predictor, data, device)
    for tag, figure in pretraining_plots(data, predicted).items():
        writer.add_figure(tag, figure, cfg.epochs)
    writer.close()
    score = last.score if last.metric == "accuracy" else round(last.score, 3)
    facts = {"seconds": round(time.time() - START_TIME, 2), last.metric: score}
    save_image_encoder(folder / "encoder", encoder, facts)
    settings: Any = OmegaConf.to_container(cfg, resolve=True)
    content = {key: settings[key] for key in ("data", "encoder", "seed", "epochs", "shift")} | {"images": len(data)}
    save_numbers(folder / "result.json", {**content, **facts, "config": settings})
    path = near(folder / "encoder.safetensors")
    lines = {
        "test": in_words(last),
        "seconds": f"{facts['seconds']:.1f}, of which {loading_seconds:.1f} to start and get the images",
        "encoder": path,
        "curves": f"tensorboard --logdir {near(folder / 'tb')}",
    }
    if cfg.data["name"] == "sim":
        images = f"'cameras=[{','.join(data.boxes)}]' 'image_size={str(cfg.image_size).replace(' ', '')}'"
        settings = " ".join(f"env.{key}={value}" for key, value in cfg.env.items() if key != "task")
        env = f"env={cfg.env['task']} {settings} observation=image {images}"
        lines["use"] = f"python -m robodl.train {env} reward=shaped encoder={network} encoder.weights={path}"
    say(f"{network}, {cfg.data['name']}, seed {seed}", lines)


def in_words(epoch) -> str:
    return f"{epoch.score:.2%} right" if epoch.metric == "accuracy" else f"{epoch.score:.1f} mm off on average"


if __name__ == "__main__":
    main()
