"""Track: the estimate and its corrections, when the target is in view, metrics, and policies without learning."""

import numpy as np
import pytest

from robodl_envs import make_policy, make_vec
from robodl_envs.experts.policy import student_observable_policy
from robodl_envs.experts.track import PARTLY_VISIBLE, is_visible
from robodl_envs.perception.moving_objects import HALF_HEIGHT, MAX_VELOCITY
from robodl_envs.perception.target_estimate import ACQUIRE_TIME, correction_steps
from robodl_envs.perception.track import MAX_VIEW_DISTANCE, Track
from tests.envs.tracking import pooled_errors, track_episodes

pytestmark = pytest.mark.unit


def image_coordinates_of_target(envs):
    """Right and up in the image, from -1 to 1 within it, and depth, m, of the target's middle: (N,) each."""
    task = envs.task
    pos = task.objects.of_target(task.objects.pos)
    middle = np.c_[pos, np.full(len(pos), HALF_HEIGHT * task.objects.arena.scale)]
    return task.camera.image_coordinates(middle[:, None])[:, 0].T


def test_the_estimate_moves_on_and_is_corrected():
    """At constant velocity, reflected by rails; by corrections that are steps of actions, within the arena."""
    envs = make_vec("track", num_envs=2)
    observation, _ = envs.reset(seed=0)
    area, zero = envs.task.objects.arena, np.zeros((2, 7))
    np.testing.assert_allclose(observation["achieved_goal"], [[*area.middle, 0, 0]] * 2, atol=1e-6)
    action = np.zeros((2, 7))
    action[:, 3:] = [[0.5, -0.2, 0.4, 0.0], [0.0, 0.0, -0.4, 0.2]]
    goal = envs.step(action)[0]["achieved_goal"]
    position_step, velocity_step = correction_steps(envs.robot)
    velocity = velocity_step * action[:, 5:]
    np.testing.assert_allclose(goal, np.c_[area.middle + position_step * action[:, 3:5], velocity], atol=1e-6)
    for _ in range(2):
        last, goal = goal, envs.step(zero)[0]["achieved_goal"]
    np.testing.assert_allclose(goal, np.c_[last[:, :2] + 0.04 * velocity, velocity], atol=1e-6)
    observation = envs.step(zero)[0]
    columns, vector = envs.state_columns, observation["observation"]
    estimate = vector[:, columns["tool"]][:, :2] + vector[:, columns["to_estimate"]]
    np.testing.assert_allclose(estimate, observation["achieved_goal"][:, :2], atol=1e-6)
    goals = np.array([goal] + [envs.step(np.ones((2, 7)))[0]["achieved_goal"] for _ in range(20)])
    np.testing.assert_allclose(goals.max(axis=0), [[*area.high, MAX_VELOCITY, MAX_VELOCITY]] * 2, atol=1e-6)
    goal = goals[-1]
    np.testing.assert_allclose(goal[:, :2], [area.high] * 2, atol=1e-6)
    for _ in range(20):
        last, goal = goal, envs.step(zero)[0]["achieved_goal"]
        pos, velocity = last[:, :2] + 0.04 * last[:, 2:], last[:, 2:]
        inside = (pos > area.low) & (pos < area.high)
        np.testing.assert_allclose(goal[:, 2:], np.where(inside, velocity, -velocity), atol=1e-6)
    assert (velocity < 0.0).all()


