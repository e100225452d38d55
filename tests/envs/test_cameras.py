"""Pictures as observations: what they show, that all ways to draw agree, and that nobody is disturbed."""

import gc
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import pytest

import robodl_envs.rendering.shading
from robodl_envs import RenderingError, make, make_vec
from robodl_envs.rendering.gl import gl_context
from robodl_envs.rendering.views import CLASSES, FAR
from robodl_envs.tasks.reach import Reach

CAMERAS = ("front", "side", "top", "wrist")
KINDS = ("", "_depth", "_segmentation")
EVERYTHING = [camera + kind for camera in CAMERAS for kind in KINDS]


@pytest.fixture(scope="module")
def opengl():
    try:
        gl_context(8, 8).free()
    except RenderingError as error:
        pytest.skip(f"no OpenGL on this machine: {error}")


@pytest.fixture(params=["ray", "gl"])
def renderer(request):
    if request.param == "gl":
        request.getfixturevalue("opengl")
    return request.param


def seen(num=3, steps=4, **settings):
    """Observations of a few arms after a few steps."""
    envs = make_vec("reach", num_envs=num, **{"observation": "image", "image_size": 32, **settings})
    observation, _ = envs.reset(seed=5)
    for k in range(steps):
        observation, *_ = envs.step(np.full((num, 3), 0.4 * (-1) ** (k // 3)))
    envs.close()
    return observation


def test_what_an_observation_holds(renderer):
    """Every kind of every camera, in its space; nothing in "image" tells where the goal is but the pictures."""
    env = make("reach", observation="image", cameras=EVERYTHING, image_size=(24, 32), renderer=renderer)
    observation, _ = env.reset(seed=0)
    assert set(observation) == {*EVERYTHING, "proprioception"} == set(env.observation_space.spaces)
    assert env.observation_space.contains(observation) and not hasattr(env, "compute_reward")
    assert observation["front"].shape == (24, 32, 3) and observation["front"].dtype == np.uint8
    assert observation["front_depth"].shape == (24, 32, 1) and observation["front_depth"].dtype == np.float32
    for camera in CAMERAS:
        classes = set(np.unique(observation[f"{camera}_segmentation"]))
        assert {CLASSES.index("floor"), CLASSES.index("robot")} <= classes
    apart = make("reach", observation="image", cameras=["front"])
    apart.reset(seed=0)
    apart.batch.task.goal[:] += 0.1
    moved = apart.step(np.zeros(3))[0]
    same = make("reach", observation="image", cameras=["front"])
    same.reset(seed=0)
    still = same.step(np.zeros(3))[0]
    np.testing.assert_array_equal(moved["proprioception"], still["proprioception"])
    assert (moved["front"] != still["front"]).any()
    env.close()


def test_image_and_state():
    """All of "state", the same numbers, and pictures; hindsight may ask for rewards."""
    env, plain = make("reach", observation="image+state", cameras=["top"]), make("reach")
    observation, state = env.reset(seed=3)[0], plain.reset(seed=3)[0]
    assert set(observation) == {"top", "observation", "achieved_goal", "desired_goal"}
    for key, value in state.items():
        np.testing.assert_array_equal(observation[key], value)
    assert env.compute_reward(state["achieved_goal"], state["achieved_goal"]) == 0.0


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


def test_row_equals_single_env_in_pictures(renderer):
    """Row i's pictures are the single environment's, whatever the number of rows and threads, through resets."""
    settings = {"observation": "image", "cameras": ["front", "wrist"], "image_size": 32, "renderer": renderer}
    settings |= {
        "max_episode_steps": 3,
        "randomize": {"colors": 0.2, "noise": 5, "camera_position": 0.05, "latency": 2},
    }
    for threads in (1, 2):
        envs = make_vec("reach", num_envs=5, threads=threads, autoreset_mode="SameStep", **settings)
        singles = [make("reach", **settings) for _ in range(5)]
        rows, _ = envs.reset(seed=11)
        each = [single.reset(seed=11 + i)[0] for i, single in enumerate(singles)]
        for step in range(8):
            for i in range(5):
                for key in rows:
                    np.testing.assert_array_equal(rows[key][i], each[i][key], err_msg=f"{key} of row {i}, step {step}")
            action = np.full((5, 3), 0.3)
            rows, _, _, truncated, _ = envs.step(action)
            for i, single in enumerate(singles):
                each[i] = single.step(action[i])[0]
                if truncated[i]:
                    each[i] = single.reset()[0]
        for env in (envs, *singles):
            env.close()


def test_only_rows_asked_for_are_drawn(renderer):
    envs = make_vec("reach", num_envs=4, observation="image", renderer=renderer)
    before, _ = envs.reset(seed=0)
    drawn = []
    kept = envs.batch.eyes.look
    envs.batch.eyes.look = lambda ids, rng: (drawn.append(list(ids)), kept(ids, rng))
    after, _ = envs.reset(options={"reset_mask": np.array([False, True, False, True])})
    assert drawn == [[1, 3]]
    for row, changed in enumerate([False, True, False, True]):
        assert (before["front"][row] != after["front"][row]).any() == changed
    envs.close()


def test_pictures_go_on_after_set_state_and_pickle():
    """Late, lost and noisy pictures too: the state holds what is under way."""
    randomize = {"noise": 4, "latency": 3, "dropped": 0.3, "colors": 0.2, "lights": 0.3, "background": 1.0}
    settings = {"observation": "image", "cameras": ["front", "front_depth"], "image_size": 16, "randomize": randomize}
    envs = make_vec("reach", num_envs=3, **settings)
    envs.reset(seed=1)
    for _ in range(5):
        envs.step(np.full((3, 3), 0.5))
    twin = pickle.loads(pickle.dumps(envs))
    other = make_vec("reach", num_envs=3, **settings)
    other.set_state(envs.get_state())
    for _ in range(4):
        pictures = [each.step(np.full((3, 3), -0.5))[0] for each in (envs, twin, other)]
        for key in pictures[0]:
            np.testing.assert_array_equal(pictures[1][key], pictures[0][key])
            np.testing.assert_array_equal(pictures[2][key], pictures[0][key])


def test_two_sizes_do_not_disturb_each_other(renderer):
    settings = {"observation": "image", "cameras": ["front"], "renderer": renderer}
    small, large = make("reach", image_size=16, **settings), make("reach", image_size=48, **settings)
    first = [env.reset(seed=0)[0]["front"] for env in (small, large)]
    again = [env.reset(seed=0)[0]["front"] for env in (small, large)]
    small.close()
    last = large.reset(seed=0)[0]["front"]
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[1], last)
    np.testing.assert_array_equal(small.reset(seed=0)[0]["front"], first[0])  # made anew after close


def test_another_thread_sees_the_same(renderer):
    env = make("reach", observation="image", cameras=["front"], renderer=renderer)
    here, there = env.reset(seed=0)[0]["front"], []
    thread = threading.Thread(target=lambda: there.append(env.reset(seed=0)[0]["front"]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(there[0], here)
    np.testing.assert_array_equal(env.reset(seed=0)[0]["front"], here)


def test_a_task_may_bring_its_own_camera():
    @dataclass(eq=False)
    class Watched(Reach):
        def build(self, spec):
            super().build(spec)
            spec.worldbody.add_camera(name="low", pos=[1.5, 0.0, 0.1], quat=[0.5, 0.5, 0.5, 0.5])

    env = make(Watched(), observation="image", cameras=["low", "low_depth"], image_size=16)
    assert env.reset(seed=0)[0]["low"].std() > 5


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


def test_rays_are_cast_wherever_they_must(monkeypatch):
    """Leaving pixels out changes no picture, wherever the cameras are, within things too."""
    from robodl_envs.rendering.rays import RayView

    settings = {"num": 6, "steps": 8, "cameras": EVERYTHING, "radius": 0.05}
    settings |= {"randomize": {"camera_position": 0.4, "camera_angle": 60}}
    chosen = seen(**settings)
    everywhere = lambda self, ids, *_: np.ones((len(ids), self.height * self.width), bool)  # noqa: E731
    monkeypatch.setattr(RayView, "covered", everywhere)
    for name, pictures in seen(**settings).items():
        np.testing.assert_array_equal(chosen[name], pictures)


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


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cameras": ["fromt"]}, ["no picture named 'fromt'", "front"]),
        ({"cameras": []}, ["at least one picture"]),
        ({"cameras": ["front", "front"]}, ["must differ"]),
        ({"image_size": 2}, ["image_size must be from 4 to 1024 pixels, got 2 x 2"]),
        ({"image_size": "big"}, ["image_size must be an integer or (height, width)"]),
        ({"renderer": "vulkan"}, ["renderer must be one of ray, gl"]),
        ({"observation": "pixels"}, ["observation must be one of state, image, image+state"]),
        ({"randomize": {"colours": 1}}, ["randomize has no 'colours'", "colors"]),
        ({"randomize": {"latency": 9}}, ["randomize.latency must be an integer from 0 to 3, got 9"]),
    ],
)
def test_what_is_refused(settings, words):
    with pytest.raises((ValueError, TypeError)) as refused:
        make("reach", **{"observation": "image", **settings})
    for word in words:
        assert word in str(refused.value)


SCRIPT = """
import sys, gymnasium, numpy, robodl_envs
from functools import partial
make = partial(gymnasium.make, "robodl_envs:robodl/Reach-v0", observation="image", renderer=sys.argv[2], image_size=16)
if __name__ == "__main__":
    envs = gymnasium.vector.AsyncVectorEnv([make, make], context=sys.argv[1])
    first, _ = envs.reset(seed=0)
    envs.step(numpy.zeros((2, 3)))
    alone, _ = make().reset(seed=1)
    assert (first["front"][1] == alone["front"]).all()
    envs.close()
    print("well")
"""


def test_the_same_in_every_process(tmp_path):
    """Cameras, and what is drawn for them at random, do not depend on the process's hash seed."""
    script = "import hashlib; from robodl_envs import make; e = make('reach', observation='image', image_size=16, "
    script += "cameras=['front', 'side', 'top', 'wrist'], randomize={'camera_position': 0.1}); o, _ = e.reset(seed=0); "
    script += "print(hashlib.sha256(b''.join(o[k].tobytes() for k in sorted(o))).hexdigest())"
    said = set()
    for seed in ("1", "2", "4"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", script]
        said.add(subprocess.run(words, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout)
    assert len(said) == 1


@pytest.mark.usefixtures("opengl")
def test_an_interrupted_picture_is_not_the_next_one():
    """Ctrl-C while painters draw: the next pictures are whole and of their own step."""
    settings = {"observation": "image", "image_size": 16, "renderer": "gl", "threads": 2}
    envs, twin = make_vec("reach", num_envs=4, **settings), make_vec("reach", num_envs=4, **settings)
    for each in (envs, twin):
        each.reset(seed=0)
    worker = envs.batch.eyes.gl.workers[0]
    worker.join = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    action = np.full((4, 3), 0.5)
    with pytest.raises(KeyboardInterrupt):
        envs.step(action)
    twin.step(action)
    for _ in range(3):
        one, other = envs.step(action)[0], twin.step(action)[0]
        np.testing.assert_array_equal(one["front"], other["front"])
    envs.close()
    twin.close()


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


def test_settings_are_the_environments_own():
    """What a caller does with his list and task afterwards does not change copies of the environment."""
    cameras, task = ["front"], Reach()
    env = make(task, observation="image", cameras=cameras, image_size=16)
    env.reset(seed=0)
    cameras.append("side")
    task.radius = 0.5
    assert set(pickle.loads(pickle.dumps(env)).observation_space.spaces) == {"front", "proprioception"}


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_async_vector_env(context, renderer, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), context, renderer]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout == "well\n", done.stderr


@pytest.mark.usefixtures("opengl")
def test_no_thread_outlives_its_environment():
    before = threading.active_count()
    envs = make_vec("reach", num_envs=4, threads=2, observation="image", image_size=16, renderer="gl")
    envs.reset(seed=0)
    assert threading.active_count() == before + 2
    del envs
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.slow
@pytest.mark.parametrize("close", [True, False])
def test_long_runs_leak_nothing(renderer, close):
    """10,000 steps with pictures, in environments that come and go: memory and open files stay where they are."""
    import resource

    def live(steps):
        env = gym.make(
            "robodl/Reach-v0", observation="image", cameras=["front", "wrist"], image_size=32, renderer=renderer
        )
        env.reset(seed=0)
        for _ in range(steps):
            if env.step(env.action_space.sample())[3]:
                env.reset()
        if close:
            env.close()
        del env
        gc.collect()

    def use():
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20, len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(10):
        live(100)
    memory, files = use()
    for _ in range(20):
        live(500)
    assert use()[0] - memory < 30 and use()[1] <= files + 2  # MiB


@pytest.mark.parametrize("observation", ["image", "image+state"])
def test_checkers(observation, renderer):
    """Gymnasium's checker and Stable-Baselines3's pass without a warning."""
    import warnings

    from gymnasium.utils.env_checker import check_env

    settings = {"observation": observation, "cameras": EVERYTHING, "image_size": 40, "renderer": renderer}
    env = gym.make("robodl/Reach-v0", **settings).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    env = gym.make("robodl/Reach-v0", **{**settings, "cameras": ["front", "wrist"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3.check_env(env.unwrapped)
    env.close()


def test_earlier_pictures_never_change(renderer):
    """What was returned stays as it was, and changing it harms nothing."""
    env = make("reach", observation="image", cameras=["front", "front_depth"], renderer=renderer)
    first, _ = env.reset(seed=0)
    kept = {key: value.copy() for key, value in first.items()}
    second = env.step(np.ones(3))[0]
    for key, value in kept.items():
        np.testing.assert_array_equal(first[key], value)
        second[key][:] = 0
    third = env.step(np.ones(3))[0]
    assert third["front"].any() and third["front_depth"].any()
    env.close()
