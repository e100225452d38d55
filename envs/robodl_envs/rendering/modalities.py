"""Modalities of images, their layout in memory, classes of segmentation, and the geom groups that renderers draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

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