@pytest.mark.parametrize(
    ("robot", "height", "width", "randomize"),
    [
        ("panda", 64, 64, None),
        ("so101", 64, 64, None),
        ("panda", 32, 64, None),
        ("panda", 64, 32, {"camera_angle": 5.0, "camera_position": 0.01}),
        ("panda", 32, 64, {"camera_fovy": 0.9}),
    ],
)
def test_in_view_is_what_the_image_shows(robot, height, width, randomize):
    """The pixel at the target's middle in the image shows the target, whatever the row's camera is like."""
    num, images = (
        24,
        {"cameras": ["wrist", "wrist_segmentation"], "image_size": (height, width), "randomize": randomize},
    )
    envs = make_vec("track", num_envs=num, robot=robot, observation="image+state", **images)
    act, rng = make_policy("expert", envs), np.random.default_rng(0)
    observation, info = envs.reset(seed=0)
    counts = np.zeros(2, int)
    for _ in range(12):
        action = act(observation)
        action[::2] = rng.uniform(-0.5, 0.5, action[::2].shape)
        action[:, 2] = 0.0
        observation, _, _, _, info = envs.step(action)
        right, up, depth = image_coordinates_of_target(envs)
        inside = (abs(right) <= 1) & (abs(up) <= 1)
        np.testing.assert_array_equal(info["in_view"], inside & (depth < envs.task.max_depth))
        column = np.clip((0.5 * (1 + right) * width).astype(int), 0, width - 1)
        row = np.clip((0.5 * (1 - up) * height).astype(int), 0, height - 1)
        shows_target = observation["wrist_segmentation"][np.arange(num), row, column, 0] == 3
        assert shows_target[inside].all()
        counts += [inside.sum(), (~inside).sum()]
    assert (counts > 20).all()


def test_keypoint_labels_are_offsets_of_objects_in_view():
    """The target's is NaN out of view, and otherwise the offset from the tool that the state has."""
    envs, _ = track_episodes("random", 64, 30)
    task = envs.task
    label = task.keypoint_labels()["objects_in_view"][np.arange(64), task.objects.target.argmax(axis=1)]
    np.testing.assert_array_equal(np.isnan(label).any(axis=1), ~task.in_view)
    to_target = envs.state_observation()["observation"][:, envs.state_columns["to_target"]]
    np.testing.assert_allclose(label[task.in_view], to_target[task.in_view], rtol=1e-6)  # float32
    assert 0 < task.in_view.sum() < 64


def test_a_target_far_below_the_camera_is_out_of_view():
    """So that no arm can rise until it sees everything; images show such targets."""
    envs = make_vec("track", num_envs=4)
    envs.reset(seed=0)
    action = np.zeros((4, 7))
    action[:, 2] = 0.5
    for _ in range(15):
        *_, info = envs.step(action)
    right, _, depth = image_coordinates_of_target(envs)
    far = depth > 1.5 / MAX_VIEW_DISTANCE * envs.task.max_depth
    assert (abs(right) < 1).any() and far.all() and not info["in_view"].any()


def test_metrics_count_errors_in_view_after_the_first_second():
    envs = make_vec("track", num_envs=6, max_episode_steps=60, autoreset_mode="Disabled")
    envs.reset(seed=0)
    rng, squares, in_view = np.random.default_rng(0), np.zeros((6, 2)), np.zeros(6)
    for step in range(1, 61):
        observation, _, _, _, info = envs.step(rng.uniform(-0.3, 0.3, (6, 7)))
        error = (observation["achieved_goal"] - observation["desired_goal"]).astype(float) ** 2
        if step * 0.04 > ACQUIRE_TIME + 1e-9:
            squares += info["in_view"][:, None] * np.c_[error[:, :2].sum(axis=1), error[:, 2:].sum(axis=1)]
            in_view += info["in_view"]
        else:
            assert not info["steps_counted"].any() and not info["position_rmse"].any()
    assert (info["steps_counted"] == 35).all() and 0 < in_view.sum() < 6 * 35
    np.testing.assert_array_equal(info["steps_in_view"], in_view)
    np.testing.assert_allclose(info["view_share"], in_view / 35)
    rmse = np.sqrt(squares / np.maximum(in_view, 1)[:, None])
    np.testing.assert_allclose(np.c_[info["position_rmse"], info["velocity_rmse"]], rmse, rtol=1e-4)
    expected = [*np.sqrt(squares.sum(axis=0) / in_view.sum()), in_view.sum() / (6 * 35)]
    np.testing.assert_allclose(pooled_errors(info), expected, rtol=1e-4)
    assert not envs.reset(seed=1)[1]["steps_counted"].any()


