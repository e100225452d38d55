"""Images for tests, and a reference that casts a ray through every pixel."""

import mujoco
import numpy as np

from robodl_envs import make_vec

CAMERAS = ("front", "side", "top", "wrist")
ALL_IMAGES = [camera + suffix for camera in CAMERAS for suffix in ("", "_depth", "_segmentation")]


def moved_envs(num=3, steps=4, task="reach", **settings):
    """Environments after a few steps, and their last observation."""
    envs = make_vec(task, num_envs=num, **{"observation": "image", "image_size": 32, **settings})
    observation, _ = envs.reset(seed=5)
    for k in range(steps):
        observation, *_ = envs.step(np.full((num, 3), 0.4 * (-1) ** (k // 3)))
    return envs, observation


def moved_observation(**settings):
    """The observation of `moved_envs`, which are closed."""
    envs, observation = moved_envs(**settings)
    envs.close()
    return observation


def row_model_and_data(envs, row):
    """A copy of a row's own model, and its data with current poses."""
    batch = envs.batch.sim.batch
    model = batch.get_model(row)
    data = batch.get_data(row, mujoco.MjData(model))
    mujoco.mj_forward(model, data)
    return model, data


def cast_every_pixel(model, data, camera, size, groups):
    """Depth, m, and geom of what a ray through each pixel hits first, -1 for none: (height, width) each."""
    height, width = size
    index, geom_id = model.camera(camera).id, np.zeros(1, np.int32)
    pixel = 2.0 * np.tan(0.5 * np.radians(model.cam_fovy[index])) / height  # at depth 1
    depth, geom = np.empty(size), np.empty(size, np.int32)
    for row, column in np.ndindex(*size):
        offset = [pixel * (column + 0.5 - width / 2), pixel * (height / 2 - row - 0.5), -1.0]
        ray = data.cam_xmat[index].reshape(3, 3) @ offset
        depth[row, column] = mujoco.mj_ray(model, data, data.cam_xpos[index], ray, groups, 1, -1, geom_id)
        geom[row, column] = geom_id[0]
    return depth, geom
