"""Track: how things move, what a report is, when the target is in view, and what policies reach without learning."""

import numpy as np
import pytest

from robodl_envs import make, make_policy, make_vec
from robodl_envs.experts.kalman import MEASURED, PICTURES, UNFORESEEN, gains
from robodl_envs.experts.policy import student_observable_policy
from robodl_envs.perception.moving_objects import ROOM, SPEED, TALL, THINGS, moved
from robodl_envs.perception.target_estimate import FASTEST, KICK, SHIFT
from robodl_envs.perception.track import ACQUIRE, FARTHEST, Track, arena


def episodes(policy, num, steps, robot="panda", **settings):
    """The environment after an episode of each of num rows, and the last info."""
    envs = make_vec("track", num_envs=num, robot=robot, max_episode_steps=steps, autoreset_mode="Disabled", **settings)
    act = make_policy(policy, envs)
    observation, _ = envs.reset(seed=2**31)
    for _ in range(steps):
        observation, _, _, _, info = envs.step(act(observation))
    return envs, info


@pytest.mark.parametrize("robot", ["panda", "so101"])
def test_things_stay_between_the_rails_and_keep_their_speeds(robot):
    """However they turn and bounce."""
    envs = make_vec("track", num_envs=8, robot=robot)
    envs.reset(seed=0)
    movers, area = envs.task.movers, arena(envs.batch.robot)
    before, turned, bounces = np.linalg.norm(movers.velocity, axis=2), 0.0, 0
    assert (before >= area.scale * SPEED[0]).all() and (before <= area.scale * SPEED[1]).all()
    assert np.ptp(before) > 0.15 * area.scale
    for _ in range(300):
        old = movers.velocity.copy()
        movers.advance(0.04)
        assert (movers.pos >= area.low).all() and (movers.pos <= area.high).all()
        cosine = (old * movers.velocity).sum(axis=2) / before**2
        bounces += (cosine < 0.9).sum()
        turned = max(turned, np.arccos(np.clip(cosine[cosine >= 0.9], -1, 1)).max())
    np.testing.assert_allclose(np.linalg.norm(movers.velocity, axis=2), before, rtol=1e-9)
    assert bounces > 30 and turned > 0.01


def test_things_start_apart_anywhere():
    envs = make_vec("track", num_envs=300)
    envs.reset(seed=0)
    pos, area = envs.task.movers.pos, envs.task.movers.arena
    for i in range(len(THINGS)):
        for j in range(i):
            assert (np.linalg.norm(pos[:, i] - pos[:, j], axis=1) > 2 * area.scale * ROOM).all()
    assert (np.ptp(pos, axis=(0, 1)) > 0.95 * (area.high - area.low)).all()
    share = envs.reset(seed=1)[1]["in_view"].mean()
    assert 0.2 < share < 0.6
    np.testing.assert_array_less(0.15, envs.task.target.mean(axis=0))


def test_what_meets_turns_back():
    """A rail turns back as a mirror does; of two that meet, who moves towards the other turns back."""
    area = arena(make("track").batch.robot)
    far = np.array([[area.low + 0.2, area.high - 0.1]])
    rail = np.array([[[area.low[0] + 0.001, area.middle[1]], area.high - 0.1]])
    pos, velocity = moved(rail, np.array([[[-0.2, 0.1], [0.0, 0.1]]]), 0.04, area)
    np.testing.assert_allclose(pos[0, 0], [area.low[0] + 0.007, area.middle[1] + 0.004])
    np.testing.assert_allclose(velocity, [[[0.2, 0.1], [0.0, 0.1]]])
    pair = np.array([[area.middle, area.middle + np.array([0.05, 0.0])]])
    for before, after in (([0.2, -0.1], [-0.2, 0.1]), ([0.2, 0.1], [-0.2, 0.1]), ([0.1, 0.2], [0.1, 0.2])):
        speeds = np.array([[[before[0], 0.05], [before[1], 0.0]]])
        pos, velocity = moved(pair, speeds, 0.04, area)
        np.testing.assert_allclose(velocity, [[[after[0], 0.05], [after[1], 0.0]]])
        np.testing.assert_allclose(pos, pair + 0.04 * velocity)
        np.testing.assert_array_equal(moved(far, speeds, 0.04, area)[1], speeds)


