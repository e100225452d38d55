"""The index of the environments' pages: what there is, and what all of them share."""

from collections.abc import Sequence

from robodl.documentation.markdown import MADE, code, section, table
from robodl.documentation.page import Subject
from robodl.documentation.results import Results
from robodl.documentation.sources import docstring, first_paragraph, settings
from robodl_envs import Randomize, robot_class, task_id

INTRODUCTION = """\
Importing `robodl_envs` registers these ids with Gymnasium. Each has a page; below the table is told what all share."""
OBSERVATIONS = """\
`observation="state"`, the default: `observation`, `achieved_goal` and `desired_goal`, float32, within finite bounds.
`"image"`: the images of `cameras=` and `proprioception`, what the arm feels of itself. `"image+state"`: both."""
REWARDS = """\
`reward="dense"`, the default, and `"sparse"` are functions of the goals alone: `compute_reward` gives them for any.
`"shaped"` is the speed at which a task's potential falls; it needs the step before, and has no `compute_reward`."""
RANDOMISATION = """\
`randomize={"colors": 0.2}`, in `robodl.train` `randomize.colors=0.2`. What is not named stays as it is."""


def index(subjects: Sequence[Subject], robots: Sequence[str], results: Results) -> str:
    """The page README.md."""
    parts = [
        MADE,
        "# Environments",
        INTRODUCTION,
        environments(subjects, results),
        section("Observations and rewards", OBSERVATIONS, REWARDS),
        section("Robots", arms(robots)),
        section("Randomisation", RANDOMISATION, randomisation()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def environments(subjects: Sequence[Subject], results: Results) -> str:
    rows = [
        (
            f"[{about.title}]({about.task}.md)",
            f"`{task_id(about.task)}`",
            first_paragraph(docstring(about.task_class)),
            ", ".join(with_rate(robot, results.expert(about.task, robot)) for robot in about.tool),
            about.steps,
        )
        for about in subjects
    ]
    measured = " (success of its scripted expert)" if results.suite else ""
    return table(["page", "id", "task", f"robots{measured}", "steps"], rows)


def with_rate(robot: str, rate: str) -> str:
    return f"{code(robot)} ({rate})" if rate else code(robot)


def arms(robots: Sequence[str]) -> str:
    return table(["`robot=`", ""], [(f"`{name}`", first_paragraph(docstring(robot_class(name)))) for name in robots])


def randomisation() -> str:
    rows = [(f"`{setting.name}`", f"`{setting.default}`", setting.comment) for setting in settings(Randomize)]
    return table(["name", "default", "how much varies"], rows)
