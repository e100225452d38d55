"""Settings of randomisation: zero is off, invalid ones are refused; with everything on, forks and states stay exact."""

import numpy as np
import pytest

from robodl_envs import Randomize, make, make_vec
from tests.envs.forks import in_forked_child, needs_fork
from tests.envs.rollouts import ALL_STATE_NOISE, batch_rollout

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("randomize", [{}, Randomize(), dict.fromkeys(ALL_STATE_NOISE, 0)])
def test_settings_of_zero_equal_no_randomization(randomize):
    """To the bit, and no field of the model is expanded."""
    off, expected = (batch_rollout("push", seed=3, steps=30, num=3, randomize=each) for each in (randomize, None))
    np.testing.assert_array_equal(off, expected)
    assert not make("push", randomize=randomize).batch.sim.expanded


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_continues_with_randomization():
    envs = make_vec("push", num_envs=4, threads=2, randomize=ALL_STATE_NOISE, max_episode_steps=5)
    envs.reset(seed=0)
    actions = np.full((9, *envs.action_space.shape), 0.4)
    envs.step(actions[0])

    def continued():
        return b"".join(envs.step(action)[0]["observation"].tobytes() for action in actions)

    assert in_forked_child(continued) == continued()


def test_states_of_other_settings_are_refused():
    env, other = (make("push", randomize=randomize) for randomize in ({"mass": 0.3}, {"mass": 0.2}))
    other.reset(seed=0)
    with pytest.raises(ValueError, match=r"the state is of .*mass=0.2"):
        env.set_state(other.get_state())


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
        ("phyics", ["randomize must be one of none, visuals", "did you mean 'physics'"]),
        (0.1, ["randomize must be a preset or numbers by name", "0.1"]),
    ],
)
def test_invalid_settings_are_refused(randomize, words):
    """Without images too, in one line."""
    with pytest.raises((ValueError, TypeError)) as refused:
        make("push", randomize=randomize)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
