"""Modalities of images, their layout in memory, classes of segmentation, and the geom groups that renderers draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from robodl_envs.arrays import Array, copy, namespace

MODALITIES = ("rgb", "depth", "segmentation")
FORMATS: dict[str, tuple[int, type]] = {  # channels and dtype
    "rgb": (3, np.uint8),
    "depth": (1, np.float32),
    "segmentation": (1, np.uint8),
}
SEGMENTATION_CLASSES = ("background", "floor", "robot", "goal", "object")  # segmentation holds indices into this
MAX_DEPTH = 10.0  # m, the depth of everything farther away and of the background
# Geom groups, (6,) flags. As in MuJoCo, groups 0 to 2 are drawn and 3 is not. An object with two meshes has a coarse
# one, cheap to draw, that only learning sees, and a fine one that only people see.
HIDDEN_GROUP, COARSE_GROUP, FINE_GROUP = 3, 4, 5
GROUPS_FOR_LEARNING = np.array([1, 1, 1, 0, 1, 0], np.uint8)
GROUPS_FOR_PEOPLE = np.array([1, 1, 1, 0, 0, 1], np.uint8)
PLANE = int(mujoco.mjtGeom.mjGEOM_PLANE)

Images = dict[str, dict[str, np.ndarray]]  # {camera: {modality: (n, height, width, channels)}}


@dataclass(frozen=True, eq=False)
class ImageSpec:
    """The images that a renderer draws of each row."""

    sources: Mapping[str, tuple[str, str]]  # {image: (camera of the model, modality)}
    layout: np.dtype  # from image_layout
    height: int  # pixels
    width: int
    classes: np.ndarray  # (ngeom,) uint8, indices into SEGMENTATION_CLASSES

    def by_camera(self, images: np.ndarray) -> Images:
        """Views of images, (n,) of the layout."""
        views: Images = {}
        for name, (camera, modality) in self.sources.items():
            views.setdefault(camera, {})[modality] = images[name]
        return views


def image_layout(sources: Mapping[str, tuple[str, str]], size: tuple[int, int]) -> np.dtype:
    """The layout of a row's images, (height, width, channels) each, in one run of bytes; depth first, so aligned."""
    fields = []
    for name in sorted(sources, key=lambda name: sources[name][1] != "depth"):
        channels, dtype = FORMATS[sources[name][1]]
        fields.append((name, dtype, (*size, channels)))
    return np.dtype(fields)


def as_bytes(images: Array) -> Array:
    """Images of rows, (n,) of a layout or (n, B) bytes already, as bytes, (n, B) uint8."""
    return images if images.ndim == 2 else images.view(np.uint8).reshape(len(images), -1)


def split_images(image_bytes: Array, layout: np.dtype) -> dict[str, Array]:
    """Images of rows by name, (n, height, width, channels), as new arrays, of their bytes, (n, B) uint8."""
    if isinstance(image_bytes, np.ndarray):
        images = image_bytes.view(layout)[:, 0]
        return {name: images[name].copy() for name in images.dtype.names or ()}
    fields: Any = layout.fields
    found = {}
    for name, (image, first) in fields.items():
        part = copy(image_bytes[:, first : first + image.itemsize])
        dtype = getattr(namespace(part), np.dtype(image.base).name)
        found[name] = part.view(dtype).reshape(len(part), *image.shape)
    return found


def geom_classes(model: mujoco.MjModel, robot_root: int) -> np.ndarray:
    """Each geom's index into SEGMENTATION_CLASSES, (ngeom,) uint8.

    Planes are floor. Descendants of the robot's root body are robot. Mocap bodies, which `add_marker` makes, are goal.
    Everything else is object.
    """
    body = model.geom_bodyid
    classes = np.full(model.ngeom, SEGMENTATION_CLASSES.index("object"), np.uint8)
    classes[model.body_mocapid[body] >= 0] = SEGMENTATION_CLASSES.index("goal")
    classes[model.body_rootid[body] == robot_root] = SEGMENTATION_CLASSES.index("robot")
    classes[model.geom_type == PLANE] = SEGMENTATION_CLASSES.index("floor")
    return classes


def image_modality(name: str) -> tuple[str, str]:
    """Camera and modality of an image's name: ("front", "depth") of "front_depth", ("front", "rgb") of "front"."""
    camera, _, modality = name.rpartition("_")
    return (camera, modality) if camera and modality in MODALITIES[1:] else (name, MODALITIES[0])
