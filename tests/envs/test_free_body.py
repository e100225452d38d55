"""Initial states: objects lie still on the table, goals are in reach; nothing is pressed through the table."""

import mujoco
import numpy as np
import pytest

from robodl_envs import make_vec
from robodl_envs.arrays import rotation_angle
from robodl_envs.free_body import FreeBody
from tests.envs.robot_support import SUPPORTED

IN_HAND = {"peg"}
LOOSE = ["peg_insert", "pick_and_place", "push", "slide", "stack"]  # tasks with free bodies
WITHOUT_POSITION_GOAL = ("stack", "track", "read_digit", "inspect")  # their goals are tested with the tasks


def free_bodies(envs):
    return [part for part in vars(envs.task).values() if isinstance(part, FreeBody)]


def on_table(envs):
    return [body for body in free_bodies(envs) if body.name not in IN_HAND]


def half_height(envs, body):
    """Half the height of an upright body, m."""
    geom = envs.model.geom(body.name)
    return geom.size[1 if geom.type == mujoco.mjtGeom.mjGEOM_CYLINDER else 2]


def max_penetration(envs, row):
    """The greatest depth of any contact, m."""
    batch = envs.batch.sim.batch
    data = batch.get_data(row, mujoco.MjData(batch.model))
    mujoco.mj_forward(batch.model, data)
    return max(0.0, -data.contact.dist.min()) if data.ncon else 0.0


def still_action(envs):
    """Actions that move neither the tool nor the fingers."""
    action = np.zeros(envs.action_space.shape)
    if envs.robot.gripper:
        action[:, -1] = -1.0 if len(on_table(envs)) < len(free_bodies(envs)) else 1.0
    return action


@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_episodes_start_at_rest_with_goals_in_reach(task, robot):
    """In 250 episodes no object penetrates another, falls or jumps, and goals lie where the arm can bring things."""
    envs = make_vec(task, num_envs=250, robot=robot)
    goal = envs.reset(seed=0)[0]["desired_goal"]
    low, high = (np.array(corner) for corner in envs.robot.workspace)
    assert max(max_penetration(envs, row) for row in range(0, 250, 5)) < 1e-3
    for body in on_table(envs):
        np.testing.assert_allclose(body.pos[:, 2], half_height(envs, body), atol=1e-3)
        assert (body.pos[:, :2] >= low[:2]).all() and (body.pos[:, :2] <= high[:2]).all()
    if task == "slide":
        distance, ahead = np.linalg.norm(goal[:, :2], axis=1), goal[:, 0]
        assert (distance > envs.robot.reach).all() and (ahead > 0.95 * distance).all()
        np.testing.assert_allclose(goal[:, 2], envs.task.puck.pos[:, 2], atol=1e-6)
    elif task not in WITHOUT_POSITION_GOAL:
        assert (goal[:, :2] > low[:2] - 1e-6).all() and (goal[:, :2] < high[:2] + 1e-6).all()
        assert (goal[:, 2] > 0.0).all() and (goal[:, 2] < high[2] + 1e-6).all()
        assert (np.ptp(goal[:, :2], axis=0) > 0.3 * (high - low)[:2]).all()  # and not all in one place
    if task == "pose_reach":
        upright = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (250, 4))
        assert rotation_angle(upright, goal[:, 3:]).max() <= envs.task.tilt + 1e-6

    before = {body.name: body.pos.copy() for body in on_table(envs)}
    action = still_action(envs)
    for _ in range(5 if before else 0):
        envs.step(action)
    for body in on_table(envs):
        assert np.abs(body.pos - before[body.name]).max() < 1e-3


@pytest.mark.parametrize(("task", "robot"), [pair for pair in SUPPORTED if pair[0] in LOOSE])
def test_nothing_is_pressed_through_the_table(task, robot, rng):
    """Extreme actions, held for half a second each, and random ones."""
    envs = make_vec(task, num_envs=16, robot=robot, max_episode_steps=None)
    envs.reset(seed=0)
    for step in range(150):
        action = rng.uniform(-1, 1, envs.action_space.shape)
        if step % 12 == 0:
            held = np.sign(action)
        *_, info = envs.step(held if step // 50 % 2 == 0 else action)
        assert not info["diverged"].any()
        for body in free_bodies(envs):
            assert body.pos[:, 2].min() > -0.01


def test_tasks_with_free_bodies_are_listed_here():
    assert {task for task, robot in SUPPORTED if free_bodies(make_vec(task, robot=robot))} == set(LOOSE)


def test_slide_foresees_where_the_puck_will_rest():
    """It predicts the final position of a puck that slides, and adds nothing once that lies there."""
    envs = make_vec("slide", num_envs=4, max_episode_steps=None)
    envs.reset(seed=0)
    puck = envs.task.puck
    puck.qvel[:] = 0.0
    puck.qvel[:, 0] = [0.15, 0.25, 0.3, 0.35]  # m/s, ahead
    action = still_action(envs)
    envs.step(action)
    predicted = puck.pos + envs.task.coasting()
    start = puck.pos.copy()
    for _ in range(120):
        envs.step(action)
    assert (np.abs(puck.qvel[:, :3]) < 1e-2).all() and (puck.pos[:, 0] - start[:, 0] > 0.08).all()
    np.testing.assert_allclose(predicted, puck.pos, atol=0.02)
    np.testing.assert_allclose(puck.pos + envs.task.coasting(), puck.pos, atol=0.02)
