"""Images show the scene as it is, and ray casting and OpenGL agree about it."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES, make
from robodl_envs.rendering.modalities import COARSE_GROUP, FINE_GROUP
from robodl_envs.tasks.reach import Reach
from tests.envs.images import ALL_IMAGES, CAMERAS, moved_observation

OBJECT = SEGMENTATION_CLASSES.index("object")
SPHERE = mujoco.mjtGeom.mjGEOM_SPHERE


def overlap(mask, other):
    """Intersection over union."""
    return (mask & other).sum() / (mask | other).sum()


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("randomize", [{}, {"camera_position": 0.05, "camera_angle": 5, "camera_fovy": 0.1}])
def test_rays_and_opengl_agree(randomize):
    """In segmentation, depth and colours, also if every row has cameras of its own."""
    settings = {"num": 4, "cameras": ALL_IMAGES, "image_size": 64, "radius": 0.05, "randomize": randomize}
    ray, gl = (moved_observation(renderer=name, **settings) for name in ("ray", "gl"))
    for camera in CAMERAS:
        ray_classes, gl_classes = ray[f"{camera}_segmentation"], gl[f"{camera}_segmentation"]
        for name in ("floor", "robot"):
            index = SEGMENTATION_CLASSES.index(name)
            assert overlap(ray_classes == index, gl_classes == index) > 0.9, (camera, name)
        goals = [(classes == SEGMENTATION_CLASSES.index("goal")).sum() for classes in (ray_classes, gl_classes)]
        assert abs(goals[0] - goals[1]) <= 0.3 * max(goals), camera
        same = ray_classes == gl_classes  # elsewhere a coarse mesh has its edge a pixel further in
        difference = np.abs(ray[f"{camera}_depth"] - gl[f"{camera}_depth"])[same]
        assert np.median(difference) < 1e-4 and np.percentile(difference, 95) < 0.02, camera  # m
        colors = np.abs(ray[camera].astype(int) - gl[camera])[same[..., 0]]
        assert colors.mean() < 8, camera  # of 255


@dataclass(eq=False)
class ReachAmongShapes(Reach):
    """Reach beside objects of every primitive shape, fixed and moving, under a spot."""

    spot: bool = True

    def build(self, spec):
        super().build(spec)
        shapes = {"ELLIPSOID": [0.05, 0.1, 0.15], "CYLINDER": [0.06, 0.1, 0.0], "BOX": [0.05, 0.1, 0.08]}
        for k, (name, size) in enumerate(shapes.items()):
            shape = getattr(mujoco.mjtGeom, f"mjGEOM_{name}")
            positions = {"fixed": [0.2, -0.5 + 0.3 * k, 0.15], "moving": [0.75, -0.4 + 0.3 * k, 0.3]}
            for mobility, pos in positions.items():
                body = spec.worldbody.add_body(name=f"{mobility} {name}", pos=pos, quat=[0.8, 0.6, 0.0, 0.0])
                body.add_geom(type=shape, size=size, rgba=[0.2, 0.7, 0.3, 1.0], contype=0, conaffinity=0)
                if mobility == "moving":
                    body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], armature=1.0)
        if self.spot:
            spec.worldbody.add_light(pos=[0.5, 0.0, 1.5], dir=[0.0, 0.2, -1.0], type=mujoco.mjtLightType.mjLIGHT_SPOT)


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("spot", [False, True])
def test_rays_and_opengl_agree_about_every_shape(spot):
    """Spheres, capsules, boxes, cylinders and ellipsoids, fixed and moving, before every camera."""
    settings = {"task": ReachAmongShapes(spot=spot), "num": 2, "steps": 1, "cameras": ALL_IMAGES, "image_size": 64}
    ray, gl = (moved_observation(renderer=name, **settings) for name in ("ray", "gl"))
    for camera in CAMERAS:
        ray_classes, gl_classes = ray[f"{camera}_segmentation"], gl[f"{camera}_segmentation"]
        if camera != "wrist":
            assert overlap(ray_classes == OBJECT, gl_classes == OBJECT) > 0.8, camera
        same = ray_classes == gl_classes
        assert same.mean() > 0.94, camera
        assert np.median(np.abs(ray[f"{camera}_depth"] - gl[f"{camera}_depth"])[same]) < 1e-3, camera
        if not spot:  # a spot's cone falls on few vertices of OpenGL's coarse floor
            assert np.abs(ray[camera].astype(int) - gl[camera])[same[..., 0]].mean() < 10, camera


@dataclass(eq=False)
class ReachBesideBall(Reach):
    """Reach beside a fixed ball, coloured by its material, that each episode makes larger."""

    def build(self, spec):
        super().build(spec)
        spec.add_material(name="red", rgba=[1.0, 0.0, 0.0, 1.0])
        size, pos = [0.02, 0, 0], [0.3, 0.3, 0.1]
        spec.worldbody.add_geom(name="ball", type=SPHERE, size=size, pos=pos, material="red")

    def bind(self, sim):
        super().bind(sim)
        self.ball, self.sizes = sim.model.geom("ball").id, sim.expand("geom_size")

    def reset(self, ids, rng):
        super().reset(ids, rng)
        self.sizes[ids, self.ball, 0] = 0.15


@pytest.mark.usefixtures("opengl")
def test_colors_of_materials_and_sizes_of_rows_are_drawn():
    """A geom's colour may be its material's, also if randomised, and rows may differ in a fixed geom's size."""
    settings = {"num": 2, "steps": 0, "image_size": 64, "cameras": ["top", "top_segmentation"]}
    masks = []
    for renderer in ("ray", "gl"):
        images = moved_observation(task=ReachBesideBall(), renderer=renderer, randomize={"colors": 0.01}, **settings)
        masks.append(images["top_segmentation"][..., 0] == OBJECT)
        red, green, blue = images["top"][masks[-1]].mean(axis=0)
        assert red > 150 and green < 30 and blue < 30
    assert (masks[0].sum(axis=(1, 2)) > 100).all()
    assert overlap(*masks) > 0.7  # OpenGL's spheres for learning have six sides