def test_the_report_goes_on_and_is_corrected():
    """At constant velocity, back from rails; by actions in steps, within the arena."""
    envs = make_vec("track", num_envs=2)
    observation, _ = envs.reset(seed=0)
    area = envs.task.movers.arena
    np.testing.assert_allclose(observation["achieved_goal"], [[*area.middle, 0, 0]] * 2, atol=1e-6)
    action = np.zeros((2, 7))
    action[:, 3:] = [[0.5, -0.2, 0.4, 0.0], [0.0, 0.0, -0.4, 0.2]]
    goal = envs.step(action)[0]["achieved_goal"]
    kick = KICK * action[:, 5:]
    np.testing.assert_allclose(goal, np.c_[area.middle + SHIFT * action[:, 3:5], kick], atol=1e-6)
    for _ in range(2):
        last, goal = goal, envs.step(np.zeros((2, 7)))[0]["achieved_goal"]
    np.testing.assert_allclose(goal, np.c_[last[:, :2] + 0.04 * kick, kick], atol=1e-6)
    observation = envs.step(np.zeros((2, 7)))[0]
    columns, vector = envs.batch.state_columns(), observation["observation"]
    report = vector[:, columns["tool"]][:, :2] + vector[:, columns["to_report"]]
    np.testing.assert_allclose(report, observation["achieved_goal"][:, :2], atol=1e-6)
    goals = np.array([goal] + [envs.step(np.ones((2, 7)))[0]["achieved_goal"] for _ in range(20)])
    np.testing.assert_allclose(goals.max(axis=0), [[*area.high, FASTEST, FASTEST]] * 2, atol=1e-6)
    goal = goals[-1]
    np.testing.assert_allclose(goal[:, :2], [area.high] * 2, atol=1e-6)
    for _ in range(20):
        last, goal = goal, envs.step(np.zeros((2, 7)))[0]["achieved_goal"]
        pos, velocity = last[:, :2] + 0.04 * last[:, 2:], last[:, 2:]
        inside = (pos > area.low) & (pos < area.high)
        np.testing.assert_allclose(goal[:, 2:], np.where(inside, velocity, -velocity), atol=1e-6)
    assert (velocity < 0.0).all()


@pytest.mark.parametrize("robot", ["panda", "so101"])
def test_in_view_is_what_the_picture_shows(robot):
    """The target's middle shows the target itself, unless something hides it; out of view nothing is there."""
    envs = make_vec(
        "track", num_envs=12, robot=robot, observation="image+state", cameras=["wrist", "wrist_segmentation"]
    )
    act, eye, rng = make_policy("expert", envs), envs.task.eye, np.random.default_rng(0)
    observation, info = envs.reset(seed=0)
    both = np.zeros(2, int)
    for _ in range(12):
        action = act(observation)
        action[::2] = rng.uniform(-0.5, 0.5, action[::2].shape)
        action[:, 2] = 0.0
        observation, _, _, _, info = envs.step(action)
        target = np.c_[envs.task.chosen(envs.task.movers.pos), np.full(12, 0.022 * envs.task.movers.arena.scale)]
        x, y, ahead = eye.seen(target[:, None])[:, 0].T
        inside = (abs(x) <= 1) & (abs(y) <= 1)
        near = ahead < envs.task.farthest
        np.testing.assert_array_equal(info["in_view"], inside & near)
        j, i = np.clip(((1 + x) * 32).astype(int), 0, 63), np.clip(((1 - y) * 32).astype(int), 0, 63)
        shows = observation["wrist_segmentation"][np.arange(12), i, j, 0] == 3
        assert shows[inside].all()
        both += [inside.sum(), (~inside).sum()]
    assert (both > 20).all()


