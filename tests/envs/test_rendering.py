"""What pictures show is what is there, and all ways to draw agree about it."""

from dataclasses import dataclass

import mujoco
import numpy as np
import pytest

import robodl_envs.rendering.shading
from robodl_envs import CLASSES, FAR, make
from robodl_envs.rendering import gl_renderer, ray_renderer
from robodl_envs.rendering.modalities import COARSE, FINE, HIDDEN
from robodl_envs.rendering.visibility import shown_groups
from robodl_envs.tasks.reach import Reach
from tests.envs.pictures import CAMERAS, EVERYTHING, seen


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("randomize", [{}, {"camera_position": 0.05, "camera_angle": 5, "camera_fovy": 0.1}])
def test_rays_and_opengl_agree(randomize):
    """Segmentation, depth and colours of the two ways to draw, also where every row has cameras of its own."""
    settings = {"num": 4, "cameras": EVERYTHING, "image_size": 64, "radius": 0.05, "randomize": randomize}
    ray, gl = (seen(renderer=name, **settings) for name in ("ray", "gl"))
    for camera in CAMERAS:
        one, other = ray[f"{camera}_segmentation"], gl[f"{camera}_segmentation"]
        for name in ("floor", "robot"):
            of_one, of_other = one == CLASSES.index(name), other == CLASSES.index(name)
            assert (of_one & of_other).sum() / (of_one | of_other).sum() > 0.9, (camera, name)
        goals = [(picture == CLASSES.index("goal")).sum() for picture in (one, other)]
        assert abs(goals[0] - goals[1]) <= 0.3 * max(goals), camera
        same = one == other  # elsewhere a coarse mesh has its edge a pixel further in
        apart = np.abs(ray[f"{camera}_depth"] - gl[f"{camera}_depth"])[same]
        assert np.median(apart) < 1e-4 and np.percentile(apart, 95) < 0.02, camera  # m
        colors = np.abs(ray[camera].astype(int) - gl[camera])[same[..., 0]]
        assert colors.mean() < 8, camera  # of 255


@dataclass(eq=False)
class Furnished(Reach):
    """Reach beside things of every primitive shape, under a lamp."""

    lamp: bool = True

    def build(self, spec):
        super().build(spec)
        shapes = {"ELLIPSOID": [0.05, 0.1, 0.15], "CYLINDER": [0.06, 0.1, 0.0], "BOX": [0.05, 0.1, 0.08]}
        for k, (name, size) in enumerate(shapes.items()):
            kind = getattr(mujoco.mjtGeom, f"mjGEOM_{name}")
            places = {"fixed": [0.2, -0.5 + 0.3 * k, 0.15], "loose": [0.75, -0.4 + 0.3 * k, 0.3]}
            for word, place in places.items():
                body = spec.worldbody.add_body(name=f"{word} {name}", pos=place, quat=[0.8, 0.6, 0.0, 0.0])
                body.add_geom(type=kind, size=size, rgba=[0.2, 0.7, 0.3, 1.0], contype=0, conaffinity=0)
                if word == "loose":
                    body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], armature=1.0)
        if self.lamp:
            spec.worldbody.add_light(pos=[0.5, 0.0, 1.5], dir=[0.0, 0.2, -1.0], type=mujoco.mjtLightType.mjLIGHT_SPOT)


@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("lamp", [False, True])
def test_every_shape_before_every_camera(lamp):
    """Spheres, capsules, boxes, cylinders and ellipsoids, fixed and moving, where OpenGL has them too."""
    settings = {"observation": "image", "cameras": EVERYTHING, "image_size": 64}
    pictures = []
    for renderer in ("ray", "gl"):
        env = make(Furnished(lamp=lamp), renderer=renderer, **settings)
        env.reset(seed=2)
        pictures.append(env.step(np.full(3, 0.5))[0])
        env.close()
    ray, gl = pictures
    for camera in CAMERAS:
        one, other = (picture[f"{camera}_segmentation"] == CLASSES.index("object") for picture in pictures)
        if camera != "wrist":
            assert (one & other).sum() / (one | other).sum() > 0.8, camera
        same = ray[f"{camera}_segmentation"] == gl[f"{camera}_segmentation"]
        assert same.mean() > 0.94, camera
        assert np.median(np.abs(ray[f"{camera}_depth"] - gl[f"{camera}_depth"])[same]) < 1e-3, camera
        if not lamp:  # a lamp's cone falls on few vertices of OpenGL's coarse floor
            assert np.abs(ray[camera].astype(int) - gl[camera])[same[..., 0]].mean() < 10, camera


