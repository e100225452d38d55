"""What all ways to draw share: what can be drawn, what classes things belong to, and how far a camera sees."""

import mujoco
import numpy as np

KINDS = ("rgb", "depth", "segmentation")
CLASSES = ("background", "floor", "robot", "goal", "object")  # segmentation's values are indices into this
FAR = 10.0  # m, the depth of what is farther away, and of nothing at all
# Geom groups: as in MuJoCo, 0 to 2 are drawn and 3 is not. Of a thing with two looks the coarse one, which costs
# little, is drawn for learning alone, and the fine one for people alone.
COARSE, FINE = 4, 5
FOR_LEARNING = np.array([1, 1, 1, 0, 1, 0], np.uint8)
FOR_PEOPLE = np.array([1, 1, 1, 0, 0, 1], np.uint8)
HIDDEN = 3
PLANE = int(mujoco.mjtGeom.mjGEOM_PLANE)


def geom_classes(model: mujoco.MjModel, robot_root: int) -> np.ndarray:
    """Each geom's index into CLASSES, (ngeom,) uint8.

    Planes are floor, everything that hangs on the robot's root body is robot, bodies that are moved by hand
    (mocap), as `add_marker` makes them, are goal; the rest is object.
    """
    body = model.geom_bodyid
    classes = np.full(model.ngeom, CLASSES.index("object"), np.uint8)
    classes[model.body_mocapid[body] >= 0] = CLASSES.index("goal")
    classes[model.body_rootid[body] == robot_root] = CLASSES.index("robot")
    classes[model.geom_type == PLANE] = CLASSES.index("floor")
    return classes


def image_modality(name: str) -> tuple[str, str]:
    """The camera and the kind of a picture's name: "front_depth" is the front camera's depth, "front" its colours."""
    camera, _, kind = name.rpartition("_")
    return (camera, kind) if camera and kind in KINDS[1:] else (name, KINDS[0])


def shape_of(kind: str, height: int, width: int) -> tuple[int, int, int]:
    return (height, width, 3 if kind == "rgb" else 1)


def dtype_of(kind: str) -> type:
    return np.float32 if kind == "depth" else np.uint8
