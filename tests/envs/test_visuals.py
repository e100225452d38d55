"""Randomised visuals and image noise: each setting changes only its own images, and nothing else."""

import numpy as np
import pytest

from robodl_envs import make_vec
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.noise import blurred, normals

pytestmark = pytest.mark.unit

IMAGES = ("front", "front_depth", "front_segmentation")


def rollout(randomize, steps=6, num=3):
    """Each image, (steps + 1, num, 32, 32, c), and proprioception, while the arms move."""
    settings = {"observation": "image", "cameras": list(IMAGES), "image_size": 32, "randomize": randomize}
    envs = make_vec("reach", num_envs=num, **settings)
    observations = [envs.reset(seed=0)[0]]
    observations += [envs.step(np.full((num, 3), 0.5))[0] for _ in range(steps)]
    envs.close()
    return {key: np.stack([each[key] for each in observations]) for key in observations[0]}


@pytest.fixture(scope="module")
def plain():
    return rollout({})


@pytest.mark.parametrize(
    ("randomize", "keys"),
    [
        ({"lights": 0.5}, {"front"}),
        ({"noise": 5.0}, {"front"}),
        ({"blur": 1.0}, {"front"}),
        ({"latency": 3}, set(IMAGES)),
        ({"dropped": 0.5}, set(IMAGES)),
    ],
)
def test_settings_change_only_their_own_images(randomize, keys, plain):
    """Goals are drawn before visuals, which physics does not depend on: proprioception is unchanged."""
    assert {key for key, values in rollout(randomize).items() if (values != plain[key]).any()} == keys


@pytest.mark.parametrize("name", ["colors", "background"])
def test_colors_change_objects_and_background_the_rest(name, plain):
    """Colours are constant over an episode, and differ from row to row."""
    varied = rollout({name: 0.5})
    for key in ("front_depth", "front_segmentation", "proprioception"):
        np.testing.assert_array_equal(varied[key], plain[key])
    is_background = plain["front_segmentation"][..., 0] == 0
    differs = (varied["front"] != plain["front"]).any(axis=-1)
    assert differs[is_background].any() == (name == "background") and differs[~is_background].any() == (
        name == "colors"
    )
    corner = varied["front"][:, :, 0, 0] if name == "background" else varied["front"][:, :, -1, 0]
    assert (corner == corner[:1]).all() and len(np.unique(corner[0], axis=0)) == 3


@pytest.mark.parametrize("setting", [{"camera_position": 0.1}, {"camera_angle": 8.0}, {"camera_fovy": 0.3}])
def test_camera_settings_change_views_only(setting, plain):
    """Each row has its own; proprioception is unchanged."""
    varied = rollout(setting)
    np.testing.assert_array_equal(varied["proprioception"], plain["proprioception"])
    assert (varied["front_segmentation"] != plain["front_segmentation"]).mean() > 0.01
    assert len(np.unique(varied["front_depth"][0].reshape(3, -1), axis=0)) == 3


def test_zero_is_off(plain):
    off = rollout({"colors": 0.0, "latency": 0})
    for key, values in plain.items():
        np.testing.assert_array_equal(off[key], values)


def test_latency():
    """Every row's images are late by a fixed number of steps, 0 to 3; before that the first one stays."""
    late, exact = (rollout(randomize, num=12)["front_depth"] for randomize in ({"latency": 3}, {}))
    delays = []
    for row in range(12):
        matches = [d for d in range(4) if all((late[t, row] == exact[max(t - d, 0), row]).all() for t in range(7))]
        assert len(matches) == 1
        delays += matches
    assert set(delays) == {0, 1, 2, 3}


def test_dropped_images_repeat_the_one_before():
    """In the share of steps that was asked for; an episode's first image always arrives."""
    received, exact = (rollout(r, num=24, steps=20)["front_depth"] for r in ({"dropped": 0.3}, {}))
    arrived = (received == exact).all(axis=(2, 3, 4))  # (21, 24)
    repeated = (received[1:] == received[:-1]).all(axis=(2, 3, 4))
    assert arrived[0].all() and (arrived[1:] | repeated).all()
    assert abs((~arrived[1:]).mean() - 0.3) < 0.06


def test_noise_is_normal_with_unit_standard_deviation():
    noise = normals(RandomStreams(2), np.array([0, 1]), 40_001)
    assert noise.shape == (2, 40_001)
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1.0) < 0.02
    assert abs((np.abs(noise) < 1.0).mean() - 0.683) < 0.02


def test_blur_is_a_gaussian():
    """A point spreads with its row's standard deviation, its sum unchanged; zero changes nothing."""
    point = np.zeros((3, 21, 21, 3), np.float32)
    point[:, 10, 10] = 1.0
    spread = blurred(point, np.array([0.0, 0.7, 2.0]))
    np.testing.assert_array_equal(spread[0], point[0])
    np.testing.assert_allclose(spread.sum(axis=(1, 2)), 1.0, rtol=1e-5)
    for k, std in ((1, 0.7), (2, 2.0)):
        variance = (spread[k, :, :, 0].sum(axis=0) * (np.arange(21) - 10) ** 2).sum()
        assert abs(np.sqrt(variance) - std) < 0.1 * std
