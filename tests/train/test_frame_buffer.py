"""Replay that stores each observation once."""

import numpy as np
import pytest
from gymnasium import spaces

from robodl.learning.frame_buffer import FrameBuffer

SPACE = spaces.Dict({"image": spaces.Box(0, 255, (1, 2, 2), np.uint8), "time": spaces.Box(-1e6, 1e6, (2,), np.float32)})
ACTION = spaces.Box(-1, 1, (1,), np.float32)


def filled(steps, rows=3, capacity=300, n_steps=3, lengths=(5, 7, 4)):
    """A buffer whose observations are episode and step; the reward of a step is its number, from 1."""
    buffer = FrameBuffer(capacity * rows, SPACE, ACTION, "cpu", rows, n_steps=n_steps, gamma=0.5)
    clock = np.zeros((rows, 2), np.float32)  # episode and step of each row

    def observed(times):
        return {
            "image": np.broadcast_to(times[:, 1].astype(np.uint8)[:, None, None, None], (rows, 1, 2, 2)),
            "time": times,
        }

    for _ in range(steps):
        before, after = clock.copy(), clock + np.array([0.0, 1.0])
        done = after[:, 1] >= lengths[:rows]
        infos = [{"TimeLimit.truncated": bool(i == 0)} if done[i] else {} for i in range(rows)]
        buffer.add(observed(before), observed(after), before[:, 1:], 1.0 + before[:, 1], done, infos)
        clock = np.where(done[:, None], before * [1, 0] + [1, 0], after).astype(np.float32)
    return buffer, clock


@pytest.mark.parametrize("n_steps", [1, 3])
@pytest.mark.parametrize("steps", [40, 1000])
def test_samples_are_what_was_stored(n_steps, steps):
    """Returns, discounts and the observation n steps on, or at the episode's end, also after the ring has turned."""
    buffer, clock = filled(steps, n_steps=n_steps)
    lengths = np.array([5, 7, 4])
    entry, row = buffer.draw(500)
    data = buffer.gather(entry, row)
    start, following = (part["time"].numpy() for part in (data.observations, data.next_observations))
    assert (start[:, 0] == following[:, 0]).all()  # never across episodes
    newest = np.where(start[:, 0] == clock[row, 0], clock[row, 1], lengths[row])
    going = np.minimum(n_steps, newest - start[:, 1]).astype(int)
    assert going.min() >= 1
    np.testing.assert_array_equal(following[:, 1], start[:, 1] + going)
    expected = [sum(0.5**k * (1 + s + k) for k in range(g)) for s, g in zip(start[:, 1], going, strict=True)]
    np.testing.assert_allclose(data.rewards[:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(data.discounts[:, 0], 0.5**going)
    ended = (following[:, 1] == lengths[row]) & (row != 0)  # row 0 ends by the clock alone
    np.testing.assert_array_equal(data.dones[:, 0].numpy().astype(bool), ended)
    np.testing.assert_array_equal(data.actions[:, 0], start[:, 1])
    np.testing.assert_array_equal(data.observations["image"][:, 0, 0, 0], start[:, 1])


def test_every_transition_can_be_drawn():
    buffer, _ = filled(40)
    entry, row = buffer.draw(20_000)
    assert set(zip(entry.tolist(), row.tolist(), strict=True)) == {
        (t, r) for t, r in np.argwhere(buffer.has_transition).tolist()
    }
    assert buffer.has_transition.sum() == 3 * 40


def test_each_observation_is_stored_once():
    """An entry for each transition and one more for each episode, images as bytes."""
    buffer, _ = filled(30, lengths=(10, 10, 10))
    assert buffer.num_entries.tolist() == [33, 33, 33]
    assert buffer.observations["image"].dtype == np.uint8


def test_an_empty_buffer_is_refused():
    with pytest.raises(ValueError, match="no transition yet"):
        filled(0)[0].sample(10)
    assert filled(1)[0].sample(10).rewards.unique().tolist() == [1.0]


def test_ended_episodes_do_not_go_on_in_the_next():
    """`end_episodes` separates what comes before a reset from what follows; `reset` removes everything."""
    buffer, clock = filled(3, lengths=(9, 9, 9))
    buffer.end_episodes()
    more, _ = clock.copy(), None
    start = {"image": np.zeros((3, 1, 2, 2), np.uint8), "time": np.full((3, 2), 100.0, np.float32)}
    after = {"image": np.zeros((3, 1, 2, 2), np.uint8), "time": np.full((3, 2), 101.0, np.float32)}
    buffer.add(start, after, more[:, 1:], np.ones(3), np.zeros(3, bool), [{}] * 3)
    data = buffer.sample(300)
    first, following = (part["time"][:, 1].numpy() for part in (data.observations, data.next_observations))
    assert ((first >= 100) == (following >= 100)).all() and data.dones.sum() == 0
    buffer.reset()
    with pytest.raises(ValueError, match="no transition yet"):
        buffer.sample(1)


@pytest.mark.parametrize("steps", [40, 1000])
def test_stacks_are_those_that_were_given(steps):
    """Each image is stored once; stacks do not reach over an episode's start, nor beyond the oldest entry."""
    count, rows = 3, 3
    space = spaces.Dict({"image": spaces.Box(0, 255, (count * 2, 4, 5), np.uint8), "time": spaces.Box(-1e6, 1e6, (2,))})
    buffer = FrameBuffer(60 * rows, space, ACTION, "cpu", rows, n_steps=2, frame_stack=count)
    assert buffer.observations["image"].shape == (60, rows, 2, 4, 5)
    rng, given = np.random.default_rng(0), {}

    def observed(images, times):
        stacks = [np.concatenate([each[max(0, len(each) - k)] for k in (3, 2, 1)]) for each in images]
        for row, (stack, time) in enumerate(zip(stacks, times, strict=True)):
            given[row, *time.tolist()] = stack
        return {"image": np.stack(stacks), "time": times.copy()}

    def image():
        return rng.integers(0, 256, (2, 4, 5), np.uint8)

    times, images = np.zeros((rows, 2), np.float32), [[image()] for _ in range(rows)]
    for _ in range(steps):
        before = observed(images, times)
        times[:, 1] += 1
        for each in images:
            each.append(image())
        done = times[:, 1] == (5, 2, 9)
        buffer.add(before, observed(images, times), np.zeros((rows, 1)), np.zeros(rows), done, [{}] * rows)
        for row in np.flatnonzero(done):
            times[row], images[row] = (times[row, 0] + 1, 0), [image()]
    entry, row = buffer.draw(600)
    data = buffer.gather(entry, row)
    for part in (data.observations, data.next_observations):
        for k, time in enumerate(part["time"].tolist()):
            np.testing.assert_array_equal(part["image"][k], given[int(row[k]), *time])
