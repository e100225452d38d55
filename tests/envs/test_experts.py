"""Tasks can be done by every robot that offers to, in half of the time; doing nothing and flailing are not enough."""

import numpy as np
import pytest

from robodl_envs import make, task_class
from tests.envs.robot_support import SUPPORTED, UNSUPPORTED, run_episodes


@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_experts_do_their_tasks(task, robot):
    """`robodl.suite` counts more episodes: 95 % of them succeed."""
    seen = run_episodes("expert", task, robot, num=40)
    assert seen.success.mean() >= (0.85 if task == "slide" else 0.9)
    reached = seen.first_success[np.isfinite(seen.first_success)]
    assert np.percentile(reached, 95, method="inverted_cdf") <= 0.5 * seen.max_episode_steps


@pytest.mark.parametrize("policy", ["random", "zero"])
def test_floors(task, policy):
    """The other robots' are counted by `robodl.suite`. Guessing an answer succeeds by chance."""
    assert run_episodes(policy, task, "panda", num=100).success.mean() <= 0.05 + task_class(task).chance


@pytest.mark.parametrize(("task", "robot"), UNSUPPORTED)
def test_what_a_robot_cannot_do_is_refused(task, robot):
    """In one line that says why."""
    with pytest.raises(ValueError, match=robot) as refused:
        make(task, robot=robot)
    assert "\n" not in str(refused.value) and " needs " in str(refused.value)


def test_most_pairs_are_offered():
    """Every task by the Panda and the UR5e; the SO-101 lacks joints, parallel fingers and room for some."""
    unsupported_reason = ("pose_reach", "slide", "stack", "peg_insert", "read_digit", "inspect")
    assert set(UNSUPPORTED) == {(task, "so101") for task in unsupported_reason}
