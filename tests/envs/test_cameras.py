"""Images in observations: contents and spaces, row by row, through resets, copies and saved states."""

import pickle
import warnings
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import pytest

import robodl_envs
from robodl_envs import SEGMENTATION_CLASSES, make, make_vec
from robodl_envs.tasks.reach import Reach
from tests.envs.images import ALL_IMAGES, CAMERAS


def test_image_observation_holds_each_named_image_and_proprioception(renderer):
    """Every modality of every camera, in its space."""
    env = make("reach", observation="image", cameras=ALL_IMAGES, image_size=(24, 32), renderer=renderer)
    observation, _ = env.reset(seed=0)
    assert set(observation) == {*ALL_IMAGES, "proprioception"} == set(env.observation_space.spaces)
    assert env.observation_space.contains(observation) and not hasattr(env, "compute_reward")
    assert observation["front"].shape == (24, 32, 3) and observation["front"].dtype == np.uint8
    assert observation["front_depth"].shape == (24, 32, 1) and observation["front_depth"].dtype == np.float32
    for camera in CAMERAS:
        classes = set(np.unique(observation[f"{camera}_segmentation"]))
        assert {SEGMENTATION_CLASSES.index("floor"), SEGMENTATION_CLASSES.index("robot")} <= classes
    env.close()


def test_only_images_show_the_goal():
    """With observation="image", moving the goal changes the image and nothing else."""
    observations = []
    for goal_offset in (0.0, 0.1):
        env = make("reach", observation="image", cameras=["front"])
        env.reset(seed=0)
        env.batch.task.goal[:] += goal_offset
        observations.append(env.step(np.zeros(3))[0])
    np.testing.assert_array_equal(observations[0]["proprioception"], observations[1]["proprioception"])
    assert (observations[0]["front"] != observations[1]["front"]).any()


@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_the_table_fills_an_image(robot):
    """All its corners are in the image of the camera `table`, and what lies on it is larger than from `front`."""
    goal = SEGMENTATION_CLASSES.index("goal")
    cameras = ["table_segmentation", "front_segmentation"]
    env = make_vec("push", num_envs=4, robot=robot, observation="image", cameras=cameras, image_size=64)
    env.reset(seed=0)
    (x0, y0), (x1, y1) = env.robot.table
    env.task.goal[:, :2] = [(x0, y0), (x0, y1), (x1, y0), (x1, y1)]
    observation = env.step(np.zeros((4, 3)))[0]
    pixels = [(observation[camera] == goal).sum(axis=(1, 2, 3)) for camera in cameras]
    assert (pixels[0] >= 4).all() and pixels[0].sum() > 1.2 * pixels[1].sum()


def test_image_and_state():
    """The numbers of observation="state", with images; hindsight replay may compute rewards."""
    env, state_env = make("reach", observation="image+state", cameras=["top"]), make("reach")
    observation, state = env.reset(seed=3)[0], state_env.reset(seed=3)[0]
    assert set(observation) == {"top", "observation", "achieved_goal", "desired_goal"}
    for key, value in state.items():
        np.testing.assert_array_equal(observation[key], value)
    assert env.compute_reward(state["achieved_goal"], state["achieved_goal"]) == 0.0


def test_images_of_a_row_equal_the_single_env(renderer):
    """Whatever the number of rows and threads, through resets, with everything randomised."""
    settings = {"observation": "image", "cameras": ["front", "wrist"], "image_size": 24, "renderer": renderer}
    randomize = {"colors": 0.2, "lights": 0.3, "background": 1.0, "camera_position": 0.05, "camera_angle": 5.0}
    randomize |= {"camera_fovy": 0.1, "noise": 5, "blur": 2.0, "latency": 2, "dropped": 0.2, "mass": 0.3}
    randomize |= {"gravity_tilt": 1.0, "state_noise": 0.01, "state_dropped": 0.3, "action_latency": 1}
    settings |= {"max_episode_steps": 3, "randomize": randomize}
    num, steps, action = 5, 8, np.full(3, 0.3)
    expected = []  # (steps, row) observations of single environments
    for row in range(num):
        single = make("reach", **settings)
        observations = [single.reset(seed=11 + row)[0]]
        for _ in range(steps - 1):
            observation, _, _, truncated, _ = single.step(action)
            observations.append(single.reset()[0] if truncated else observation)
        expected.append(observations)
        single.close()
    for threads in (1, 2):
        envs = make_vec("reach", num_envs=num, threads=threads, autoreset_mode="SameStep", **settings)
        rows, _ = envs.reset(seed=11)
        for step in range(steps):
            for i in range(num):
                for key in rows:
                    message = f"{key} of row {i}, step {step}"
                    np.testing.assert_array_equal(rows[key][i], expected[i][step][key], err_msg=message)
            rows, *_ = envs.step(np.tile(action, (num, 1)))
        envs.close()


