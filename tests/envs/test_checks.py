"""Messages that a task's author gets when the environment is first made."""

from dataclasses import dataclass

import numpy as np
import pytest

from robodl_envs.component import Observable
from robodl_envs.experts.policy import expert_policy
from robodl_envs.free_body import tool_offset
from robodl_envs.gym_env import make
from robodl_envs.perception.perception_task import PerceptionTask
from robodl_envs.scene import add_marker
from robodl_envs.tasks.reach import Reach
from robodl_envs.tasks.task import Task

pytestmark = pytest.mark.unit


def faulty(base=Reach, **members):
    """A task of a class of its own, with these members instead of the base's."""
    return dataclass(eq=False)(type("Faulty", (base,), members))()


ONE = ([-1.0], [1.0])


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({"observables": lambda self: {}}, r"Faulty\.observables must return a list of Observable, got dict"),
        (
            {"observables": lambda self: [Observable("left", "1", *ONE, "left", lambda: np.zeros((2, 3)))]},
            r"Faulty\.observables, 'left' must have shape \(N, 1\), N being 2 here, got ndarray of shape \(2, 3\)",
        ),
        (
            {"observables": lambda self: [Observable("left", "1", *ONE, "left", lambda: np.zeros(2))]},
            r"'left' must have shape \(N, 1\)",
        ),
        ({"observables": lambda self: [Observable("left", "1", *ONE, "left")]}, r"must give 'left' a reading"),
        (
            {"observables": lambda self: [Observable("tool", "1", *ONE, "", lambda: np.zeros((2, 1)))]},
            r"must have names of its own, got tool twice",
        ),
        ({"achieved_goal": lambda self: self.robot.tool[:, :2]}, r"Faulty\.achieved_goal must have shape \(N, 3\)"),
        ({"desired_goal": lambda self: None}, r"Faulty\.desired_goal must have shape \(N, 3\)"),
        (
            {"success": lambda self, a, d: np.linalg.norm(a - d, axis=1) < 1},
            r"success of goals with leading axes \(3, 2\) must have shape \(3, N\)",
        ),
        ({"success": lambda self, a, d: (a - d)[..., 0]}, r"Faulty\.success must return booleans, got float64"),
        ({"reward": lambda self, a, d: 0.0}, r"Faulty\.reward must have shape \(N,\)"),
        ({"saved": ("lost",)}, r"Faulty\.saved names 'lost', which must be an \(N, \.\.\.\) array that bind makes"),
        (
            {"metrics": ("height",), "height": 1.0},
            r"Faulty\.metrics, 'height' must have shape \(N,\), N being 2 here, got float",
        ),
    ],
)
def test_a_faulty_task_is_told_in_one_line(members, line):
    """The line names class and method, and what was expected."""
    with pytest.raises(TypeError, match=line) as caught:
        make(faulty(**members))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make_observable", "line"),
    [
        (lambda goal: Observable("left", "1", *ONE, "left", goal), "observable 'left': read must be a function"),
        (lambda goal: tool_offset(None, "spot", goal), "tool_offset of 'spot': pos must be a function .*; got ndarray"),
    ],
)
def test_an_array_in_place_of_a_reading_is_told_in_one_line(make_observable, line):
    """The line that gives it is named, not one that reads it: an array made once would be of that instant."""
    with pytest.raises(TypeError, match=line):
        make_observable(np.zeros((2, 3)))


def test_a_misspelt_observable_is_told_with_near_names():
    """In an expert and in the columns of a state."""
    env = make("push")
    policy = expert_policy(env.batch, lambda state, robot: state["to_cub"])
    observation = env.batch.reset(env.batch.all, [0])[0]
    for look_up in (lambda: policy(observation), lambda: env.state_columns["to_cub"]):
        with pytest.raises(KeyError, match=r"no observable named 'to_cub'; did you mean 'to_cube'.*; there are qpos, "):
            look_up()


def test_a_misspelt_field_of_the_model_is_told_with_near_names():
    with pytest.raises(ValueError, match=r"geom_rgb is not a field of MjModel; did you mean 'geom_rgba'"):
        make("push").batch.sim.expand("geom_rgb")


@pytest.mark.parametrize("bounds", [([1.0], [0.0]), (0.0, 1.0), ([0.0], [1.0, 2.0]), ([0.0], [np.inf])])
def test_bounds_of_an_observable_are_checked(bounds):
    """With its name, where it is made."""
    with pytest.raises(ValueError, match="observable 'left' must have finite bounds, low < high"):
        Observable("left", "1", *bounds, "left")


