"""Captions of videos: what a policy says at this instant, in one line for people who watch it.

Plugins add theirs with `register_caption`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from robodl.evaluation.task_table import TaskTable, old_hook

# An environment with the public members of robodl_envs.gym_env, and a row -> its caption.
Caption = Callable[[Any, int], str]

PART_KINDS = ("good", "stain", "scratch", "dent", "missing pin")
PART_FACES = ("top", "left", "right")
TRACKED_OBJECTS = ("cube", "can", "ball", "bar")


def caption_read_digit(env, row: int) -> str:
    """The most likely digit with its probability; after the final answer the true digit too."""
    state = env.state_observation()
    probabilities, is_final = state["achieved_goal"][row, :-1], state["achieved_goal"][row, -1]
    answer = f"{probabilities.argmax()}: {probabilities.max():.0%}"
    return f"{answer}, final, written: {state['desired_goal'][row, :-1].argmax()}" if is_final else answer


def caption_inspect(env, row: int) -> str:
    """The probability of a bad part, now and at most, the verdict, and what the part is."""
    state = observables(env, row)
    evidence = env.metrics()["evidence"][row]
    verdict = "reject" if evidence > env.task.threshold else "pass"
    face = f" on its {PART_FACES[state['face'].argmax()]}" if state["face"].any() else ""
    truth = PART_KINDS[state["kind"].argmax()] + face
    return f"bad now: {env.task.head.probabilities[row, -1]:.0%}, at most: {evidence:.0%}: {verdict}; it is: {truth}"


def caption_track(env, row: int) -> str:
    """The target with the errors of its reported position and velocity, and whether it is out of view."""
    state = env.state_observation()
    error = state["achieved_goal"][row] - state["desired_goal"][row]
    position, velocity = (100.0 * np.linalg.norm(part) for part in (error[:2], error[2:]))
    target = TRACKED_OBJECTS[observables(env, row)["target"].argmax()]
    out_of_view = "" if env.metrics()["in_view"][row] else ", out of view"
    return f"{target}: {position:.1f} cm and {velocity:.0f} cm/s off{out_of_view}"


CAPTIONS: TaskTable[Caption] = TaskTable(
    {"read_digit": caption_read_digit, "inspect": caption_inspect, "track": caption_track}
)
register_caption = CAPTIONS.register


def caption(env: Any, row: int) -> str:
    """The caption of an environment's row at this instant; "" where its task has none."""
    if found := CAPTIONS.get(env.task):
        return found(env, row)
    hook = old_hook(env.task, "caption", "robodl.evaluation.captions.register_caption")
    return hook(row) if hook else ""


def observables(env, row: int) -> dict[str, np.ndarray]:
    """A row's observables by name, (k,) each."""
    vector = env.state_observation()["observation"][row]
    return {name: vector[columns] for name, columns in env.state_columns.items()}
