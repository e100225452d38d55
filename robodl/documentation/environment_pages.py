"""A page for each environment and an index: facts from code and measured results, for the templates of this folder."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium

from robodl.documentation import sources
from robodl.documentation.markdown import code, number, numbers, template
from robodl.documentation.results import Results, load
from robodl.evaluation.robot_support import chosen, unsupported_reason
from robodl.evaluation.task_metrics import summary_function
from robodl_envs import Observable, Randomize, make, robot_class, task_class, task_id

MADE = "<!-- Made from the code by `python -m robodl.pages`: what is changed here by hand is lost. -->"
SHOWN = "panda"  # the robot that tables are of, where it does the task


@dataclass(frozen=True)
class Subject:
    """An environment to describe, as every robot does it."""

    task: str
    tool: dict[str, Any]  # a BatchEnv with control="tool" of each robot that does it, the shown one's first
    joint: dict[str, Any]  # and one with control="joint"
    refused: dict[str, str]  # why the others don't

    @property
    def task_class(self) -> type:
        return task_class(self.task)

    @property
    def shown(self) -> Any:
        """The BatchEnv that the tables are of."""
        return next(iter(self.tool.values()))


class ActionPart(NamedTuple):
    """Neighbouring numbers of an action, and what they do where they are 1."""

    size: int
    meaning: str


def environment_pages(tasks: Sequence[str], videos: Path, results: Path) -> dict[str, str]:
    """Each page's text, by file name; all tasks' where none are named."""
    names, robots = chosen(tasks, [])
    found = load(results)
    subjects = [subject(task, robots) for task in names]
    texts = {f"{about.task}.md": page(about, videos, found) for about in subjects}
    index = document("index").render(subjects=subjects, robots=robots, results=found, Randomize=Randomize)
    return {**texts, "README.md": index}


def subject(task: str, robots: Sequence[str]) -> Subject:
    """Make the environment with every robot that does the task; ValueError if none does."""
    limit = gymnasium.spec(task_id(task)).max_episode_steps
    refused = {robot: why for robot in robots if (why := unsupported_reason(task, robot))}
    arms = sorted(set(robots).difference(refused), key=lambda robot: (robot != SHOWN, robot))
    if not arms:
        raise ValueError(f"no robot does {task}; {'; '.join(refused.values())}")

    def batch(robot, control):
        env = make(task, robot=robot, control=control, max_episode_steps=limit)
        env.reset(seed=0)
        return env.batch

    tool, joint = ({arm: batch(arm, control) for arm in arms} for control in ("tool", "joint"))
    return Subject(task, tool, joint, refused)


def page(about: Subject, videos: Path, results: Results) -> str:
    shown, *robots = about.tool
    others = {'control="joint"': about.joint[shown]} | {f'robot="{robot}"': about.tool[robot] for robot in robots}
    return document("page").render(
        about=about,
        task=about.task,
        batch=about.shown,
        other_states={setting: batch.state_observables for setting, batch in others.items()},
        other_goals={setting: batch.task.goal_observables() for setting, batch in others.items()},
        actions=actions(about),
        summary=sources.first_paragraph(summary_function(about.task_class).__doc__),
        has_video=(videos / f"{about.task}.gif").exists(),
        results=results,
    )


def document(name: str):
    """A template that knows what all of these pages use."""
    functions: list[Callable] = [sources.described, sources.docstring, sources.first_paragraph, sources.settings]
    functions += [task_id, robot_class, bounds, constants, differences, with_columns, title]
    return template(name, made=MADE, **{function.__name__: function for function in functions})


def title(task: str) -> str:
    return task.replace("_", " ").capitalize()


def with_columns(parts: Sequence[Any]) -> list[tuple[Any, str]]:
    """Each part of a vector with its columns."""
    ends = itertools.accumulate((part.size for part in parts), initial=0)
    return [(part, f"{first}:{end}") for part, (first, end) in zip(parts, itertools.pairwise(ends), strict=True)]


def bounds(observable: Observable) -> str:
    low, high = observable.bounds
    return f"±{numbers(high)}" if (low == -high).all() else numbers(low, high)


def constants(key: str, observables: Sequence[Observable]) -> list[str]:
    """The elements of an entry of the observation that never vary, each with the reason."""
    lines, first = [], 0
    for each in observables:
        found = [(constant, value) for constant in each.constants if key in constant.keys for value in constant.values]
        lines += [f"`{key}[{first + value}]`: {constant.why}" for constant, value in found]
        first += each.size
    return lines


def differences(ours: Sequence[Observable], theirs: Sequence[Observable]) -> list[str]:
    """Differences of others from ours in words: added, missing, of another size or range."""
    known = {each.name: each for each in ours}
    lines = []
    for each in theirs:
        twin = known.pop(each.name, None)
        if twin is None or twin.unit != each.unit:
            lines.append(f"`{each.name}` has size {each.size}, {bounds(each)} {each.unit}, {each.meaning}")
        elif twin.size != each.size:
            lines.append(f"`{each.name}` has size {each.size}, {bounds(each)}")
        elif bounds(twin) != bounds(each):
            lines.append(f"`{each.name}` is {bounds(each)}")
    return lines + [f"no {code([name])}" for name in known]


def actions(about: Subject) -> dict[tuple[str, tuple[ActionPart, ...]], list[str]]:
    """Robots that act alike, by the control and the parts of an action."""
    robots: dict[tuple[str, tuple[ActionPart, ...]], list[str]] = {}
    for control, batches in (("tool", about.tool), ("joint", about.joint)):
        for name, batch in batches.items():
            robots.setdefault((control, action_parts(batch)), []).append(name)
    return robots


def action_parts(batch) -> tuple[ActionPart, ...]:
    robot, controller = batch.robot, batch.robot.controller
    if robot.control == "tool":
        step = number(controller.SPEED * batch.control_dt)
        parts = [ActionPart(3, f"moves the tool's target {step} m along the world's x, y and z axis")]
        if robot.rotation:
            step = number(controller.ROTATION_SPEED * batch.control_dt)
            parts += [ActionPart(3, f"rotates the tool's target {step} rad about the world's x, y and z axis")]
    else:
        step = numbers(robot.velocity * batch.control_dt)
        parts = [ActionPart(controller.size, f"moves a joint's target at the joint's top speed, {step} rad a step")]
    if robot.fingers.size:
        parts += [ActionPart(robot.fingers.size, "opens the gripper; -1 shuts it with full force")]
    outputs = batch.perception.outputs() if batch.perception else []
    return (*parts, *(ActionPart(output.size, output.meaning) for output in outputs))