def test_points_are_the_places_of_what_is_in_view():
    """The target's is known where it is in view, and is where the target is from the tool."""
    envs, _ = episodes("random", 64, 30)
    task, rows = envs.task, np.arange(64)
    place = task.points()["things_in_view"][rows, task.target.argmax(axis=1)]
    np.testing.assert_array_equal(np.isnan(place).any(axis=1), ~task.in_view)
    to_target = task.observe()[0]
    np.testing.assert_array_equal(place[task.in_view], to_target[task.in_view])
    assert 0 < task.in_view.sum() < 64


def test_no_arm_sees_everything_from_above():
    """A target much farther from the camera than at the start is not in view, though pictures show it."""
    envs = make_vec("track", num_envs=4)
    envs.reset(seed=0)
    action = np.zeros((4, 7))
    action[:, 2] = 0.5
    for _ in range(15):
        *_, info = envs.step(action)
    target = np.c_[envs.task.chosen(envs.task.movers.pos), np.full(4, 0.022)]
    x, _, ahead = envs.task.eye.seen(target[:, None])[:, 0].T
    assert (abs(x) < 1).any() and (ahead > 1.5 / FARTHEST * envs.task.farthest).all() and not info["in_view"].any()


def test_metrics_count_errors_in_view_after_the_first_second():
    envs = make_vec("track", num_envs=6, max_episode_steps=60, autoreset_mode="Disabled")
    envs.reset(seed=0)
    rng, squares, seen = np.random.default_rng(0), np.zeros((6, 2)), np.zeros(6)
    for step in range(1, 61):
        observation, _, _, _, info = envs.step(rng.uniform(-0.3, 0.3, (6, 7)))
        error = (observation["achieved_goal"] - observation["desired_goal"]).astype(float) ** 2
        if step * 0.04 > ACQUIRE + 1e-9:
            squares += info["in_view"][:, None] * np.c_[error[:, :2].sum(axis=1), error[:, 2:].sum(axis=1)]
            seen += info["in_view"]
        else:
            assert not info["steps_counted"].any() and not info["position_rmse"].any()
    assert (info["steps_counted"] == 35).all() and 0 < seen.sum() < 6 * 35
    np.testing.assert_array_equal(info["steps_in_view"], seen)
    np.testing.assert_allclose(info["view_share"], seen / 35)
    rmse = np.sqrt(squares / np.maximum(seen, 1)[:, None])
    np.testing.assert_allclose(np.c_[info["position_rmse"], info["velocity_rmse"]], rmse, rtol=1e-4)
    summary = envs.task.summary(info)
    pooled = np.sqrt(squares.sum(axis=0) / seen.sum())
    expected = [1000 * pooled[0], 100 * pooled[1], seen.sum() / (6 * 35)]
    np.testing.assert_allclose(list(summary.values()), expected, rtol=1e-4)
    info = envs.reset(seed=1)[1]
    assert not info["steps_counted"].any() and np.isnan(envs.task.summary(info)["in_view"])


def test_reward_and_success_of_goals():
    """Of NumPy arrays and torch tensors, with any leading axes."""
    torch = pytest.importorskip("torch")
    task, rng = Track(), np.random.default_rng(0)
    desired = rng.uniform(-0.3, 0.3, (3, 5, 4))
    achieved = desired + rng.uniform(-0.04, 0.04, (3, 5, 4))
    reward, success = task.reward(achieved, desired), task.success(achieved, desired)
    way = np.linalg.norm((achieved - desired).reshape(3, 5, 2, 2), axis=3)
    np.testing.assert_allclose(reward, -way[..., 0] - 0.2 * way[..., 1])
    np.testing.assert_array_equal(success, (way[..., 0] < 0.03) & (way[..., 1] < 0.06))
    assert success.any() and not success.all()
    tensors = torch.tensor(achieved), torch.tensor(desired)
    np.testing.assert_allclose(task.reward(*tensors).numpy(), reward)
    np.testing.assert_array_equal(task.success(*tensors).numpy(), success)
    np.testing.assert_allclose(task.distance(achieved, desired), way[..., 0])


