"""Randomised pictures change in what is said, and in nothing else."""

import os

import numpy as np
import pytest

from robodl_envs import Randomize, make, make_vec
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.image_noise import blurred, normals
from tests.envs.rollouts import EVERYTHING, batch_rollout

KEYS = ("front", "front_depth", "front_segmentation")


def watch(randomize, steps=6, num=3, seed=0, **settings):
    """Each picture kind, (steps + 1, num, 32, 32, c), and proprioception, while the arms move."""
    envs = make_vec(
        "reach", num_envs=num, observation="image", cameras=list(KEYS), image_size=32, randomize=randomize, **settings
    )
    frames = [envs.reset(seed=seed)[0]]
    frames += [envs.step(np.full((num, 3), 0.5))[0] for _ in range(steps)]
    envs.close()
    return {key: np.stack([frame[key] for frame in frames]) for key in frames[0]}


@pytest.fixture(scope="module")
def plain():
    return watch({})


def changed(randomize, plain):
    """Which keys differ from those without randomisation."""
    return {key for key, value in watch(randomize).items() if (value != plain[key]).any()}


@pytest.mark.parametrize(
    ("randomize", "keys"),
    [
        ({"lights": 0.5}, {"front"}),
        ({"noise": 5.0}, {"front"}),
        ({"blur": 1.0}, {"front"}),
        ({"latency": 3}, set(KEYS)),
        ({"dropped": 0.5}, set(KEYS)),
    ],
)
def test_what_changes(randomize, keys):
    """Goals are drawn before the looks are, and physics does not see them: the arm feels the same."""
    plain = watch({})
    assert changed(randomize, plain) == keys


@pytest.mark.parametrize("name", ["colors", "background"])
def test_colors(name, plain):
    other = watch({name: 0.5})
    for key in ("front_depth", "front_segmentation", "proprioception"):
        np.testing.assert_array_equal(other[key], plain[key])
    beyond = plain["front_segmentation"][..., 0] == 0
    apart = (other["front"] != plain["front"]).any(axis=-1)
    assert apart[beyond].any() == (name == "background") and apart[~beyond].any() == (name == "colors")
    first = other["front"][:, :, 0, 0] if name == "background" else other["front"][:, :, -1, 0]
    assert (first == first[:1]).all() and len(np.unique(first[0], axis=0)) == 3  # one an episode, each row its own


@pytest.mark.parametrize("amount", [{"camera_position": 0.1}, {"camera_angle": 8.0}, {"camera_fovy": 0.3}])
def test_cameras(amount, plain):
    """Geometry changes, what is there does not: the arm feels the same and the goal stays red."""
    other = watch(amount)
    np.testing.assert_array_equal(other["proprioception"], plain["proprioception"])
    assert (other["front_segmentation"] != plain["front_segmentation"]).mean() > 0.01
    assert len(np.unique(other["front_depth"][0].reshape(3, -1), axis=0)) == 3


def test_zero_is_off(plain):
    off = watch({"colors": 0.0, "latency": 0})
    for key, value in plain.items():
        np.testing.assert_array_equal(off[key], value)


def test_latency(plain):
    """Every row's pictures come a fixed number of steps late, 0 to 3; before that the first one stands."""
    late = watch({"latency": 3}, num=12, steps=6)["front_depth"]
    sharp = watch({}, num=12, steps=6)["front_depth"]
    delays = []
    for row in range(12):
        fits = [d for d in range(4) if all((late[t, row] == sharp[max(t - d, 0), row]).all() for t in range(7))]
        assert len(fits) == 1
        delays += fits
    assert set(delays) == {0, 1, 2, 3}


def test_dropped_frames():
    """A picture that does not arrive leaves the one before, at the share that was asked for."""
    kept, sharp = (watch(r, num=24, steps=20)["front_depth"] for r in ({"dropped": 0.3}, {}))
    fresh = (kept == sharp).all(axis=(2, 3, 4))  # (21, 24)
    assert fresh[0].all()
    stands = (kept[1:] == kept[:-1]).all(axis=(2, 3, 4))
    assert (fresh[1:] | stands).all()
    assert abs((~fresh[1:]).mean() - 0.3) < 0.06


def test_noise_is_normal_and_of_the_size_asked_for():
    noise = normals(RandomStreams(2), np.array([0, 1]), 40_001)
    assert noise.shape == (2, 40_001)
    assert (
        abs(noise.mean()) < 0.02 and abs(noise.std() - 1.0) < 0.02 and abs((np.abs(noise) < 1.0).mean() - 0.683) < 0.02
    )


def test_blur():
    """A point spreads to a Gaussian of its row's width; the sum of light stays; sigma 0 changes nothing."""
    point = np.zeros((3, 21, 21, 3), np.float32)
    point[:, 10, 10] = 1.0
    spread = blurred(point, np.array([0.0, 0.7, 2.0]))
    np.testing.assert_array_equal(spread[0], point[0])
    np.testing.assert_allclose(spread.sum(axis=(1, 2)), 1.0, rtol=1e-5)
    for k, sigma in ((1, 0.7), (2, 2.0)):
        variance = (spread[k, :, :, 0].sum(axis=0) * (np.arange(21) - 10) ** 2).sum()
        assert abs(np.sqrt(variance) - sigma) < 0.1 * sigma


@pytest.mark.parametrize("none", [{}, Randomize(), dict.fromkeys(EVERYTHING, 0)])
def test_none_is_an_environment_without(none):
    plain, off = (batch_rollout("push", seed=3, steps=60, num=3, **settings) for settings in ({}, {"randomize": none}))
    np.testing.assert_array_equal(off, plain)
    assert not make("push", randomize=none).batch.sim.own


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_with_everything_on():
    envs = make_vec("push", num_envs=4, threads=2, randomize=EVERYTHING, max_episode_steps=5)
    envs.reset(seed=0)
    actions = np.full((9, *envs.action_space.shape), 0.4)
    envs.step(actions[0])

    def seen():
        return b"".join(envs.step(action)[0]["observation"].tobytes() for action in actions)

    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(send, seen())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        got = pipe.read()
    os.waitpid(child, 0)
    assert got == seen()


def test_states_of_other_settings_are_refused():
    env, stranger = (make("push", randomize=randomize) for randomize in ({"mass": 0.3}, {"mass": 0.2}))
    stranger.reset(seed=0)
    with pytest.raises(ValueError, match=r"the state is of .*mass=0.2"):
        env.set_state(stranger.get_state())


@pytest.mark.parametrize(
    ("randomize", "words"),
    [
        ({"mass": 1.0}, ["randomize.mass must be a number from 0 to 0.9, got 1.0"]),
        ({"friction": -0.1}, ["randomize.friction must be a number from 0 to 0.9, got -0.1"]),
        ({"gain": "high"}, ["randomize.gain must be a number", "'high'"]),
        ({"gravity_tilt": float("nan")}, ["randomize.gravity_tilt must be a number from 0 to 30, got nan"]),
        ({"action_latency": 1.5}, ["randomize.action_latency must be an integer from 0 to 3, got 1.5"]),
        ({"state_dropped": True}, ["randomize.state_dropped must be a number", "True"]),
        ({"fricton": 0.1}, ["randomize has no 'fricton'", "'friction'"]),
        ("physics", ["randomize must be names with numbers", "'physics'"]),
    ],
)
def test_what_is_refused(randomize, words):
    """Without pictures too, in one line."""
    with pytest.raises((ValueError, TypeError)) as refused:
        make("push", randomize=randomize)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