def test_depth_is_the_distance_along_the_line_of_sight(renderer):
    """Looking straight down, the floor is everywhere as far away as the camera is high."""
    env = make("reach", observation="image", cameras=["top_depth", "top_segmentation"], renderer=renderer)
    observation, _ = env.reset(seed=0)
    height = env.batch.model.camera("top").pos[2]
    floor = observation["top_segmentation"] == SEGMENTATION_CLASSES.index("floor")
    np.testing.assert_allclose(observation["top_depth"][floor], height, atol=2e-3)
    assert observation["top_depth"].max() <= MAX_DEPTH
    env.close()


def test_a_goal_appears_at_its_projection(renderer):
    """The middle of the goal's pixels is the projection of its position."""
    settings = {"cameras": ["top_segmentation"], "image_size": 128, "radius": 0.05}
    env = make("reach", observation="image", renderer=renderer, **settings)
    num_visible = 0
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        rows, columns, _ = np.nonzero(observation["top_segmentation"] == SEGMENTATION_CLASSES.index("goal"))
        camera, goal = env.batch.model.camera("top"), env.batch.task.goal[0]
        if len(rows) < 60:
            continue  # the hand is before it
        num_visible += 1
        pixels_per_metre = 64 / np.tan(np.radians(camera.fovy[0] / 2)) / (camera.pos[2] - goal[2])
        middle = 64 - pixels_per_metre * (goal - camera.pos)[[0, 1]]  # up in the image is x, left is y
        np.testing.assert_allclose([rows.mean() + 0.5, columns.mean() + 0.5], middle, atol=2.0)
    assert num_visible
    env.close()


@dataclass(eq=False)
class ReachBesideTwoBalls(Reach):
    """Reach beside a green ball of the coarse group and a blue one of the fine group."""

    moving: bool = False

    def build(self, spec):
        super().build(spec)
        body = spec.worldbody.add_body(name="balls", pos=[0.4, 0.2, 0.1])
        if self.moving:
            body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], armature=1.0)
        for group, y, rgba in ((COARSE_GROUP, -0.05, [0.0, 1.0, 0.0, 1.0]), (FINE_GROUP, 0.05, [0.0, 0.0, 1.0, 1.0])):
            body.add_geom(size=[0.08, 0, 0], pos=[0, y, 0], rgba=rgba, group=group, contype=0, conaffinity=0)


@pytest.mark.parametrize("moving", [False, True])
def test_learning_sees_coarse_geoms_and_people_see_fine_ones(renderer, moving, monkeypatch):
    if renderer == "ray":
        monkeypatch.setenv("MUJOCO_GL", "disable")  # so that images for people are cast by rays too
    settings = {"observation": "image", "cameras": ["front", "wrist"], "renderer": renderer, "render_mode": "rgb_array"}
    env = make(ReachBesideTwoBalls(moving=moving), image_size=64, **settings)
    observation, _ = env.reset(seed=0)
    green, blue = 1, 2
    cases = (observation["front"], green, blue), (observation["wrist"], green, blue), (env.render(), blue, green)
    for image, shown, hidden in cases:
        assert (image[..., shown] > 2.0 * image[..., hidden]).sum() > 20
        assert not (image[..., hidden] > 2.0 * image[..., shown]).any()
    env.close()