@pytest.mark.usefixtures("opengl")
def test_colors_of_materials_and_sizes_of_rows():
    """A geom's colour may be its material's, also under randomisation, and rows may differ in a fixed geom's size."""

    @dataclass(eq=False)
    class Painted(Reach):
        def build(self, spec):
            super().build(spec)
            spec.add_material(name="red", rgba=[1.0, 0.0, 0.0, 1.0])
            spec.worldbody.add_geom(
                name="ball", type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], pos=[0.3, 0.3, 0.1], material="red"
            )

        def bind(self, sim):
            super().bind(sim)
            self.sizes = sim.expand("geom_size")

        def reset(self, ids, rng):
            super().reset(ids, rng)
            self.sizes[ids, self.ball, 0] = 0.15

    Painted.ball = make(Painted()).batch.model.geom("ball").id
    pictures = {}
    for renderer in ("ray", "gl"):
        settings = {"cameras": ["top", "top_segmentation"], "randomize": {"colors": 0.01}}
        env = make(Painted(), observation="image", renderer=renderer, **settings)
        pictures[renderer] = env.reset(seed=0)[0]
        env.close()
    objects = {
        name: picture["top_segmentation"][..., 0] == CLASSES.index("object") for name, picture in pictures.items()
    }
    assert objects["ray"].sum() > 100
    # OpenGL's spheres for learning have six sides.
    assert (objects["ray"] & objects["gl"]).sum() / (objects["ray"] | objects["gl"]).sum() > 0.7
    for name, picture in pictures.items():
        red, green, blue = picture["top"][objects[name]].mean(axis=0)
        assert red > 150 and green < 30 and blue < 30


def test_rays_are_cast_wherever_they_must(monkeypatch):
    """Leaving pixels out changes no picture, wherever the cameras are, within things too."""
    from robodl_envs.rendering.ray_renderer import RayRenderer

    settings = {"num": 6, "steps": 8, "cameras": EVERYTHING, "radius": 0.05}
    settings |= {"randomize": {"camera_position": 0.4, "camera_angle": 60}}
    chosen = seen(**settings)
    everywhere = lambda self, ids, *_: np.ones((len(ids), self.height * self.width), bool)  # noqa: E731
    monkeypatch.setattr(RayRenderer, "covered", everywhere)
    for name, pictures in seen(**settings).items():
        np.testing.assert_array_equal(chosen[name], pictures)


@pytest.mark.parametrize("size", [32, (24, 48), (48, 24)])
def test_geoms_are_left_out_only_where_none_can_see_them(renderer, size, monkeypatch):
    """Hiding what is not in a picture changes no pixel, wherever the cameras are; and much is hidden."""
    settings = {"num": 6, "steps": 8, "cameras": EVERYTHING, "radius": 0.05, "renderer": renderer, "image_size": size}
    settings |= {"randomize": {"camera_position": 0.4, "camera_angle": 60, "camera_fovy": 0.3}}
    hidden = []

    def noted(sim, ids, *view):
        groups = shown_groups(sim, ids, *view)
        hidden.append((groups == HIDDEN).mean())
        return groups

    def all_groups(sim, ids, *_):
        return np.tile(sim.model.geom_group, (len(ids), 1))

    module = {"ray": ray_renderer, "gl": gl_renderer}[renderer]
    monkeypatch.setattr(module, "shown_groups", noted)
    some = seen(**settings)
    assert np.mean(hidden) > 0.1
    monkeypatch.setattr(module, "shown_groups", all_groups)
    for name, pictures in seen(**settings).items():
        np.testing.assert_array_equal(some[name], pictures)


