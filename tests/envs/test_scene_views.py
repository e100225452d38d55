"""Goals and objects are in a default image, and in `render()`, when an episode starts."""

import mujoco
import numpy as np
import pytest

from robodl_envs import SEGMENTATION_CLASSES, make, make_vec
from robodl_envs.registry import task_class
from robodl_envs.rendering.modalities import geom_classes
from robodl_envs.rendering.scene_camera import AZIMUTH, ELEVATION
from tests.envs.robot_support import SUPPORTED

NUM = 500
# Track's target is one of four objects in an arena larger than the view: to find it is part of the task.
SEARCHED = ("track",)
# Strict: a mended view fails the test that still expects it to fail.
HIDDEN = pytest.mark.xfail(strict=True, reason="1.2 % of goals begin inside the arm, where no camera sees them")
VIEWED = [pytest.param(*pair, marks=HIDDEN if pair == ("reach", "ur5e") else ()) for pair in SUPPORTED]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot"), VIEWED)
def test_goals_and_objects_are_visible(task, robot):
    """In 99 % of episodes each shows in one default image, and its middle lies within `render()`."""
    cameras = [f"{name}_segmentation" for name in task_class(task).cameras]
    envs = make_vec(task, num_envs=NUM, robot=robot, observation="image", cameras=cameras)
    images = envs.reset(seed=0)[0]
    classes = geom_classes(envs.model, envs.robot.root_body)
    for name in ("goal", "object"):
        number = SEGMENTATION_CLASSES.index(name)
        if task not in SEARCHED and (classes == number).any():
            shows = np.any([(images[camera] == number).any(axis=(1, 2, 3)) for camera in cameras], axis=0)
            assert shows.mean() >= 0.99, name
    inside = [middles_inside(envs, row, classes >= SEGMENTATION_CLASSES.index("goal")) for row in range(NUM)]
    assert np.mean(inside) >= 0.99


def middles_inside(envs, row, geoms):
    """Test whether the middles of all these geoms lie within `render()`'s image."""
    data = mujoco.MjData(envs.model)
    envs.batch.sim.batch.get_data(row, data)
    mujoco.mj_kinematics(envs.model, data)
    azimuth, elevation = np.radians([AZIMUTH, ELEVATION])
    ahead = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    camera = envs.camera.lookat - envs.camera.distance * ahead
    offset = data.geom_xpos[geoms] - camera
    depth = offset @ ahead
    tangent = np.tan(0.5 * np.radians(envs.model.vis.global_.fovy))
    sideways = np.abs(np.stack([offset @ right, offset @ np.cross(right, ahead)]))
    return bool((sideways < tangent * depth).all())


@pytest.mark.unit
def test_render_shows_the_randomised_background():
    """The colour beyond the floor is the episode's own, as in the observation's images."""
    env = make("reach", observation="image", cameras=["front"], randomize={"background": 1.0}, render_mode="rgb_array")
    corners = []
    for seed in range(2):
        env.reset(seed=seed)
        corners.append(env.render()[0, 0])
        np.testing.assert_array_equal(corners[-1], env.batch.cameras.background(0))
    assert (corners[0] != corners[1]).any()
