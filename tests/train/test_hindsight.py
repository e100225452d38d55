"""Hindsight that prefers episodes in which something was moved: what it draws, and how often."""

import numpy as np
import pytest

from robodl.learning.hindsight import LEAST_WEIGHT, EnergyReplayBuffer, work_weight
from robodl.sb3_internals import replay_state, restore_replay
from tests.train.conftest import SMALL, model_of

DT = 0.04


def straight(end, steps=25):
    """From the origin to a place at constant speed, in a second."""
    return np.linspace((0, 0, 0), end, steps).astype(np.float32)


def test_what_is_lifted_counts_most_and_what_lies_still_least():
    still, pushed, lifted, high = (
        work_weight(straight(end), DT) for end in [(0, 0, 0), (0.2, 0, 0), (0, 0, 0.1), (0, 0, 0.5)]
    )
    assert still == LEAST_WEIGHT <= pushed < lifted < high == 1.0
    stop_and_go = np.repeat(straight((0.2, 0, 0))[::2], 2, axis=0)
    assert work_weight(stop_and_go, DT) > pushed


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_free_fall_is_no_work(way):
    """It turns height into speed, or speed into height."""
    t = np.arange(8)[:, None] * DT
    falls = np.concatenate([np.zeros((8, 2)), 0.5 - 0.5 * 9.81 * t**2], axis=1)
    assert work_weight(falls if way == "down" else falls[::-1], DT) == pytest.approx(LEAST_WEIGHT, abs=1e-3)


ROWS, STEPS = 4, 20


@pytest.fixture
def buffer(composed):
    """A replay buffer whose first row lifts a cube, while the others move nothing."""
    words = ("algo=sac", "algo.buffer_size=1_000", "++algo.her_energy=true")
    made = model_of(composed("env=push", *SMALL, *words)).replay_buffer
    assert isinstance(made, EnergyReplayBuffer)
    add_steps(made, 3 * STEPS)
    return made


def add_steps(buffer, count):
    """Steps of episodes of 20; observations begin with the row and the step."""
    for k in range(count):
        step = k % STEPS
        now, after = (
            {key: np.zeros((ROWS, *s.shape), np.float32) for key, s in buffer.observation_space.items()} for _ in "ab"
        )
        for each, t in ((now, step), (after, step + 1)):
            each["observation"][:, 0], each["observation"][:, 1] = np.arange(ROWS), t
            each["achieved_goal"][0, 2] = 0.01 * t
        done, infos = np.full(ROWS, step == STEPS - 1), [{"TimeLimit.truncated": True}] * ROWS
        buffer.add(now, after, np.zeros((ROWS, buffer.action_dim), np.float32), np.full(ROWS, -1.0), done, infos)


def drawn(buffer, count=20_000):
    """Rows and steps of transitions drawn, and the transitions."""
    np.random.seed(0)
    found = buffer.sample(count)
    rows, steps = found.observations["observation"][:, :2].numpy().astype(int).T
    return rows, steps, found


def test_episodes_are_drawn_by_their_weights(buffer):
    rows, steps, _ = drawn(buffer)
    weight = work_weight(np.array([(0, 0, 0.01 * t) for t in range(1, STEPS + 1)]), DT)
    assert weight > 5 * LEAST_WEIGHT
    shares = np.bincount(rows, minlength=ROWS) / rows.size
    np.testing.assert_allclose(
        shares, np.array([weight, *[LEAST_WEIGHT] * 3]) / (weight + 3 * LEAST_WEIGHT), atol=0.015
    )
    assert np.bincount(steps[rows == 0], minlength=STEPS).min() > 0.8 * (rows == 0).sum() / STEPS


def test_only_whole_episodes_are_drawn(buffer):
    """Not the last, which isn't over, nor one whose beginning is overwritten."""
    add_steps(buffer, 250 - 3 * STEPS + 5)  # the ring holds 250 steps of each row: its first 5 are new
    whole = np.flatnonzero(buffer.ep_length[:, 0])
    assert whole.min() == STEPS and buffer.full
    buffer.observations["observation"][:STEPS, :, 1] = 99  # of those that must not be drawn
    assert drawn(buffer)[1].max() < STEPS


def test_goals_of_hindsight_are_later_places_and_rewarded_as_such(buffer):
    rows, steps, found = drawn(buffer)
    goals, reached = (
        part[:, 2].numpy() for part in (found.observations["desired_goal"], found.next_observations["achieved_goal"])
    )
    relabelled = (rows == 0) & (goals > 0)
    assert 0.75 < relabelled.sum() / (rows == 0).sum() < 0.85
    ahead = np.round(goals[relabelled] / 0.01).astype(int)
    assert (ahead > steps[relabelled]).all() and (ahead <= STEPS).all()
    np.testing.assert_array_equal(
        found.rewards[relabelled, 0], np.where(abs(goals - reached)[relabelled] < 0.05, 0.0, -1.0)
    )


def test_what_it_prefers_is_saved_and_restored(buffer, composed):
    words = ("algo=sac", "algo.buffer_size=1_000", "++algo.her_energy=true")
    other = model_of(composed("env=push", *SMALL, *words)).replay_buffer
    restore_replay(other, replay_state(buffer))
    for one, two in zip(drawn(buffer, 100)[:2], drawn(other, 100)[:2], strict=True):
        np.testing.assert_array_equal(one, two)


def test_goals_that_are_no_places_are_refused(composed):
    with pytest.raises(
        ValueError, match=r"algo\.her_energy=true needs goals that are places, which read_digit's are not"
    ):
        model_of(
            composed(
                "env=read_digit", "observation=state", "algo=sac", "reward=sparse", "++algo.her_energy=true", *SMALL
            )
        )