def test_planes_in_closed_form_are_as_cast(monkeypatch):
    """A carried camera's floor, drawn in closed form, is what a ray through each pixel finds."""
    settings = {"cameras": ["wrist", "wrist_depth", "wrist_segmentation"], "radius": 0.05, "image_size": 48}
    closed = seen(**settings)
    light = robodl_envs.rendering.shading.Lights.__init__

    def unsure(self, *arguments):
        light(self, *arguments)
        self.directional = np.zeros(len(self.directional), bool)
        self.spot = [(-1.0, 0.0)] * len(self.directional)
        self.place = -100.0 * self.way  # as good as directional, from far away

    monkeypatch.setattr(robodl_envs.rendering.shading.Lights, "__init__", unsure)
    cast = seen(**settings)
    np.testing.assert_array_equal(closed["wrist_segmentation"], cast["wrist_segmentation"])
    np.testing.assert_allclose(closed["wrist_depth"], cast["wrist_depth"], atol=1e-4)
    assert np.abs(closed["wrist"].astype(int) - cast["wrist"]).max() <= 3


def test_depth_is_distance_along_the_line_of_sight(renderer):
    """Looking straight down, the floor is everywhere as far away as the camera is high."""
    env = make("reach", observation="image", cameras=["top_depth", "top_segmentation"], renderer=renderer)
    observation, _ = env.reset(seed=0)
    height = env.batch.model.camera("top").pos[2]
    floor = observation["top_segmentation"] == CLASSES.index("floor")
    np.testing.assert_allclose(observation["top_depth"][floor], height, atol=2e-3)
    assert observation["top_depth"].max() <= FAR


def test_a_goal_is_seen_where_it_is(renderer):
    """The middle of the goal's pixels is the projection of its position."""
    env = make(
        "reach", observation="image", cameras=["top_segmentation"], image_size=128, radius=0.05, renderer=renderer
    )
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        rows, columns, _ = np.nonzero(observation["top_segmentation"] == CLASSES.index("goal"))
        camera, goal = env.batch.model.camera("top"), env.batch.task.goal[0]
        if len(rows) < 60:
            continue  # the hand is before it
        pixels = 64 / np.tan(np.radians(camera.fovy[0] / 2)) / (camera.pos[2] - goal[2])
        middle = 64 - pixels * (goal - camera.pos)[[0, 1]]  # up in the picture is x, left is y
        np.testing.assert_allclose([rows.mean() + 0.5, columns.mean() + 0.5], middle, atol=2.0)


@dataclass(eq=False)
class TwoLooks(Reach):
    """Reach beside two balls, of which the coarse one is green and the fine one blue."""

    moves: bool = False

    def build(self, spec):
        super().build(spec)
        body = spec.worldbody.add_body(name="balls", pos=[0.4, 0.2, 0.1])
        if self.moves:
            body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, 0, 1], armature=1.0)
        for group, y, rgba in ((COARSE, -0.05, [0.0, 1.0, 0.0, 1.0]), (FINE, 0.05, [0.0, 0.0, 1.0, 1.0])):
            body.add_geom(size=[0.08, 0, 0], pos=[0, y, 0], rgba=rgba, group=group, contype=0, conaffinity=0)


@pytest.mark.parametrize("moves", [False, True])
def test_coarse_looks_for_learning_and_fine_ones_for_people(renderer, moves, monkeypatch):
    if renderer == "ray":
        monkeypatch.setenv("MUJOCO_GL", "disable")  # people's pictures are cast too then
    settings = {"observation": "image", "cameras": ["front", "wrist"], "renderer": renderer, "render_mode": "rgb_array"}
    env = make(TwoLooks(moves=moves), image_size=64, **settings)
    seen = env.reset(seed=0)[0]
    for picture, color, other in ((seen["front"], 1, 2), (seen["wrist"], 1, 2), (env.render(), 2, 1)):
        assert (picture[..., color] > 2.0 * picture[..., other]).sum() > 20
        assert not (picture[..., other] > 2.0 * picture[..., color]).any()
    env.close()
