"""Settings: invalid ones are refused in one line that names the rule, the value and the way out."""

import pickle

import gymnasium as gym
import pytest

from robodl_envs.gym_env import RobotTaskEnv, make, make_vec
from robodl_envs.randomization.settings import PRESETS
from robodl_envs.tasks.reach import Reach

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"robot": "pnda"}, KeyError, ["pnda", "did you mean 'panda'"]),
        ({"control": "tol"}, ValueError, ["control", "joint, tool", "'tol'"]),
        ({"reward": "dens"}, ValueError, ["reward", "dense, sparse", "'dens'"]),
        ({"control_dt": 0.03}, ValueError, ["0.004", "0.03", "nearest: 0.032"]),
        ({"control_dt": -1.0}, ValueError, ["multiple of the timestep"]),
        ({"timestep": 0.008, "control_dt": 0.02}, ValueError, ["timestep 0.008 s", "got 0.02", "nearest: 0.016"]),
        ({"timestep": 0.02}, ValueError, ["timestep must be from 0.0005 to 0.01 s, got 0.02"]),
        ({"timestep": float("nan")}, ValueError, ["timestep must be from 0.0005 to 0.01 s, got nan"]),
        ({"timestep": 0.0}, ValueError, ["timestep must be from 0.0005 to 0.01 s, got 0.0"]),
        ({"timstep": 0.008}, TypeError, ["timstep", "did you mean 'timestep'"]),
        ({"max_episode_steps": 0}, ValueError, ["max_episode_steps", "at least 1"]),
        ({"threads": -1}, ValueError, ["threads", "-1"]),
        ({"render_mode": "humn"}, ValueError, ["render_mode", "'humn'"]),
        ({"radius": 0.0}, ValueError, ["radius", "more than 0"]),
        ({"radios": 0.1}, TypeError, ["radios", "did you mean 'radius'"]),
        # TorchRL's GymEnv looks for Python's own words, to go on without its frameskip.
        ({"frameskip": 1}, TypeError, ["got an unexpected keyword argument 'frameskip'"]),
        ({"cameras": ["front"]}, ValueError, ["cameras is of images", "observation='image'"]),
        ({"image_size": 32}, ValueError, ["image_size is of images", "observation='image'"]),
        ({"renderer": "gl"}, ValueError, ["renderer is of images", "observation='image'"]),
        ({"randomize": "phyics"}, ValueError, ["randomize", "did you mean 'physics'"]),
        ({"robt": "panda"}, TypeError, ["robt", "did you mean 'robot'"]),
    ],
)
def test_invalid_settings_are_refused(settings, error, words):
    with pytest.raises(error) as caught:
        make("reach", **settings)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"num_envs": 0}, "at least 1"), ({"autoreset_mode": "Same"}, "'SameStep'")],
)
def test_invalid_vector_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        make_vec("reach", **settings)


def test_invalid_seeds_and_masks_are_refused():
    envs = make_vec("reach", num_envs=2)
    for seed in (-1, [1], [1, -2], [1.5, 2], "abc", 2**64):
        with pytest.raises(ValueError, match="seed"):
            envs.reset(seed=seed)
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": [True]})


def test_an_unknown_task_is_refused_with_near_names():
    with pytest.raises(KeyError, match="did you mean 'reach'"):
        RobotTaskEnv("reech")


def test_gymnasium_takes_the_tasks_own_settings():
    assert gym.make("robodl/Reach-v0", radius=0.07).unwrapped.task.radius == 0.07
    assert gym.make_vec("robodl/Reach-v0", num_envs=2, radius=0.07).task.radius == 0.07


def test_a_task_given_as_an_object_is_copied():
    task = Reach(radius=0.04)
    env = RobotTaskEnv(task)
    assert env.task.radius == 0.04 and env.task is not task


def test_a_refusal_names_the_robots_that_do_the_task():
    with pytest.raises(ValueError, match=r"it is done by panda, ur5e$"):
        make("stack", robot="so101")


def test_presets_of_randomisation_have_names():
    """As on the command line: a name stands for its numbers."""
    assert make("reach", randomize="physics").batch.made_by == make("reach", randomize=PRESETS["physics"]).batch.made_by
    assert make("reach", randomize="none").batch.made_by == make("reach").batch.made_by


@pytest.mark.parametrize(
    "other",
    [{"reward": "shaped"}, {"observation": "image"}, {"control_dt": 0.02}, {"timestep": 0.008}, {"radius": 0.1}],
)
def test_a_state_of_other_settings_is_refused_whole(other):
    """The refusal names what differs, and nothing has changed."""
    envs, others = make_vec("reach", num_envs=2), make_vec("reach", num_envs=2, **other)
    envs.reset(seed=0)
    others.reset(seed=1)
    before = pickle.dumps(envs.get_state())
    named = next(iter(other)) if "radius" not in other else "task"
    with pytest.raises(ValueError, match=f"the state is of another environment: .*{named} is"):
        envs.set_state(others.get_state())
    assert pickle.dumps(envs.get_state()) == before


def test_a_state_that_names_no_timestep_is_of_the_usual_one():
    """As states were before it was a setting."""
    envs, others = make_vec("reach", num_envs=2), make_vec("reach", num_envs=2, timestep=0.008)
    envs.reset(seed=0)
    state = envs.get_state()
    state["made_by"] = {name: value for name, value in state["made_by"].items() if name != "timestep"}
    envs.set_state(state)
    with pytest.raises(ValueError, match=r"timestep is 0.008, the state's 0.004"):
        others.set_state(state)


@pytest.mark.unit
@pytest.mark.parametrize("name", ["backend", "num_envs", "autoreset_mode"])
def test_settings_of_vector_environments_are_told_from_wrong_names(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}': {name} is of vector environments, see"):
        make("reach", **{name: "warp"})
