"""Labels that a task's images can have: which suits the task, and the names of its classes.

A label is a goal, an observable of the state, or positions of keypoints that the task knows. Plugins choose theirs with
`register_label`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from robodl.evaluation.task_table import TaskTable, old_hook

REGISTER = "robodl.vision.task_labels.register_label"


@dataclass(frozen=True)
class Label:
    """The label that suits a task, by name.

    class_names: of a label that is 1 for one of several classes and 0 for the others; empty for other numbers.
    """

    name: str
    class_names: tuple[str, ...] = ()


LABELS: TaskTable[Label] = TaskTable(
    {
        "read_digit": Label("digit", tuple("0123456789")),
        "inspect": Label("kind", ("good", "stain", "scratch", "dent", "missing_pin")),
    }
)


def register_label(task: str | type, label: Label) -> None:
    """Label a task's images in this way where no label is asked for; the task by its registered name or its class."""
    LABELS.register(task, label)


def default_label(task: Any) -> str:
    """The name of the label that suits a task: registered, or its first keypoints, or the goal."""
    if found := LABELS.get(task):
        return found.name
    return old_hook(task, "label", REGISTER) or next(iter(keypoint_labels(task)), "desired_goal")


def class_names(task: Any, label: str) -> tuple[str, ...]:
    """The names of the classes of a label; empty for labels that are numbers."""
    found = LABELS.get(task)
    if found is not None and found.name == label:
        return found.class_names
    hook = old_hook(task, "classes", REGISTER)
    return hook(label) if hook else ()


def keypoint_labels(task: Any) -> dict[str, np.ndarray]:
    """Positions of keypoints, (N, p, d) m by name, NaN where they are out of view."""
    hook = getattr(task, "keypoint_labels", None) or old_hook(task, "points", "keypoint_labels")
    return hook() if hook else {}


def image_labels(env: Any) -> dict[str, np.ndarray]:
    """All labels of the images at this instant, by name: (N, k), or (N, p, d) for keypoints.

    Args:
        env: an environment with the public members of robodl_envs.gym_env.
    """
    state = env.state_observation()
    observables = {name: state["observation"][:, columns] for name, columns in env.state_columns.items()}
    return {**state, **observables, **keypoint_labels(env.task)}
