"""Noise, lost and late signals: what policies feel and do suffers, physics, goals and rewards do not."""

import numpy as np
import pytest

from robodl_envs import make, make_vec
from tests.envs.rollouts import actions_of

ROWS, STEPS = 24, 40
NO_END = {"max_episode_steps": None}


def life(randomize, actions=None, task="push", **settings):
    """Observations, (steps + 1, N, k) by name, and rewards, (steps, N), of one episode under a row's own actions."""
    envs = make_vec(task, num_envs=ROWS, randomize=randomize, **NO_END, **settings)
    if actions is None:
        actions = sent(envs)
    seen, rewards = [envs.reset(seed=0)[0]], []
    for action in actions:
        observation, reward, *_ = envs.step(action)
        assert observation in envs.observation_space
        seen.append(observation)
        rewards.append(reward)
    return {key: np.stack([each[key] for each in seen]) for key in seen[0]}, np.array(rewards)


def sent(envs):
    return np.stack([actions_of(row, STEPS, envs.single_action_space.shape[0]) for row in range(ROWS)], axis=1)


@pytest.fixture(scope="module")
def truth():
    return life({})


@pytest.mark.parametrize("name", ["state_noise", "state_dropped"])
def test_only_what_is_felt_changes(name, truth):
    """Physics, goals and rewards are those of an environment without, bit for bit."""
    plain, rewards = truth
    noisy, same = life({name: 0.2})
    np.testing.assert_array_equal(same, rewards)
    for key in plain:
        assert (noisy[key] != plain[key]).any() == (key == "observation")


def test_noise_has_the_size_asked_for(truth):
    """Of every number by itself, as a share of half its range, anew in every step; within the bounds."""
    space = make("push").observation_space["observation"]
    half = 0.5 * (space.high - space.low)
    plain, noisy = truth[0]["observation"], life({"state_noise": 0.01})[0]["observation"]
    far = (np.abs(plain - space.low - half) < 0.95 * half).all(axis=(0, 1))  # 5 standard deviations from any bound
    noise = ((noisy - plain) / half)[:, :, far]  # (steps + 1, N, k)
    assert far.sum() > 25
    np.testing.assert_allclose(noise.std(axis=(0, 1)), 0.01, rtol=0.1)
    assert abs(noise.mean()) < 3e-4 and abs((noise[1:] * noise[:-1]).mean()) < 3e-6
    assert abs((noise[:, :, 1:] * noise[:, :, :-1]).mean()) < 3e-6 and abs((noise[:, 1:] * noise[:, :-1]).mean()) < 3e-6


def test_dropped_observations(truth):
    """One that does not arrive leaves the one before, whole, at the share asked for; the first one arrives."""
    plain, kept = truth[0]["observation"], life({"state_dropped": 0.3})[0]["observation"]
    fresh, stands = (kept == plain).all(axis=2), (kept[1:] == kept[:-1]).all(axis=2)
    assert fresh[0].all() and (fresh[1:] | stands).all()
    assert abs((~fresh[1:]).mean() - 0.3) < 0.06


def test_action_latency():
    """A row's actions take a fixed number of steps, 0 to 3, in which it holds still, and then nothing else differs."""
    actions = sent(make_vec("push", num_envs=ROWS))
    late = life({"action_latency": 3}, actions)
    undelayed = [life({}, np.concatenate([np.zeros((d, *actions.shape[1:])), actions])[:STEPS]) for d in range(4)]
    delays = []
    for row in range(ROWS):
        fits = [
            d
            for d, (seen, rewards) in enumerate(undelayed)
            if all((seen[key][:, row] == late[0][key][:, row]).all() for key in seen)
            and (rewards[:, row] == late[1][:, row]).all()
        ]
        assert len(fits) == 1
        delays += fits
    assert set(delays) == {0, 1, 2, 3}


def test_actions_under_way_are_forgotten_at_a_reset():
    randomize = {"action_latency": 3}
    used, fresh = (make_vec("reach", num_envs=8, randomize=randomize) for _ in range(2))
    used.reset(seed=1)
    for _ in range(4):
        used.step(np.ones((8, 3)))
    np.testing.assert_array_equal(used.reset(seed=2)[0]["observation"], fresh.reset(seed=2)[0]["observation"])
    for _ in range(4):
        after, before = (envs.step(np.zeros((8, 3)))[0] for envs in (used, fresh))
        np.testing.assert_array_equal(after["observation"], before["observation"])


def test_what_the_arm_feels_beside_pictures():
    """Proprioception is what suffers; pictures have sensors of their own."""
    settings = {"task": "reach", "observation": "image", "cameras": ["front"], "image_size": 8}
    actions = np.full((4, ROWS, 3), 0.3)
    (plain, _), (noisy, _) = (life(r, actions, **settings) for r in ({}, {"state_noise": 0.01}))
    np.testing.assert_array_equal(noisy["front"], plain["front"])
    assert (noisy["proprioception"] != plain["proprioception"]).mean() > 0.9


def test_experts_and_hindsight_see_the_truth():
    """`state_observation` has no noise, and the reward is compute_reward of the goals returned."""
    envs = make_vec("push", num_envs=3, randomize={"state_noise": 0.1, "state_dropped": 0.5})
    plain = make_vec("push", num_envs=3)
    for each in (envs, plain):
        each.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (10, 3, 3)):
        observation, reward, *_ = envs.step(action)
        plain.step(action)
        for key, numbers in plain.batch.state_observation().items():
            np.testing.assert_array_equal(envs.batch.state_observation()[key], numbers)
        np.testing.assert_array_equal(
            envs.compute_reward(observation["achieved_goal"], observation["desired_goal"]), reward
        )


def test_a_reset_of_some_rows_draws_for_them_alone():
    """Other rows show what they showed, and go on as they would have."""
    randomize = {"state_noise": 0.1, "state_dropped": 0.3, "action_latency": 2}
    envs, twin = (make_vec("push", num_envs=3, randomize=randomize, **NO_END) for _ in range(2))
    action = np.full((3, 3), 0.5)
    for each in (envs, twin):
        each.reset(seed=0)
        shown = each.step(action)[0]
    observation, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    for _ in range(5):
        for key, numbers in shown.items():
            np.testing.assert_array_equal(observation[key][[0, 2]], numbers[[0, 2]])
        assert (observation["observation"][1] != shown["observation"][1]).any()
        observation, shown = envs.step(action)[0], twin.step(action)[0]


def test_a_diverged_row_shows_its_last_numbers():
    """And draws nothing: its neighbours do not notice, and it begins anew as a single environment would."""
    randomize = {"state_noise": 0.1, "state_dropped": 0.3, "action_latency": 1}
    envs, single = make_vec("push", num_envs=3, randomize=randomize), make("push", randomize=randomize)
    envs.reset(seed=0)
    single.reset(seed=1)
    action = np.full((3, 3), 0.2)
    last = envs.step(action)[0]
    single.step(action[1])
    envs.batch.sim.qvel[1] = single.batch.sim.qvel[0] = np.nan
    observation, *_, info = envs.step(action)
    assert info["diverged"].tolist() == [False, True, False] and single.step(action[1])[4]["diverged"]
    for key in last:
        np.testing.assert_array_equal(observation[key][1], last[key][1])
    observation, again = envs.step(action)[0], single.reset()[0]
    for key in again:
        np.testing.assert_array_equal(observation[key][1], again[key])
