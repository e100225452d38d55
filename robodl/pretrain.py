"""Train an encoder on labels: python -m robodl.pretrain env=reach

Writes runs/pretrain/<run>/ (encoder.safetensors with encoder.json, TensorBoard, result.json) below the working
directory. The encoder then starts a policy: python -m robodl.train ... encoder.weights=<its .safetensors>.
"""

import functools
import sys
import time

BEGAN = time.time()

from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from hydra.experimental.callback import Callback  # noqa: E402

from robodl import cli  # noqa: E402


@dataclass
class PretrainConfig:
    """Every key of `python -m robodl.pretrain`; a key that is not here is refused."""

    data: dict[str, Any] = field(default_factory=dict)  # name: sim, mnist or digits; and the set's own settings
    env: dict[str, Any] = field(default_factory=dict)  # of data=sim: task, and the task's own settings
    robot: dict[str, Any] = field(default_factory=dict)  # name
    encoder: dict[str, Any] = field(default_factory=dict)  # name of the network
    control: str = "tool"  # or joint: how the arms that are seen wander
    control_dt: float = 0.04  # s
    cameras: list[str] | None = None  # names of pictures; the task's own choice where none are given
    image_size: Any = 32  # pixels, or [height, width]
    renderer: str = "ray"  # or gl
    randomize: dict[str, Any] = field(default_factory=dict)  # what varies from episode to episode, by name
    epochs: int = 10  # passes over the training pictures
    batch_size: int = 64
    learning_rate: float = 3.0e-3
    shift: int = 0  # px, by which training pictures are moved at random
    seed: int = 0
    device: str = "auto"  # cpu, cuda, or auto: cuda where there is one
    threads: int = 0  # simulation threads, 0 for one per core
    torch_threads: int = 0  # 0 for one per core
    name: str | None = None  # of the run's folder, instead of date, time and id
    algo: dict[str, Any] = field(default_factory=dict)  # of policies on that task: it comes with env, and is not used
    # What frames are made with, whatever a policy sees later.
    observation: str = "image+state"
    reward: str = "dense"


AT_LEAST = {"epochs": 1, "batch_size": 1, "shift": 0, "seed": 0, "threads": 0, "torch_threads": 0}


class Door(Callback):
    """Checks configurations before Hydra makes a run's folder."""

    def on_run_start(self, config, **kwargs: Any) -> None:
        from robodl.config import refused

        refused(lambda: check(config))

    def on_multirun_start(self, config, **kwargs: Any) -> None:
        from robodl.config import each_job, refused

        for job, composed in each_job("pretrain", config):
            refused(functools.partial(check, composed, job))


def check(cfg, job: int | None = None) -> None:
    """Refuse a configuration that can't run: ValueError in one line, or what the environment raises."""
    from robodl.config import check_at_least, check_name
    from robodl.learning.build import pick_device
    from robodl.learning.vec_env import channels_first_space, image_boxes, make_envs
    from robodl.vision.image_encoder import ImageEncoder
    from robodl.vision.image_sources import checked_source, load_images
    from robodl.vision.rendered_images import MOTIONS
    from robodl.vision.task_labels import image_labels
    from robodl_envs import did_you_mean, make_policy

    check_at_least(cfg, AT_LEAST)
    if not 0.0 < cfg.learning_rate < 10.0:
        raise ValueError(f"learning_rate must be more than 0 and less than 10, got {cfg.learning_rate}")
    check_name(cfg.name, Path("runs/pretrain"), job, resumes=False)
    pick_device(cfg.device)
    for key in set(cfg.encoder) - {"name"}:
        raise ValueError(f"pretrain has no setting encoder.{key}; encoder=<name> chooses the network")
    if checked_source(cfg) == "sim":
        envs = make_envs(cfg, 1)
        frames, label, motion = (cfg.data.get(key) for key in ("frames", "label", "motion"))
        if not isinstance(frames, int) or frames < 100:
            raise ValueError(f"data.frames must be an integer of at least 100, got {frames!r}")
        if motion not in MOTIONS:
            raise ValueError(f"data.motion must be one of {', '.join(MOTIONS)}, got {motion!r}")
        envs.reset()
        inner: Any = envs.unwrapped
        known = image_labels(inner)
        if label is not None and label not in known:
            near = did_you_mean(str(label), known)
            raise ValueError(f"data.label must be one of {', '.join(known)}, got {label!r}{near}")
        if motion == "expert":
            make_policy("expert", envs)
        envs.close()
        ImageEncoder(image_boxes(channels_first_space(envs.single_observation_space)), cfg.encoder["name"])
    else:
        data = load_images(cfg)
        ImageEncoder(data.boxes, cfg.encoder["name"])


def main() -> None:
    cli.show_hydra_errors()
    cli.guarded(lambda: compose(sys.argv[1:]))


