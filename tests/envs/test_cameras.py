"""Pictures as observations: what they hold, row by row, through resets, copies and saved states."""

import pickle
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import pytest

from robodl_envs import CLASSES, make, make_vec
from robodl_envs.tasks.reach import Reach
from tests.envs.pictures import CAMERAS, EVERYTHING


def test_what_an_observation_holds(renderer):
    """Every kind of every camera, in its space; nothing in "image" tells where the goal is but the pictures."""
    env = make("reach", observation="image", cameras=EVERYTHING, image_size=(24, 32), renderer=renderer)
    observation, _ = env.reset(seed=0)
    assert set(observation) == {*EVERYTHING, "proprioception"} == set(env.observation_space.spaces)
    assert env.observation_space.contains(observation) and not hasattr(env, "compute_reward")
    assert observation["front"].shape == (24, 32, 3) and observation["front"].dtype == np.uint8
    assert observation["front_depth"].shape == (24, 32, 1) and observation["front_depth"].dtype == np.float32
    for camera in CAMERAS:
        classes = set(np.unique(observation[f"{camera}_segmentation"]))
        assert {CLASSES.index("floor"), CLASSES.index("robot")} <= classes
    apart = make("reach", observation="image", cameras=["front"])
    apart.reset(seed=0)
    apart.batch.task.goal[:] += 0.1
    moved = apart.step(np.zeros(3))[0]
    same = make("reach", observation="image", cameras=["front"])
    same.reset(seed=0)
    still = same.step(np.zeros(3))[0]
    np.testing.assert_array_equal(moved["proprioception"], still["proprioception"])
    assert (moved["front"] != still["front"]).any()
    env.close()


def test_image_and_state():
    """All of "state", the same numbers, and pictures; hindsight may ask for rewards."""
    env, plain = make("reach", observation="image+state", cameras=["top"]), make("reach")
    observation, state = env.reset(seed=3)[0], plain.reset(seed=3)[0]
    assert set(observation) == {"top", "observation", "achieved_goal", "desired_goal"}
    for key, value in state.items():
        np.testing.assert_array_equal(observation[key], value)
    assert env.compute_reward(state["achieved_goal"], state["achieved_goal"]) == 0.0


def test_row_equals_single_env_in_pictures(renderer):
    """Row i's pictures are the single environment's, whatever the number of rows and threads, through resets."""
    settings = {"observation": "image", "cameras": ["front", "wrist"], "image_size": 32, "renderer": renderer}
    randomize = {"colors": 0.2, "lights": 0.3, "background": 1.0, "camera_position": 0.05, "camera_angle": 5.0}
    randomize |= {"camera_fovy": 0.1, "noise": 5, "blur": 2.0, "latency": 2, "dropped": 0.2, "mass": 0.3}
    randomize |= {"gravity_tilt": 1.0, "state_noise": 0.01, "state_dropped": 0.3, "action_latency": 1}
    settings |= {"max_episode_steps": 3, "randomize": randomize}
    for threads in (1, 2):
        envs = make_vec("reach", num_envs=5, threads=threads, autoreset_mode="SameStep", **settings)
        singles = [make("reach", **settings) for _ in range(5)]
        rows, _ = envs.reset(seed=11)
        each = [single.reset(seed=11 + i)[0] for i, single in enumerate(singles)]
        for step in range(8):
            for i in range(5):
                for key in rows:
                    np.testing.assert_array_equal(rows[key][i], each[i][key], err_msg=f"{key} of row {i}, step {step}")
            action = np.full((5, 3), 0.3)
            rows, _, _, truncated, _ = envs.step(action)
            for i, single in enumerate(singles):
                each[i] = single.step(action[i])[0]
                if truncated[i]:
                    each[i] = single.reset()[0]
        for env in (envs, *singles):
            env.close()


def test_only_rows_asked_for_are_drawn(renderer):
    envs = make_vec("reach", num_envs=4, observation="image", renderer=renderer)
    before, _ = envs.reset(seed=0)
    drawn = []
    kept = envs.batch.eyes.look
    envs.batch.eyes.look = lambda ids, rng: (drawn.append(list(ids)), kept(ids, rng))
    after, _ = envs.reset(options={"reset_mask": np.array([False, True, False, True])})
    assert drawn == [[1, 3]]
    for row, changed in enumerate([False, True, False, True]):
        assert (before["front"][row] != after["front"][row]).any() == changed
    envs.close()


