"""Where episodes start: things lie still on the table, and goals are where the arm can bring them."""

import mujoco
import numpy as np
import pytest

from robodl_envs import make_vec
from robodl_envs.arrays import rotation_angle
from robodl_envs.free_body import FreeBody
from tests.envs.robot_support import SUPPORTED

IN_HAND = {"peg"}
LOOSE = ["peg_insert", "pick_and_place", "push", "slide", "stack"]  # tasks with things that move freely


def items(envs):
    return [part for part in vars(envs.task).values() if isinstance(part, FreeBody)]


def deepest(envs, row):
    """How far anything is in anything else, m."""
    batch = envs.batch.sim.batch
    data = batch.get_data(row, mujoco.MjData(batch.model))
    mujoco.mj_forward(batch.model, data)
    return max(0.0, -data.contact.dist.min()) if data.ncon else 0.0


NO_PLACES = ("stack", "track", "read_digit", "inspect")  # goals that are none for the arm: their own tests know them


@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_episodes_start_at_rest_with_goals_in_reach(task, robot):
    """In 500 episodes nothing is in anything else, falls or flies off, and goals lie where things can be brought."""
    envs = make_vec(task, num_envs=500, robot=robot)
    goal = envs.reset(seed=0)[0]["desired_goal"]
    low, high = (np.array(corner) for corner in envs.batch.robot.workspace)
    assert max(deepest(envs, row) for row in range(0, 500, 5)) < 1e-3
    for item in items(envs):
        if item.name not in IN_HAND:
            np.testing.assert_allclose(item.pos[:, 2], item.half[-1], atol=1e-3)
            assert (item.pos[:, :2] >= low[:2]).all() and (item.pos[:, :2] <= high[:2]).all()
    if task == "slide":
        away, ahead = np.linalg.norm(goal[:, :2], axis=1), goal[:, 0]
        assert (away > envs.batch.robot.reach).all() and (ahead > 0.95 * away).all()
        np.testing.assert_allclose(goal[:, 2], envs.task.puck.pos[:, 2], atol=1e-6)
    elif task not in NO_PLACES:
        assert (goal[:, :2] > low[:2] - 1e-6).all() and (goal[:, :2] < high[:2] + 1e-6).all()
        assert (goal[:, 2] > 0.0).all() and (goal[:, 2] < high[2] + 1e-6).all()
        assert (np.ptp(goal[:, :2], axis=0) > 0.3 * (high - low)[:2]).all()  # and not all in one place
    if task == "pose_reach":
        straight = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (500, 4))
        assert rotation_angle(straight, goal[:, 3:]).max() <= envs.task.tilt + 1e-6

    before = {item.name: item.pos.copy() for item in items(envs) if item.name not in IN_HAND}
    for _ in range(5):
        envs.step(still(envs))
    for item in items(envs):
        if item.name in before:
            assert np.abs(item.pos - before[item.name]).max() < 1e-3


def still(envs):
    """Actions that neither move the tool nor the fingers."""
    action = np.zeros(envs.action_space.shape)
    robot = envs.batch.robot
    if robot.gripper:
        holds = bool(IN_HAND & {item.name for item in items(envs)})
        action[:, -1] = -1.0 if holds else 1.0
    return action


@pytest.mark.parametrize(("task", "robot"), [pair for pair in SUPPORTED if pair[0] in LOOSE])
def test_nothing_is_pressed_through_the_table(task, robot, rng):
    """Extreme actions, held for half a second each, and random ones."""
    envs = make_vec(task, num_envs=24, robot=robot, max_episode_steps=None)
    envs.reset(seed=0)
    for step in range(200):
        action = rng.uniform(-1, 1, envs.action_space.shape)
        if step % 12 == 0:
            held = np.sign(action)
        *_, info = envs.step(held if step // 50 % 2 == 0 else action)
        assert not info["diverged"].any()
        for item in items(envs):
            assert item.pos[:, 2].min() > -0.01


def test_what_is_loose():
    assert {task for task, robot in SUPPORTED if items(make_vec(task, robot=robot))} == set(LOOSE)


def test_slides_potential_is_where_the_puck_will_rest():
    """It is told of a puck on its way, and hardly changes until the puck lies there."""
    envs = make_vec("slide", num_envs=4, max_episode_steps=None)
    envs.reset(seed=0)
    puck, goal = envs.task.puck, envs.task.goal
    puck.qvel[:] = 0.0
    puck.qvel[:, 0] = [0.15, 0.25, 0.3, 0.35]  # m/s, ahead
    envs.step(still(envs))
    told = envs.batch.potential()
    start = puck.pos.copy()
    for _ in range(120):
        envs.step(still(envs))
    assert (np.abs(puck.qvel[:, :3]) < 1e-2).all() and (puck.pos[:, 0] - start[:, 0] > 0.08).all()
    np.testing.assert_allclose(told, np.linalg.norm(puck.pos - goal, axis=1), atol=0.02)
    np.testing.assert_allclose(envs.batch.potential(), told, atol=0.02)