def compose(argv: Sequence[str]) -> None:
    from robodl.config import launch

    for word in argv:
        if word.lstrip("+").startswith(("algo=", "algo.")):
            raise cli.UsageError(f"pretrain learns from labels and takes no algorithm, got {word}")
        key, _, value = word.lstrip("+").partition("=")
        if key == "observation" and value != "image+state":
            raise cli.UsageError(
                f"pretrain sees pictures and learns from state: observation=image+state, got {value!r}"
            )
    launch("pretrain", pretrain, argv, PretrainConfig)


def pretrain(cfg) -> None:
    """Load or render the pictures, learn, tell."""
    import os

    import numpy as np
    from hydra.core.hydra_config import HydraConfig
    from stable_baselines3.common.utils import set_random_seed

    from robodl.learning.build import pick_device
    from robodl.learning.torch_threads import set_torch_threads
    from robodl.runs.report import counting, near, say
    from robodl.vision import supervised
    from robodl.vision.encoder_files import save_image_encoder
    from robodl.vision.image_encoder import ImageEncoder
    from robodl.vision.image_sources import load_images
    from robodl.vision.plots import pretraining_plots

    folder = Path(HydraConfig.get().runtime.output_dir)
    set_torch_threads(cfg.torch_threads or os.cpu_count() or 1)
    set_random_seed(cfg.seed)
    device = pick_device(cfg.device)
    data = load_images(cfg, counting("frames"))
    made = time.time() - BEGAN
    what = f"{cfg.encoder['name']} on {len(data):,} pictures of {cfg.data['name']}"
    print(f"{what}, {device}, seed {cfg.seed}: {near(folder)}")

    eyes = ImageEncoder(data.boxes, cfg.encoder["name"])
    training = data.labels[~data.is_test]
    if data.class_names:
        reader = supervised.LabelPredictor(eyes, len(data.class_names))
    else:
        mean, std = np.nanmean(training, axis=0), np.nanstd(training, axis=0) + 1e-6
        reader = supervised.LabelPredictor(eyes, training.shape[1], mean, std)
    reader.to(device)
    curves = Curves(folder / "tb", cfg.epochs, data)
    supervised.fit(reader, data, cfg.epochs, cfg.batch_size, cfg.learning_rate, cfg.shift, cfg.seed, device, curves.add)
    predicted, _ = supervised.predict(reader, data, device)
    for tag, picture in pretraining_plots(data, predicted).items():
        curves.writer.add_image(tag, picture, cfg.epochs, dataformats="HWC")
    curves.writer.close()
    facts = {"seconds": round(time.time() - BEGAN, 2), **curves.score()}
    save_image_encoder(folder / "encoder", eyes, facts)
    save_result(folder / "result.json", cfg, facts, len(data))
    path = near(folder / "encoder.safetensors")
    lines = {
        "test": curves.told,
        "seconds": f"{facts['seconds']:.1f}, of which {made:.1f} to start and get the pictures",
        "encoder": path,
        "curves": f"tensorboard --logdir {near(folder / 'tb')}",
    }
    if cfg.data["name"] == "sim":
        seen = f"'cameras=[{','.join(data.boxes)}]' 'image_size={str(cfg.image_size).replace(' ', '')}'"
        network = f"encoder={cfg.encoder['name']} encoder.weights={path}"
        own = " ".join(f"env.{key}={value}" for key, value in cfg.env.items() if key != "task")
        seen = f"env={cfg.env['task']} {own} observation=image {seen}"
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
            tag, value, self.told = "eval/accuracy", epoch.score, f"{epoch.score:.2%} right"
        else:
            tag, value, self.told = "eval/error_mm", 1e3 * epoch.score, f"{1e3 * epoch.score:.1f} mm off on average"
        self.writer.add_scalar("train/loss", epoch.train_loss, epoch.number)
        self.writer.add_scalar("eval/loss", epoch.test_loss, epoch.number)
        self.writer.add_scalar(tag, value, epoch.number)
        width = len(str(self.epochs))
        losses = f"loss {epoch.train_loss:.4f} in training, {epoch.test_loss:.4f} in test"
        left = epoch.seconds / epoch.number * (self.epochs - epoch.number)
        print(f"  epoch {epoch.number:>{width}} / {self.epochs}  {losses}, {self.told}  {left:.0f} s left", flush=True)

    def score(self) -> dict[str, float]:
        if self.data.class_names:
            return {"accuracy": self.last.score}
        return {"error_mm": round(1e3 * self.last.score, 3)}


def save_result(path: Path, cfg, facts: dict[str, Any], count: int) -> None:
    import json

    from omegaconf import OmegaConf

    from robodl.runs.atomic_write import replacing
    from robodl.runs.provenance import provenance

    settings: Any = OmegaConf.to_container(cfg, resolve=True)
    content = {key: settings[key] for key in ("data", "encoder", "seed", "epochs", "shift")}
    with replacing(path) as part:
        part.write_text(
            json.dumps({**content, "pictures": count, **facts, **provenance(), "config": settings}, indent=1)
        )


if __name__ == "__main__":
    main()
