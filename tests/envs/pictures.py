"""What tests of pictures look at."""

import numpy as np

from robodl_envs import make_vec

CAMERAS = ("front", "side", "top", "wrist")
KINDS = ("", "_depth", "_segmentation")
EVERYTHING = [camera + kind for camera in CAMERAS for kind in KINDS]


def seen(num=3, steps=4, **settings):
    """Observations of a few arms after a few steps."""
    envs = make_vec("reach", num_envs=num, **{"observation": "image", "image_size": 32, **settings})
    observation, _ = envs.reset(seed=5)
    for k in range(steps):
        observation, *_ = envs.step(np.full((num, 3), 0.4 * (-1) ** (k // 3)))
    envs.close()
    return observation
