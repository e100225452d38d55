"""Geoms and pixels are left out only where that changes no image."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES
from robodl_envs.rendering.camera_view import CameraView, PixelGrid, focal_length, model_camera_view
from robodl_envs.rendering.gl_worker import POSES, GlWorker
from robodl_envs.rendering.modalities import (
    GROUPS_FOR_LEARNING,
    HIDDEN_GROUP,
    MODALITIES,
    ImageSpec,
    geom_classes,
    image_layout,
)
from robodl_envs.rendering.visibility import visible_groups
from robodl_envs.tasks.reach import Reach
from tests.envs.images import ALL_IMAGES, CAMERAS, cast_every_pixel, moved_envs, moved_observation, row_model_and_data

ANYWHERE = {"camera_position": 0.4, "camera_angle": 60, "camera_fovy": 0.3}  # also within objects
SIZES = [24, (16, 32), (32, 16)]


def height_and_width(size):
    return (size, size) if isinstance(size, int) else size


def class_of_geom(envs):
    """(ngeom + 1,) for geom -1 too, which is background."""
    classes = geom_classes(envs.batch.model, envs.batch.robot.root_body)
    return np.append(classes, SEGMENTATION_CLASSES.index("background"))


@pytest.mark.parametrize("size", SIZES)
def test_ray_images_show_the_nearest_geom_in_every_pixel(size):
    """Depth and segmentation are those of a ray through each pixel, wherever the cameras are."""
    envs, observation = moved_envs(cameras=ALL_IMAGES, radius=0.05, image_size=size, steps=8, randomize=ANYWHERE)
    for row in range(envs.num_envs):
        model, data = row_model_and_data(envs, row)
        for camera in CAMERAS:
            depth, geom = cast_every_pixel(model, data, camera, height_and_width(size), GROUPS_FOR_LEARNING)
            depth = np.where(geom < 0, MAX_DEPTH, np.minimum(depth, MAX_DEPTH))
            segmentation = observation[f"{camera}_segmentation"][row, ..., 0]
            np.testing.assert_array_equal(segmentation, class_of_geom(envs)[geom], err_msg=camera)
            np.testing.assert_allclose(observation[f"{camera}_depth"][row, ..., 0], depth, atol=1e-4, err_msg=camera)


@pytest.mark.parametrize("size", SIZES)
def test_hidden_geoms_are_in_no_pixel(size):
    """And many are hidden."""
    envs, _ = moved_envs(num=6, cameras=ALL_IMAGES, radius=0.05, image_size=size, steps=8, randomize=ANYWHERE)
    sim, ids, hidden_share = envs.batch.sim, np.arange(6), []
    poses, grid = {field: sim.bind(field) for field in POSES}, PixelGrid(*height_and_width(size))
    for camera in CAMERAS:
        index = sim.model.camera(camera).id
        view = model_camera_view(sim, index, ids, poses, grid)
        hidden = visible_groups(sim, ids, view, poses["geom_xpos"][ids]) == HIDDEN_GROUP
        hidden_share.append(hidden.mean())
        for row in ids:
            model, data = row_model_and_data(envs, row)
            model.geom_group[:] = np.where(hidden[row], 0, HIDDEN_GROUP)
            _, geom = cast_every_pixel(model, data, camera, height_and_width(size), GROUPS_FOR_LEARNING)
            assert (geom == -1).all(), camera
    assert np.mean(hidden_share) > 0.1


def test_a_sphere_is_hidden_only_if_no_ray_hits_it():
    """Spheres all about a camera, many at the edges of its image."""
    envs, _ = moved_envs(cameras=["front"], radius=0.2)
    num, height, width = 3000, 24, 48
    sim, rng = envs.batch.sim, np.random.default_rng(0)
    goal = np.flatnonzero(sim.model.geom_bodyid == sim.model.body("goal").id)[0]
    center = rng.uniform([-1.5, -1.0, -1.5], [1.5, 1.0, 0.5], (num, 3))  # m, camera frame
    geom_pos = np.zeros((num, sim.model.ngeom, 3))
    geom_pos[:, goal] = center
    focal = focal_length(np.full(num, 60.0), height)
    view = CameraView(PixelGrid(height, width), np.zeros((num, 3)), np.tile(np.eye(3), (num, 1, 1)), focal)
    hidden = visible_groups(sim, np.zeros(num, int), view, geom_pos)[:, goal] == HIDDEN_GROUP
    right, up = np.meshgrid(np.arange(width) + 0.5 - width / 2, height / 2 - 0.5 - np.arange(height))
    rays = np.stack([right, up, np.full_like(right, -view.focal[0])], axis=-1).reshape(-1, 3)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = np.maximum(center @ rays.T, 0.0)  # (num, height * width), m to the nearest points of the rays
    squared_distance = (center**2).sum(axis=1, keepdims=True) - along**2
    hit = (squared_distance < 0.2**2).any(axis=1)
    assert not (hidden & hit).any()
    assert hit.sum() > 500 and hidden.sum() > 0.9 * (~hit).sum()


class WorkerWithAllGeoms(GlWorker):
    """Draws every geom, wherever it is."""

    def visible_groups(self, ids, camera):
        return np.tile(self.sim.model.geom_group, (len(ids), 1))


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("size", SIZES)
def test_hidden_geoms_change_no_opengl_image(size):
    envs, _ = moved_envs(num=6, cameras=ALL_IMAGES, radius=0.05, image_size=size, steps=8, randomize=ANYWHERE)
    sim, ids = envs.batch.sim, np.arange(6)
    poses = {field: sim.bind(field) for field in POSES}
    sim.forward()  # makes what was bound current
    classes = geom_classes(sim.model, envs.batch.robot.root_body)
    sources = {f"{camera} {modality}": (camera, modality) for camera in CAMERAS for modality in MODALITIES}
    layout = image_layout(sources, height_and_width(size))
    spec = ImageSpec(sources, layout, *height_and_width(size), classes)
    drawn = []
    for worker_class in (GlWorker, WorkerWithAllGeoms):
        worker, images = worker_class(sim, poses, spec), np.empty(len(ids), layout)
        worker.draw(ids, ids, images, None)
        worker.close()
        drawn.append(images)
    for name in sources:
        np.testing.assert_array_equal(drawn[0][name], drawn[1][name])


@dataclass(eq=False)
class ReachUnderDarkSpot(Reach):
    """Reach with a spot that gives no light; planes under a spot are cast by rays, through every pixel."""

    def build(self, spec):
        super().build(spec)
        spot = mujoco.mjtLightType.mjLIGHT_SPOT
        spec.worldbody.add_light(pos=[0.5, 0.0, 1.5], type=spot, diffuse=[0, 0, 0], ambient=[0, 0, 0])


def test_planes_in_closed_form_equal_cast_planes():
    """And a moving camera's objects are the same if rays are cast through every pixel."""
    settings = {"cameras": ["wrist", "wrist_depth", "wrist_segmentation"], "image_size": 48}
    closed_form = moved_observation(task="reach", radius=0.05, **settings)
    cast = moved_observation(task=ReachUnderDarkSpot(radius=0.05), **settings)
    np.testing.assert_array_equal(closed_form["wrist_segmentation"], cast["wrist_segmentation"])
    np.testing.assert_allclose(closed_form["wrist_depth"], cast["wrist_depth"], atol=1e-4)
    difference = np.abs(closed_form["wrist"].astype(int) - cast["wrist"]).max(axis=-1)
    assert difference.max() <= 3
    assert not difference[cast["wrist_segmentation"][..., 0] != SEGMENTATION_CLASSES.index("floor")].any()