@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_the_expert_is_nearly_exact(robot):
    envs, info = episodes("expert", 24, 75, robot)
    summary = envs.task.summary(info)
    assert summary["position_rmse_mm"] < 1.0 and summary["velocity_rmse_cm_s"] < 2.0 and summary["in_view"] > 0.99


def test_who_sees_nothing_of_the_target_searches():
    """The teacher moves on where the target should show and does not, wherever it is; else it is the expert."""
    envs = make_vec("track", num_envs=200)
    observation, _ = envs.reset(seed=3)
    act, exact = student_observable_policy(envs.batch), make_policy("expert", envs)
    task = envs.task
    middle = np.c_[task.chosen(task.movers.pos), np.full(200, task.movers.arena.scale * TALL)]
    right, up, _ = task.eye.seen(middle[:, None])[:, 0].T
    hidden = np.flatnonzero(np.maximum(abs(right), abs(up)) > 1.2)
    assert 20 < len(hidden) < 180
    action = act(observation)[hidden]
    np.testing.assert_array_equal(action, np.repeat(action[:1], len(hidden), axis=0))
    assert (abs(action[:, 3:5]).max(axis=1) == 1.0).all()
    np.testing.assert_array_equal(act(observation)[task.looks()], exact(observation)[task.looks()])
    assert (exact(observation)[hidden] != action).any(axis=1).all()


@pytest.mark.parametrize("policy", ["zero", "random"])
def test_floors_are_far_off(policy):
    """And a still arm loses sight of the target."""
    envs, info = episodes(policy, 40, 100)
    summary = envs.task.summary(info)
    assert summary["position_rmse_mm"] > 90 and summary["velocity_rmse_cm_s"] > 11 and summary["in_view"] < 0.6


def test_the_kalman_filter_tracks():
    """With pictures of 64 x 64 pixels, and no look at the state."""
    envs, info = episodes("kalman", 40, 60, observation="image", cameras=list(PICTURES), renderer="ray")
    summary = envs.task.summary(info)
    assert summary["position_rmse_mm"] < 12 and summary["velocity_rmse_cm_s"] < 10 and summary["in_view"] > 0.9


def test_kalman_gains_are_those_of_the_steady_state():
    """Which have a closed form (Kalata 1984): beta^2 / (1 - alpha) is the tracking index squared."""
    for dt in (0.02, 0.04):
        alpha, beta = np.array(gains(dt)) * [1.0, dt]
        np.testing.assert_allclose(beta**2 / (1 - alpha), (UNFORESEEN * dt**2 / MEASURED) ** 2, rtol=1e-6)
        np.testing.assert_allclose(beta, 2 * (2 - alpha) - 4 * np.sqrt(1 - alpha), rtol=1e-6)


def test_the_kalman_filter_says_what_it_needs():
    envs = make_vec("track", num_envs=2)
    act = make_policy("kalman", envs)
    with pytest.raises(ValueError, match="wrist_depth"):
        act(envs.reset(seed=0)[0])
    with pytest.raises(KeyError, match=r"did you mean 'kalman'.*there are expert, random, zero, kalman"):
        make_policy("kalmann", envs)
    with pytest.raises(KeyError, match="there are expert, random, zero"):
        make_policy("kalman", make("reach"))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="radius must be"):
        Track(radius=0.0)
    with pytest.raises(ValueError, match="speed must be"):
        Track(speed=-1.0)


def test_the_kalman_filter_is_the_same_in_a_batch():
    """Row i acts and sees as the single environment does, to the last bit."""
    settings = {"observation": "image+state", "cameras": list(PICTURES), "image_size": 32}
    envs, single = make_vec("track", num_envs=3, **settings), make("track", **settings)
    act, alone = make_policy("kalman", envs), make_policy("kalman", single)
    many, one = envs.reset(seed=5)[0], single.reset(seed=7)[0]
    for _ in range(40):
        action = act(many)
        np.testing.assert_array_equal(alone({key: value[None] for key, value in one.items()})[0], action[2])
        many, one = envs.step(action)[0], single.step(action[2])[0]
        np.testing.assert_array_equal(one["observation"], many["observation"][2])
