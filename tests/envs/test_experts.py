"""Experts do every task with every robot that supports it, in half of the time; zero and random actions do not."""

import numpy as np
import pytest

from robodl_envs import make, make_policy, make_vec
from tests.envs.robot_support import SUPPORTED, UNSUPPORTED, run_episodes

CHANCE_SUCCESS_RATES = {"read_digit": 0.1}  # of a blind guess


@pytest.mark.parametrize(
    ("num", "quantile", "allowance"), [(10, 80, 0.1), pytest.param(40, 95, 0.0, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_experts_do_their_tasks(task, robot, num, quantile, allowance):
    """At least 9 episodes of 10 succeed, most of them in the first half of the time limit.

    `robodl.suite` runs more episodes.
    """
    episodes = run_episodes("expert", task, robot, num)
    assert episodes.success.mean() >= 0.9 - allowance
    steps = episodes.first_success[np.isfinite(episodes.first_success)]
    assert np.percentile(steps, quantile, method="inverted_cdf") <= 0.5 * episodes.max_episode_steps


@pytest.mark.parametrize("num", [20, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("policy", ["random", "zero"])
def test_baselines_without_skill_fail(task, policy, num):
    """At most 5 % of episodes succeed, plus blind guesses; here with the Panda, in `robodl.suite` with every robot."""
    success_rate = run_episodes(policy, task, "panda", num).success.mean()
    assert success_rate <= 0.05 + CHANCE_SUCCESS_RATES.get(task, 0.0)


@pytest.mark.parametrize(("task", "robot"), UNSUPPORTED)
def test_unsupported_pairs_are_refused(task, robot):
    """In one line that says why."""
    with pytest.raises(ValueError, match=robot) as refused:
        make(task, robot=robot)
    assert "\n" not in str(refused.value) and " needs " in str(refused.value)


def test_most_pairs_are_supported():
    """Every task by the Panda and the UR5e; the SO-101 lacks joints, parallel fingers and room for some."""
    unsupported = ("pose_reach", "slide", "stack", "peg_insert", "read_digit", "inspect")
    assert set(UNSUPPORTED) == {(task, "so101") for task in unsupported}


@pytest.mark.parametrize("observation", ["image", "image+state"])
def test_experts_act_in_environments_with_images(observation):
    """As they do without: they look at the state itself."""
    envs = make_vec("reach", num_envs=2, observation=observation, image_size=8, max_episode_steps=50)
    policy = make_policy("expert", envs)
    seen, _ = envs.reset(seed=0)
    for _ in range(40):
        seen, *_, info = envs.step(policy(seen))
    assert info["is_success"].all()