def test_reward_and_success_of_goals(rng):
    """With any leading axes."""
    task = Track()
    desired = rng.uniform(-0.3, 0.3, (3, 5, 4))
    achieved = desired + rng.uniform(-0.04, 0.04, (3, 5, 4))
    success = task.success(achieved, desired)
    error = np.linalg.norm((achieved - desired).reshape(3, 5, 2, 2), axis=3)
    np.testing.assert_allclose(task.reward(achieved, desired), -error[..., 0] - 0.2 * error[..., 1])
    np.testing.assert_array_equal(success, (error[..., 0] < 0.03) & (error[..., 1] < 0.06))
    assert success.any() and not success.all()


def test_goal_distance_is_that_of_the_positions():
    envs, _ = track_episodes("random", 5, 3)
    achieved, desired = (envs.state_observation()[name][:, :2] for name in ("achieved_goal", "desired_goal"))
    np.testing.assert_allclose(envs.goal_distance(), np.linalg.norm(achieved - desired, axis=1), rtol=1e-6)


@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_the_expert_is_nearly_exact(robot):
    position, velocity, in_view = pooled_errors(track_episodes("expert", 24, 75, robot)[1])
    assert position < 0.001 and velocity < 0.02 and in_view > 0.99


def test_the_student_observable_expert_searches_for_a_target_out_of_view():
    """Its action is the same wherever a hidden target is; with a visible target it is the expert's."""
    envs = make_vec("track", num_envs=200)
    observation, _ = envs.reset(seed=3)
    search, expert = student_observable_policy(envs.batch), make_policy("expert", envs)
    right, up, _ = image_coordinates_of_target(envs)
    hidden = np.flatnonzero(np.maximum(abs(right), abs(up)) > 1.2)
    assert 20 < len(hidden) < 180
    action = search(observation)[hidden]
    np.testing.assert_array_equal(action, np.repeat(action[:1], len(hidden), axis=0))
    assert (abs(action[:, 3:5]).max(axis=1) == 1.0).all()
    state = {name: observation["observation"][:, columns] for name, columns in envs.state_columns.items()}
    visible = is_visible(state["tool"][:, :2] + state["to_target"], state, envs.robot)[:, 0]
    assert visible.any() and not visible[hidden].any()
    np.testing.assert_array_equal(search(observation)[visible], expert(observation)[visible])
    assert (expert(observation)[hidden] != action).any(axis=1).all()


@pytest.mark.parametrize("randomize", [None, {"camera_angle": 5.0, "camera_position": 0.01}])
def test_the_search_sees_what_each_rows_camera_sees(randomize):
    """Its visibility, from the state, is the simulator's projection, to 7 % of the distance to the image's edge."""
    images = {"observation": "image+state", "cameras": ["wrist"], "image_size": 4, "randomize": randomize}
    envs = make_vec("track", num_envs=64, **images)
    act, rng = make_policy("expert", envs), np.random.default_rng(1)
    observation, _ = envs.reset(seed=1)
    counts = np.zeros(2, int)
    for _ in range(15):
        action = act(observation)
        action[:, :2] += rng.uniform(-1.0, 1.0, (64, 1))
        observation = envs.step(np.clip(action, -1.0, 1.0))[0]
        state = {name: observation["observation"][:, columns] for name, columns in envs.state_columns.items()}
        visible = is_visible(state["tool"][:, :2] + state["to_target"], state, envs.robot)[:, 0]
        right, up, _ = abs(image_coordinates_of_target(envs))
        seen = np.maximum(right, up) / PARTLY_VISIBLE
        clear = abs(seen - 1.0) > 1e-3  # rounding of float32 aside
        np.testing.assert_array_equal(visible[clear], seen[clear] < 1.0)
        counts += [visible.sum(), (~visible).sum()]
    assert (counts > 20).all()


@pytest.mark.parametrize("policy", ["zero", "random"])
def test_zero_and_random_actions_have_large_errors(policy):
    """And a still arm loses sight of the target."""
    position, velocity, in_view = pooled_errors(track_episodes(policy, 40, 100)[1])
    assert position > 0.09 and velocity > 0.11 and in_view < 0.6


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="radius must be"):
        Track(radius=0.0)
    with pytest.raises(ValueError, match="speed must be"):
        Track(speed=-1.0)
