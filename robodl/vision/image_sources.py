"""Sources of labelled images, by the name in `data.name`."""

from collections.abc import Callable

from omegaconf import DictConfig

from robodl.vision.image_files import read_idx_folder, sklearn_digits
from robodl.vision.labelled_images import LabelledImages
from robodl.vision.rendered_images import render_images
from robodl_envs import did_you_mean

SETTINGS = {"sim": ("label", "frames", "motion"), "mnist": ("root",), "digits": ()}  # of each source


def load_images(cfg: DictConfig, progress: Callable[[int], object] = int) -> LabelledImages:
    """Load or render the images of a configuration.

    Args:
        progress: called now and then with the number of rendered frames.

    Raises:
        ValueError: the settings are wrong, or the files are missing or damaged.
    """
    source = checked_source(cfg)
    if source == "mnist":
        return read_idx_folder(cfg.data.get("root"))
    if source == "digits":
        return sklearn_digits()
    return render_images(cfg, progress)


def checked_source(cfg: DictConfig) -> str:
    """The name of the source; ValueError if there is none of that name, or if a setting is not of that source."""
    source = cfg.data.get("name")
    if source not in SETTINGS:
        raise ValueError(f"data.name must be one of {', '.join(SETTINGS)}, got {source!r}")
    for key in set(cfg.data) - {"name", *SETTINGS[source]}:
        raise ValueError(f"data={source} has no setting named {key!r}{did_you_mean(str(key), SETTINGS[source])}")
    return str(source)
