"""Noise, dropout and latency affect observation vectors and actions; physics, goals and rewards stay exact."""

import numpy as np
import pytest

from robodl_envs import make, make_vec
from tests.envs.rollouts import actions_of

pytestmark = pytest.mark.unit

ROWS, STEPS = 24, 40
NO_LIMIT = {"max_episode_steps": None}


def rollout(randomize, actions=None, task="push", **settings):
    """Observations, (steps + 1, N, k) by name, and rewards, (steps, N), of one episode with actions of each row."""
    envs = make_vec(task, num_envs=ROWS, randomize=randomize, **NO_LIMIT, **settings)
    if actions is None:
        actions = row_actions(envs)
    observations, rewards = [envs.reset(seed=0)[0]], []
    for action in actions:
        observation, reward, *_ = envs.step(action)
        assert observation in envs.observation_space
        observations.append(observation)
        rewards.append(reward)
    return {key: np.stack([each[key] for each in observations]) for key in observations[0]}, np.array(rewards)


def row_actions(envs):
    """Each row's own actions, (STEPS, ROWS, k)."""
    return np.stack([actions_of(row, STEPS, envs.single_action_space.shape[0]) for row in range(ROWS)], axis=1)


@pytest.fixture(scope="module")
def without_noise():
    return rollout({})


@pytest.mark.parametrize("name", ["state_noise", "state_dropped"])
def test_only_the_observation_changes(name, without_noise):
    """Physics, goals and rewards are those of an environment without noise, bit for bit."""
    exact, expected_rewards = without_noise
    noisy, rewards = rollout({name: 0.2})
    np.testing.assert_array_equal(rewards, expected_rewards)
    for key in exact:
        assert (noisy[key] != exact[key]).any() == (key == "observation")


def test_noise_has_the_standard_deviation_asked_for(without_noise):
    """A share of half of each number's range, independent between numbers, rows and steps, within the bounds."""
    space = make("push").observation_space["observation"]
    half = 0.5 * (space.high - space.low)
    exact, noisy = without_noise[0]["observation"], rollout({"state_noise": 0.01})[0]["observation"]
    inside = (np.abs(exact - space.low - half) < 0.95 * half).all(axis=(0, 1))  # 5 standard deviations from any bound
    noise = ((noisy - exact) / half)[:, :, inside]  # (steps + 1, N, k)
    assert inside.sum() > 25
    np.testing.assert_allclose(noise.std(axis=(0, 1)), 0.01, rtol=0.1)
    assert abs(noise.mean()) < 3e-4 and abs((noise[1:] * noise[:-1]).mean()) < 3e-6
    assert abs((noise[:, :, 1:] * noise[:, :, :-1]).mean()) < 3e-6 and abs((noise[:, 1:] * noise[:, :-1]).mean()) < 3e-6


def test_dropped_observations_repeat_the_one_before(without_noise):
    """As a whole, in the share of steps asked for; an episode's first observation always arrives."""
    exact, received = without_noise[0]["observation"], rollout({"state_dropped": 0.3})[0]["observation"]
    arrived, repeated = (received == exact).all(axis=2), (received[1:] == received[:-1]).all(axis=2)
    assert arrived[0].all() and (arrived[1:] | repeated).all()
    assert abs((~arrived[1:]).mean() - 0.3) < 0.06


def test_action_latency():
    """A row's actions are late by a fixed number of steps, 0 to 3, in which it holds still; all else is equal."""
    actions = row_actions(make_vec("push", num_envs=ROWS))
    late = rollout({"action_latency": 3}, actions)
    shifted = [rollout({}, np.concatenate([np.zeros((d, *actions.shape[1:])), actions])[:STEPS]) for d in range(4)]
    delays = []
    for row in range(ROWS):
        matches = [
            delay
            for delay, (observations, rewards) in enumerate(shifted)
            if all((observations[key][:, row] == late[0][key][:, row]).all() for key in observations)
            and (rewards[:, row] == late[1][:, row]).all()
        ]
        assert len(matches) == 1
        delays += matches
    assert set(delays) == {0, 1, 2, 3}


def test_delayed_actions_are_dropped_at_a_reset():
    randomize = {"action_latency": 3}
    used, new = (make_vec("reach", num_envs=8, randomize=randomize) for _ in range(2))
    used.reset(seed=1)
    for _ in range(4):
        used.step(np.ones((8, 3)))
    np.testing.assert_array_equal(used.reset(seed=2)[0]["observation"], new.reset(seed=2)[0]["observation"])
    for _ in range(4):
        observation, expected = (envs.step(np.zeros((8, 3)))[0] for envs in (used, new))
        np.testing.assert_array_equal(observation["observation"], expected["observation"])


def test_with_images_only_proprioception_is_noisy():
    """Images have noise settings of their own."""
    settings = {"task": "reach", "observation": "image", "cameras": ["front"], "image_size": 8}
    actions = np.full((4, ROWS, 3), 0.3)
    (exact, _), (noisy, _) = (rollout(r, actions, **settings) for r in ({}, {"state_noise": 0.01}))
    np.testing.assert_array_equal(noisy["front"], exact["front"])
    assert (noisy["proprioception"] != exact["proprioception"]).mean() > 0.9


def test_state_observation_and_compute_reward_are_exact():
    """`state_observation` has no noise, and the reward is compute_reward of the goals returned."""
    envs = make_vec("push", num_envs=3, randomize={"state_noise": 0.1, "state_dropped": 0.5})
    plain = make_vec("push", num_envs=3)
    for each in (envs, plain):
        each.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (10, 3, 3)):
        observation, reward, *_ = envs.step(action)
        plain.step(action)
        for key, numbers in plain.state_observation().items():
            np.testing.assert_array_equal(envs.state_observation()[key], numbers)
        np.testing.assert_array_equal(
            envs.compute_reward(observation["achieved_goal"], observation["desired_goal"]), reward
        )


def test_a_reset_of_some_rows_leaves_the_others_alone():
    """Other rows keep their last observation, and continue as they would have."""
    randomize = {"state_noise": 0.1, "state_dropped": 0.3, "action_latency": 2}
    envs, twin = (make_vec("push", num_envs=3, randomize=randomize, **NO_LIMIT) for _ in range(2))
    action = np.full((3, 3), 0.5)
    for each in (envs, twin):
        each.reset(seed=0)
        expected = each.step(action)[0]
    observation, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    for _ in range(5):
        for key, numbers in expected.items():
            np.testing.assert_array_equal(observation[key][[0, 2]], numbers[[0, 2]])
        assert (observation["observation"][1] != expected["observation"][1]).any()
        observation, expected = envs.step(action)[0], twin.step(action)[0]


def test_a_diverged_row_repeats_its_last_observation():
    """And draws no random numbers: it starts its next episode as a single environment would."""
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
    observation, expected = envs.step(action)[0], single.reset()[0]
    for key in expected:
        np.testing.assert_array_equal(observation[key][1], expected[key])
