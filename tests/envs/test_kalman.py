"""The Kalman filter of Track, which acts by images alone: its gains, its errors, and what it refuses."""

import numpy as np
import pytest

from robodl_envs import make, make_policy, make_vec
from robodl_envs.experts.kalman import ACCELERATION_STD, IMAGES, MEASUREMENT_STD, gains
from tests.envs.tracking import pooled_errors, track_episodes

pytestmark = pytest.mark.unit


def test_it_tracks():
    """With images of 64 x 64 pixels, without the state."""
    _, info = track_episodes("kalman", 24, 60, observation="image", cameras=list(IMAGES), renderer="ray")
    position, velocity, in_view = pooled_errors(info)
    assert position < 0.012 and velocity < 0.10 and in_view > 0.9


def test_it_knows_where_each_rows_camera_is():
    """Cameras that sit 5 degrees and 1 cm elsewhere cost it next to nothing; taken for the nominal one, 20 mm."""
    varied = {"camera_angle": 5.0, "camera_position": 0.01}
    images = {"observation": "image", "cameras": list(IMAGES), "renderer": "ray", "randomize": varied}
    position, velocity, in_view = pooled_errors(track_episodes("kalman", 24, 60, **images)[1])
    assert position < 0.012 and velocity < 0.10 and in_view > 0.9


def test_gains_are_those_of_the_steady_state():
    """They have a closed form (Kalata 1984): beta^2 / (1 - alpha) is the tracking index squared."""
    for dt in (0.02, 0.04):
        alpha, beta = np.array(gains(dt)) * [1.0, dt]
        np.testing.assert_allclose(beta**2 / (1 - alpha), (ACCELERATION_STD * dt**2 / MEASUREMENT_STD) ** 2, rtol=1e-6)
        np.testing.assert_allclose(beta, 2 * (2 - alpha) - 4 * np.sqrt(1 - alpha), rtol=1e-6)


def test_missing_images_and_unknown_policies_are_refused():
    envs = make_vec("track", num_envs=2)
    policy = make_policy("kalman", envs)
    with pytest.raises(ValueError, match="wrist_depth"):
        policy(envs.reset(seed=0)[0])
    with pytest.raises(KeyError, match=r"did you mean 'kalman'.*there are expert, random, zero, kalman"):
        make_policy("kalmann", envs)
    with pytest.raises(KeyError, match="there are expert, random, zero"):
        make_policy("kalman", make("reach"))


def test_a_rows_actions_are_those_of_a_single_environment():
    """And its observations, to the last bit."""
    settings = {"observation": "image+state", "cameras": list(IMAGES), "image_size": 32}
    envs, single = make_vec("track", num_envs=3, **settings), make("track", **settings)
    policy, single_policy = make_policy("kalman", envs), make_policy("kalman", single)
    observation, expected = envs.reset(seed=5)[0], single.reset(seed=7)[0]
    for _ in range(40):
        action = policy(observation)
        single_action = single_policy({key: value[None] for key, value in expected.items()})[0]
        np.testing.assert_array_equal(single_action, action[2])
        observation, expected = envs.step(action)[0], single.step(action[2])[0]
        np.testing.assert_array_equal(expected["observation"], observation["observation"][2])