def test_reset_draws_only_the_rows_that_were_reset(renderer):
    """Image noise, new in every image, shows which rows were drawn."""
    settings = {"num_envs": 4, "observation": "image", "image_size": 16, "randomize": {"noise": 20}}
    envs = make_vec("reach", renderer=renderer, **settings)
    before, _ = envs.reset(seed=0)
    after, _ = envs.reset(options={"reset_mask": np.array([False, True, False, True])})
    for row, changed in enumerate([False, True, False, True]):
        assert (before["front"][row] != after["front"][row]).any() == changed
    envs.close()


def test_images_continue_after_set_state_and_pickle():
    """Delayed, lost and noisy images too: the state holds those under way."""
    randomize = {"noise": 4, "latency": 3, "dropped": 0.3, "colors": 0.2, "lights": 0.3, "background": 1.0}
    settings = {"observation": "image", "cameras": ["front", "front_depth"], "image_size": 16, "randomize": randomize}
    envs = make_vec("reach", num_envs=3, **settings)
    envs.reset(seed=1)
    for _ in range(5):
        envs.step(np.full((3, 3), 0.5))
    pickled = pickle.loads(pickle.dumps(envs))
    restored = make_vec("reach", num_envs=3, **settings)
    restored.set_state(envs.get_state())
    for _ in range(4):
        expected, *others = [each.step(np.full((3, 3), -0.5))[0] for each in (envs, pickled, restored)]
        for key in expected:
            for other in others:
                np.testing.assert_array_equal(other[key], expected[key])


def test_a_task_may_add_its_own_camera():
    @dataclass(eq=False)
    class ReachWithCamera(Reach):
        def build(self, spec):
            super().build(spec)
            spec.worldbody.add_camera(name="low", pos=[1.5, 0.0, 0.1], quat=[0.5, 0.5, 0.5, 0.5])

    env = make(ReachWithCamera(), observation="image", cameras=["low", "low_depth"], image_size=16)
    assert env.reset(seed=0)[0]["low"].std() > 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cameras": ["fromt"]}, ["no image named 'fromt'", "front"]),
        ({"cameras": []}, ["at least one image"]),
        ({"cameras": ["front", "front"]}, ["must differ"]),
        ({"image_size": 2}, ["image_size must be from 4 to 1024 pixels, got 2 x 2"]),
        ({"image_size": "big"}, ["image_size must be an integer or (height, width)"]),
        ({"renderer": "vulkan"}, ["renderer must be one of ray, gl"]),
        ({"observation": "pixels"}, ["observation must be one of state, image, image+state"]),
        ({"randomize": {"colours": 1}}, ["randomize has no 'colours'", "colors"]),
        ({"randomize": {"latency": 9}}, ["randomize.latency must be an integer from 0 to 3, got 9"]),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises((ValueError, TypeError)) as refused:
        make("reach", **{"observation": "image", **settings})
    for word in words:
        assert word in str(refused.value)


def test_a_caller_cannot_change_an_environments_settings():
    """Later changes of the list and the task that were passed do not reach copies of the environment."""
    cameras, task = ["front"], Reach()
    env = make(task, observation="image", cameras=cameras, image_size=16)
    env.reset(seed=0)
    cameras.append("side")
    task.radius = 0.5
    copied = pickle.loads(pickle.dumps(env))
    assert set(copied.observation_space.spaces) == {"front", "proprioception"}
    assert copied.task.radius == Reach().radius


@pytest.mark.parametrize("observation", ["image", "image+state"])
def test_environment_checkers_pass_without_a_warning(observation, renderer):
    """Those of Gymnasium and Stable-Baselines3."""
    from gymnasium.utils.env_checker import check_env

    settings = {"observation": observation, "image_size": 40, "renderer": renderer}
    env = gym.make("robodl/Reach-v0", cameras=ALL_IMAGES, **settings).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)
    env.close()
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    env = gym.make("robodl/Reach-v0", cameras=["front", "wrist"], **settings).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3.check_env(env)
    env.close()


def test_returned_images_are_the_callers(renderer):
    """They never change later, and writing to them harms nothing."""
    env = make("reach", observation="image", cameras=["front", "front_depth"], image_size=32, renderer=renderer)
    first, _ = env.reset(seed=0)
    copies = {key: value.copy() for key, value in first.items()}
    second = env.step(np.ones(3))[0]
    for key, value in copies.items():
        np.testing.assert_array_equal(first[key], value)
        second[key][:] = 0
    third = env.step(np.ones(3))[0]
    assert third["front"].any() and third["front_depth"].any()
    env.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [("CLASSES", "SEGMENTATION_CLASSES"), ("FAR", "MAX_DEPTH"), ("gl_context", "make_gl_context")],
)
def test_renamed_public_names_still_work_with_a_warning(old, new):
    with pytest.warns(DeprecationWarning, match=new):
        assert getattr(robodl_envs, old) is getattr(robodl_envs, new)