def test_pictures_go_on_after_set_state_and_pickle():
    """Late, lost and noisy pictures too: the state holds what is under way."""
    randomize = {"noise": 4, "latency": 3, "dropped": 0.3, "colors": 0.2, "lights": 0.3, "background": 1.0}
    settings = {"observation": "image", "cameras": ["front", "front_depth"], "image_size": 16, "randomize": randomize}
    envs = make_vec("reach", num_envs=3, **settings)
    envs.reset(seed=1)
    for _ in range(5):
        envs.step(np.full((3, 3), 0.5))
    twin = pickle.loads(pickle.dumps(envs))
    other = make_vec("reach", num_envs=3, **settings)
    other.set_state(envs.get_state())
    for _ in range(4):
        pictures = [each.step(np.full((3, 3), -0.5))[0] for each in (envs, twin, other)]
        for key in pictures[0]:
            np.testing.assert_array_equal(pictures[1][key], pictures[0][key])
            np.testing.assert_array_equal(pictures[2][key], pictures[0][key])


def test_a_task_may_bring_its_own_camera():
    @dataclass(eq=False)
    class Watched(Reach):
        def build(self, spec):
            super().build(spec)
            spec.worldbody.add_camera(name="low", pos=[1.5, 0.0, 0.1], quat=[0.5, 0.5, 0.5, 0.5])

    env = make(Watched(), observation="image", cameras=["low", "low_depth"], image_size=16)
    assert env.reset(seed=0)[0]["low"].std() > 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cameras": ["fromt"]}, ["no picture named 'fromt'", "front"]),
        ({"cameras": []}, ["at least one picture"]),
        ({"cameras": ["front", "front"]}, ["must differ"]),
        ({"image_size": 2}, ["image_size must be from 4 to 1024 pixels, got 2 x 2"]),
        ({"image_size": "big"}, ["image_size must be an integer or (height, width)"]),
        ({"renderer": "vulkan"}, ["renderer must be one of ray, gl"]),
        ({"observation": "pixels"}, ["observation must be one of state, image, image+state"]),
        ({"randomize": {"colours": 1}}, ["randomize has no 'colours'", "colors"]),
        ({"randomize": {"latency": 9}}, ["randomize.latency must be an integer from 0 to 3, got 9"]),
    ],
)
def test_what_is_refused(settings, words):
    with pytest.raises((ValueError, TypeError)) as refused:
        make("reach", **{"observation": "image", **settings})
    for word in words:
        assert word in str(refused.value)


def test_settings_are_the_environments_own():
    """What a caller does with his list and task afterwards does not change copies of the environment."""
    cameras, task = ["front"], Reach()
    env = make(task, observation="image", cameras=cameras, image_size=16)
    env.reset(seed=0)
    cameras.append("side")
    task.radius = 0.5
    assert set(pickle.loads(pickle.dumps(env)).observation_space.spaces) == {"front", "proprioception"}


@pytest.mark.parametrize("observation", ["image", "image+state"])
def test_checkers(observation, renderer):
    """Gymnasium's checker and Stable-Baselines3's pass without a warning."""
    import warnings

    from gymnasium.utils.env_checker import check_env

    settings = {"observation": observation, "cameras": EVERYTHING, "image_size": 40, "renderer": renderer}
    env = gym.make("robodl/Reach-v0", **settings).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    env = gym.make("robodl/Reach-v0", **{**settings, "cameras": ["front", "wrist"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3.check_env(env.unwrapped)
    env.close()


def test_earlier_pictures_never_change(renderer):
    """What was returned stays as it was, and changing it harms nothing."""
    env = make("reach", observation="image", cameras=["front", "front_depth"], renderer=renderer)
    first, _ = env.reset(seed=0)
    kept = {key: value.copy() for key, value in first.items()}
    second = env.step(np.ones(3))[0]
    for key, value in kept.items():
        np.testing.assert_array_equal(first[key], value)
        second[key][:] = 0
    third = env.step(np.ones(3))[0]
    assert third["front"].any() and third["front_depth"].any()
    env.close()
