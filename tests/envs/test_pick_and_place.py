"""PickAndPlace's episodes that begin with the cube in the gripper."""

import numpy as np
import pytest

from robodl_envs import make_vec


@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_a_cube_in_the_gripper_stays_there_until_it_opens(robot):
    envs = make_vec("pick_and_place", robot=robot, num_envs=4, held=1.0)
    batch = envs.unwrapped.batch
    observation, _ = envs.reset(seed=0)
    np.testing.assert_allclose(observation["achieved_goal"], batch.robot.tool, atol=1e-6)
    action = np.zeros(envs.action_space.shape, np.float32)
    for _ in range(25):
        action[:, 0], action[:, -1] = 0.5, -1.0
        observation, *_ = envs.step(action)
    assert np.linalg.norm(observation["achieved_goal"] - batch.robot.tool, axis=1).max() < 0.01
    for _ in range(25):
        action[:, 0], action[:, -1] = 0.0, 1.0
        observation, *_ = envs.step(action)
    np.testing.assert_allclose(observation["achieved_goal"][:, 2], 0.5 * batch.robot.cube, atol=0.005)


def test_held_is_the_share_of_episodes_and_all_else_is_as_without_it():
    """Its draw comes after the cube's place; goals are drawn apart from that."""
    half, none = (make_vec("pick_and_place", num_envs=256, held=held) for held in (0.5, 0.0))
    begun, plain = (envs.reset(seed=0)[0] for envs in (half, none))
    up = begun["achieved_goal"][:, 2] > 0.1
    assert 0.4 < up.mean() < 0.6
    np.testing.assert_array_equal(begun["achieved_goal"][~up], plain["achieved_goal"][~up])
    assert (begun["observation"][~up] == plain["observation"][~up]).all()


def test_reset_rows_alone_get_the_cube():
    envs = make_vec("pick_and_place", num_envs=3, held=1.0, autoreset_mode="Disabled")
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape, np.float32)
    action[:, -1] = 1.0
    for _ in range(25):
        envs.step(action)
    observation, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert (observation["achieved_goal"][:, 2] > 0.1).tolist() == [False, True, False]
