"""One environment's page: what its code and its measured results say, as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from robodl.documentation.markdown import MADE, code, number, numbers, section, table
from robodl.documentation.observables import exceptions, observables_table
from robodl.documentation.results import Results
from robodl.documentation.sources import described, docstring, first_paragraph, settings
from robodl.evaluation.robot_support import unsupported_reason
from robodl.evaluation.task_metrics import summary_function
from robodl_envs import make, task_class, task_id

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
    def title(self) -> str:
        return self.task.replace("_", " ").capitalize()

    @property
    def shown(self) -> Any:
        """The BatchEnv that the tables are of."""
        return next(iter(self.tool.values()))

    @property
    def steps(self) -> int:
        """The time limit, control steps."""
        return self.shown.max_episode_steps


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
    """The whole page."""
    gif = f"{about.task}.gif"
    names = f"`{task_id(about.task)}`, in commands `env={about.task}`. [All environments](README.md)"
    parts = [
        MADE,
        f"# {about.title}",
        names,
        f"![{about.title}](../../videos/{gif})" if (videos / gif).exists() else "",
        docstring(about.task_class),
        ending(about),
        section("Success", success(about)),
        section("Metrics", metrics(about)),
        section("Rewards", rewards(about)),
        section("Observation", observation(about)),
        section("Goal", goal(about)),
        section("Action", action(about)),
        section("Settings", own_settings(about)),
        section("Robots", arms(about)),
        section("Results", *results.of_task(about.task)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def ending(about: Subject) -> str:
    batch = about.shown
    seconds = number(about.steps * batch.control_dt)
    text = f"An episode lasts {about.steps} steps at {number(1.0 / batch.control_dt)} Hz, {seconds} s"
    if batch.task.terminated is None:
        return f"{text}; only time ends it."
    return f"{text}, or until it can't go on: {described(about.task_class, 'terminated')}"


def success(about: Subject) -> str:
    lasting = f'`info["success_at_end"]` that it has held for the last {about.shown.stats.settled_steps} steps'
    meaning = f'`info["is_success"]` says whether this holds now, {lasting}. `success_rate` counts the latter.'
    return f"{described(about.task_class, 'success')}\n\n{meaning}"


def metrics(about: Subject) -> str:
    """The task's metrics besides success; "" if it has none."""
    names = about.shown.metrics()
    if not names:
        return ""
    text = first_paragraph(summary_function(about.task_class).__doc__) or "not described"
    known = f"Of the episode so far, in `info`: {code(*names)}. Evaluations tell, and TensorBoard shows under `eval/`:"
    return f"{known} {text}"


def rewards(about: Subject) -> str:
    potential = described(about.task_class, "potential")
    rows = [
        ("`dense`, the default", described(about.task_class, "reward")),
        ("`sparse`", "0 where there is success, else -1."),
        ("`shaped`", f"How fast a potential falls, per second. The potential: {potential[:1].lower()}{potential[1:]}"),
    ]
    return table(["`reward=`", "a step's reward"], rows)


def observation(about: Subject) -> str:
    """Columns of observation="state", and their differences with the other control and other robots."""
    name, batch = next(iter(about.tool.items()))
    ours = batch.state_observables
    others = {'control="joint"': about.joint[name].state_observables}
    others |= {f'robot="{robot}"': other.state_observables for robot, other in about.tool.items()}
    last = [each.name for each in ours if each.proprioceptive][-1]
    parts = [
        f'`observation` with `robot="{name}"` and `control="tool"`. Values are clipped to their bounds.',
        observables_table(ours),
        f'With `observation="image"` those up to `{last}` are `proprioception`; all else must be seen.',
        exceptions(ours, others),
    ]
    return "\n\n".join(parts)


def goal(about: Subject) -> str:
    """Columns of achieved_goal and desired_goal."""
    ours = about.shown.task.goal_observables()
    others = {f'robot="{robot}"': other.task.goal_observables() for robot, other in about.tool.items()}
    parts = ["`achieved_goal` and `desired_goal`.", observables_table(ours), exceptions(ours, others)]
    return "\n\n".join(part for part in parts if part)


def action(about: Subject) -> str:
    """The effect of each number of an action; robots that act alike share their rows."""
    robots: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for batches in (about.tool, about.joint):
        for name, batch in batches.items():
            robots.setdefault(action_parts(batch), []).append(name)
    rows = [(control, code(*names), *part) for parts, names in robots.items() for control, *part in parts]
    return "Numbers from -1 to 1.\n\n" + table(["`control=`", "robot", "numbers", "an action of 1"], rows)


def action_parts(batch) -> tuple[tuple[str, str, str], ...]:
    """(control, numbers, effect) of each part of a robot's action."""
    robot, controller = batch.robot, batch.robot.controller
    if robot.control == "tool":
        parts = [(3, f"moves the tool's target {number(controller.STEP)} m along the world's x, y and z axis")]
        if robot.rotation:
            step = number(controller.ROTATION_STEP)
            parts += [(3, f"rotates the tool's target {step} rad about the world's x, y and z axis")]
    else:
        step = numbers(robot.velocity * batch.control_dt)
        parts = [(controller.size, f"moves a joint's target at the joint's top speed, {step} rad a step")]
    if robot.fingers.size:
        parts += [(robot.fingers.size, "opens the gripper; -1 shuts it with full force")]
    outputs = batch.perception.outputs() if batch.perception else []
    parts += [(output.size, output.meaning) for output in outputs]
    rows, first = [], 0
    for size, effect in parts:
        rows.append((f"`{robot.control}`", f"`{first}:{first + size}`", effect))
        first += size
    return tuple(rows)


def own_settings(about: Subject) -> str:
    own = settings(about.task_class)
    if not own:
        return ""
    name, value = own[0].name, own[0].default
    rows = [(f"`{setting.name}`", f"`{setting.default}`", setting.comment) for setting in own]
    given = f"Given to `gymnasium.make` as `{name}={value}`, to `robodl.train` as `env.{name}={value}`."
    return f"{given}\n\n{table(['name', 'default', 'meaning'], rows)}"


def arms(about: Subject) -> str:
    rows = [(f"`{name}`", "does it") for name in about.tool]
    rows += [(f"`{name}`", f"refused: {reason}") for name, reason in about.refused.items()]
    return table(["`robot=`", ""], rows)