@pytest.mark.parametrize("vectors", [(1,), (-1,), (0, 3)])
def test_vectors_of_an_observable_are_among_its_numbers(vectors):
    Observable("push", "N", [-1.0] * 3, [1.0] * 3, "force, world frame", vectors=(0,))
    with pytest.raises(ValueError, match="observable 'push': vectors must begin where three of its 3 numbers follow"):
        Observable("push", "N", [-1.0] * 3, [1.0] * 3, "force, world frame", vectors=vectors)


@pytest.mark.parametrize("listed", ["saved", "metrics"])
def test_names_are_listed_in_tuples(listed):
    """A forgotten comma, and a name that is none."""
    with pytest.raises(TypeError, match=rf"Faulty\.{listed} must be a tuple of names, got 'goal'"):
        make(faulty(**{listed: "goal"}))
    with pytest.raises(TypeError, match=rf"Faulty\.{listed} names 'gaol'"):
        make(faulty(**{listed: ("gaol",)}))


def test_only_mocap_bodies_are_moved():
    """Another body's number would be that of the last mocap body."""

    def bind(self, sim):
        self.goal = sim.mocap_pos("hand")

    with pytest.raises(KeyError, match="body 'hand' is not a mocap body; these are: goal"):
        make(faulty(bind=bind))


@pytest.mark.parametrize(("base", "name"), [(Task, "achieved_goal"), (PerceptionTask, "outputs")])
def test_a_missing_method_is_named(base, name):
    """Of tasks, and of perception tasks."""
    complete = {
        each: getattr(Reach, each) for each in ("build", "bind", "reset", "achieved_goal", "desired_goal", "success")
    }
    complete |= {"radius": 0.02, "act": lambda self, answer: None}
    members = {each: value for each, value in complete.items() if each != name}
    with pytest.raises(TypeError, match=rf"Faulty\.{name} is missing; it must return"):
        make(faulty(base, **members))


def test_defaults_say_what_they_need():
    """A goal by default is where the mocap body "goal" is, and success a distance less than `radius`."""
    marker = {
        "achieved_goal": Reach.achieved_goal,
        "build": lambda self, spec: add_marker(spec, "goal", 0.01),
    }
    with pytest.raises(TypeError, match=r"Faulty\.desired_goal is missing; it must return .*mocap body 'goal'"):
        make(faulty(Task, achieved_goal=Reach.achieved_goal, radius=0.02))
    with pytest.raises(TypeError, match=r"Faulty\.success is missing; it must return .*a `radius`, m"):
        make(faulty(Task, **marker))
    env = make(faulty(Task, **marker, radius=0.02))
    env.reset(seed=0)
    assert not env.step(np.zeros(3))[-1]["is_success"]
    env.task.goal[:] = env.robot.tool
    assert env.step(np.zeros(3))[-1]["is_success"]


def test_a_bug_in_a_task_keeps_its_traceback():
    """An error of the task's own code is not dressed up as a refusal."""

    def bind(self, sim):
        self.goal = sim.mocap_pos("gaol")

    with pytest.raises(KeyError) as caught:
        make(faulty(bind=bind))
    assert caught.traceback[-1].frame.code.path.name != "checks.py"
    assert any(entry.name == "bind" and entry.path.name == "test_checks.py" for entry in caught.traceback)


def test_tasks_of_version_0_1_work_and_warn():
    """Their observe and fields, goal_fields and count are those of today, with one warning each."""
    from robodl_envs import component

    with pytest.warns(DeprecationWarning, match="Field is now Observable"):
        field = component.Field

    class Old(Reach):
        def observe(self):
            return [self.goal - self.robot.tool]

        def fields(self):
            return [field("to_goal", "m", [-2.0] * 3, [2.0] * 3, "from the tool to the goal")]

        def goal_fields(self):
            return [field("position", "m", [-2.0] * 3, [2.0] * 3, "position")]

        def bind(self, sim):
            super().bind(sim)
            self.counted = 0

        def count(self, ids):
            self.counted += len(ids)

    old = dataclass(eq=False)(Old)()
    with pytest.warns(DeprecationWarning, match=r"Old\.(observe and fields|goal_fields|count) is of version 0\.1"):
        env = make(old)
    observation, _ = env.reset(seed=0)
    env.step(np.zeros(3))
    to_goal = env.state_observation()["observation"][0, env.state_columns["to_goal"]]
    np.testing.assert_allclose(to_goal, (env.task.goal - env.robot.tool)[0], atol=1e-6)
    assert observation["achieved_goal"].shape == (3,) and env.task.counted == 1
