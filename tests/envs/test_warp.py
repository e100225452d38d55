"""MuJoCo Warp under the same tasks, on the device that ROBODL_WARP_DEVICE names, by default the CPU.

Its kernels are compiled at their first use, for half a minute a task, and are cached after that.
"""

import os
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import robodl_envs
from robodl_envs import make_policy, make_vec
from robodl_envs.arrays import to_numpy
from tests.envs.robot_support import SUPPORTED

torch = pytest.importorskip("torch")
pytest.importorskip("mujoco_warp")
pytestmark = pytest.mark.warp
DEVICE = os.environ.get("ROBODL_WARP_DEVICE", "cpu")
ON_DEVICE = {"backend": "warp", "device": DEVICE}


def twins(task, num, **settings):
    """The same environment on MuJoCo and on MuJoCo Warp."""
    return make_vec(task, num_envs=num, **settings), make_vec(task, num_envs=num, **ON_DEVICE, **settings)


def starts(envs):
    """Joints, mocap bodies and desired goals of new episodes, as float32."""
    goals = to_numpy(envs.reset(seed=3)[0])["desired_goal"]
    sim = envs.batch.sim
    mocap = sim.batch.mocap_pos if hasattr(sim, "batch") else to_numpy(sim.state["mocap_pos"])
    return [np.asarray(values, np.float32) for values in (to_numpy(sim.qpos), mocap, goals)]


def moved(envs, steps, scale=1.0):
    """Observations of an episode of random actions, (steps, N, k), and the last info."""
    shape, found = envs.action_space.shape, []
    for action in np.random.default_rng(0).uniform(-scale, scale, (steps, *shape)).astype(np.float32):
        observation, _, _, _, info = envs.step(action if isinstance(envs.ended, np.ndarray) else torch.tensor(action))
        found.append(to_numpy(observation)["observation"].copy())
    return np.stack(found), info


def test_reach_is_the_same_on_both():
    """Starts to the bit, motion to a thousandth of its unit, rewards, infos and the autoreset; in tensors."""
    cpu, warp = twins("reach", 8, max_episode_steps=20)
    for ours, theirs in zip(starts(cpu), starts(warp), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(moved(cpu, 25)[0], moved(warp, 25)[0], atol=1e-3)
    action = np.zeros((8, 3), np.float32)
    for ours, theirs in zip(cpu.step(action)[:-1], warp.step(torch.tensor(action))[:-1], strict=True):
        for one, other in zip(*((x.values() if isinstance(x, dict) else [x]) for x in (ours, theirs)), strict=True):
            assert isinstance(other, torch.Tensor)
            np.testing.assert_allclose(one, to_numpy(other), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_episodes_begin_as_on_the_cpu(task, robot):
    """Same seeds, same joints and goals, to the bit."""
    for ours, theirs in zip(*(starts(envs) for envs in twins(task, 64, robot=robot)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_arms_move_as_on_the_cpu(task, robot):
    """Over 25 steps in which nothing is touched, the arm's joints, speeds and tool agree to a thousandth."""
    cpu, warp = twins(task, 4, robot=robot)
    observed, free = [], slice(0, cpu.state_columns["tool"].stop)
    for envs in (cpu, warp):
        envs.reset(seed=0)
        observed.append(moved(envs, 25, scale=0.2)[0][..., free])
    np.testing.assert_allclose(*observed, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot"), SUPPORTED)
def test_experts_do_as_well_as_on_the_cpu(task, robot):
    """Success in 64 episodes is within 5 percentage points."""
    rates = []
    for backend in ({}, ON_DEVICE):
        envs = gymnasium.make_vec(f"robodl/{named(task)}-v0", 64, robot=robot, autoreset_mode="Disabled", **backend)
        policy, (observation, _) = make_policy("expert", envs), envs.reset(seed=7)
        running, success = np.ones(64, bool), np.zeros(64, bool)
        while running.any():
            observation, _, terminated, truncated, info = envs.step(policy(observation))
            ended = running & to_numpy(terminated | truncated)
            success[ended] = to_numpy(info["success_at_end"])[ended]
            running &= ~ended
        rates.append(success.mean())
    assert abs(rates[0] - rates[1]) <= 0.05, rates


def named(task):
    return "".join(map(str.capitalize, task.split("_")))


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow) for name in ("reach", "push")])
def task(request):
    return request.param


def test_same_seed_same_bits_and_rows_of_their_own(task):
    """A reset of some rows leaves the others as they were, and begins what its seed says."""
    envs = make_vec(task, num_envs=4, **ON_DEVICE)
    first = to_numpy(envs.reset(seed=5)[0])["observation"], moved(envs, 3)[0]
    second = to_numpy(envs.reset(seed=5)[0])["observation"], moved(envs, 3)[0]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    mask = np.array([True, False, True, False])
    observation, info = envs.reset(seed=[5, None, 7, None], options={"reset_mask": torch.tensor(mask)})
    np.testing.assert_array_equal(to_numpy(observation["observation"])[mask], first[0][mask])
    np.testing.assert_array_equal(to_numpy(observation["observation"])[~mask], second[1][-1][~mask])
    np.testing.assert_array_equal(to_numpy(info["_is_success"]), mask)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_autoreset(task, mode):
    """Episodes end and begin in each mode as on the CPU; final observations are the last ones."""
    found = []
    for settings in ({}, ON_DEVICE):
        envs = make_vec(task, num_envs=3, max_episode_steps=2, autoreset_mode=mode, **settings)
        envs.reset(seed=0)
        action = np.full(envs.action_space.shape, 0.5, np.float32)
        for _ in range(3 if mode == "NextStep" else 2):
            observation, reward, _, truncated, info = envs.step(torch.tensor(action) if settings else action)
        found.append((to_numpy(observation["observation"]), to_numpy(reward), to_numpy(truncated)))
        if mode == "SameStep":
            final = info["final_obs"]
            last = to_numpy(final)["observation"] if settings else np.stack([row["observation"] for row in final])
            found[-1] += (last, to_numpy(info["final_info"]["success_at_end"]), to_numpy(info["_final_info"]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_states_are_exact(task):
    """A saved state goes on to the last bit, in another environment too; one of the CPU's is refused."""
    envs, other = (make_vec(task, num_envs=3, randomize={"mass": 0.3, "friction": 0.3}, **ON_DEVICE) for _ in range(2))
    envs.reset(seed=0)
    moved(envs, 2)
    state, expected = envs.get_state(), moved(envs, 3)[0]
    other.reset(seed=9)
    for each in (envs, other):
        each.set_state(state)
        np.testing.assert_array_equal(moved(each, 3)[0], expected)
    with pytest.raises(ValueError, match="backend is"):
        make_vec(task, num_envs=3, randomize={"mass": 0.3, "friction": 0.3}).set_state(state)


def test_one_row_diverges_alone(task):
    """It is truncated with its last finite observation, and begins anew; the others go on."""
    envs, twin = (make_vec(task, num_envs=3, **ON_DEVICE) for _ in range(2))
    twin.reset(seed=0)
    before = to_numpy(envs.reset(seed=0)[0])["observation"].copy()
    envs.batch.sim.qvel[1] = float("nan")
    action = torch.zeros(envs.action_space.shape)
    observation, _, _, truncated, info = envs.step(action)
    undisturbed = to_numpy(twin.step(action)[0])["observation"]
    found = to_numpy(observation)["observation"]
    np.testing.assert_array_equal(found[[0, 2]], undisturbed[[0, 2]])
    np.testing.assert_array_equal(found[1], before[1])
    assert to_numpy(truncated).tolist() == to_numpy(info["diverged"]).tolist() == [False, True, False]
    observation = to_numpy(envs.step(action)[0])
    assert all(np.isfinite(value).all() for value in observation.values())


def test_bad_actions_are_refused(task):
    envs = make_vec(task, num_envs=2, **ON_DEVICE)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="must have shape"):
        envs.step(torch.zeros(3, *envs.single_action_space.shape))
    if DEVICE == "cpu":  # elsewhere to look would be to wait: the rows diverge
        with pytest.raises(ValueError, match="must be finite"):
            envs.step(torch.full(envs.action_space.shape, float("nan")))


def test_actions_that_nobody_looks_at_break_their_row_alone(task, monkeypatch):
    """As on a GPU, where to look would be to wait: NaN in one row's action ends its episode as diverged."""
    monkeypatch.setattr("robodl_envs.engine.on_host", lambda x: False)
    envs, twin = (make_vec(task, num_envs=3, **ON_DEVICE) for _ in range(2))
    actions = torch.zeros(envs.action_space.shape)
    for each in (envs, twin):
        each.reset(seed=0)
    actions[1] = float("nan")
    observation, _, _, truncated, info = envs.step(actions)
    expected = to_numpy(twin.step(torch.zeros(envs.action_space.shape))[0])["observation"]
    assert to_numpy(truncated).tolist() == to_numpy(info["diverged"]).tolist() == [False, True, False]
    np.testing.assert_array_equal(to_numpy(observation["observation"])[[0, 2]], expected[[0, 2]])
    for _ in range(2):  # the row begins anew, and goes on
        observation, _, _, truncated, info = envs.step(torch.zeros(envs.action_space.shape))
        assert not to_numpy(truncated | info["diverged"]).any()
        assert all(np.isfinite(value).all() for value in to_numpy(observation).values())


def test_steps_in_inference_mode(task):
    """As other libraries act: the environment can be reset and stepped outside it afterwards."""
    envs = make_vec(task, num_envs=2, max_episode_steps=2, autoreset_mode="SameStep", **ON_DEVICE)
    actions = torch.zeros(envs.action_space.shape, requires_grad=True)
    with torch.inference_mode():
        envs.reset(seed=0)
        envs.step(actions)
    observation = envs.step(actions)[0]
    envs.reset(seed=0)
    assert not any(value.requires_grad or value.is_inference() for value in observation.values())


def test_numpy_face(task):
    """arrays="numpy" is as the CPU's environment: for code that knows no tensors."""
    envs = make_vec(task, num_envs=2, arrays="numpy", max_episode_steps=2, autoreset_mode="SameStep", **ON_DEVICE)
    observation, _ = envs.reset(seed=0)
    assert envs.observation_space.contains(observation)
    policy = make_policy("expert", envs)
    for _ in range(2):
        observation, reward, _, truncated, info = envs.step(policy(observation))
    assert (
        truncated.all() and reward.dtype == np.float64 and isinstance(info["final_obs"][0]["observation"], np.ndarray)
    )
    goals = (observation["achieved_goal"], observation["desired_goal"])
    assert envs.compute_reward(*goals, {}).shape == envs.goal_distance().shape == (2,)


VARIED = {"colors": 0.2, "lights": 0.4, "background": 1.0, "camera_position": 0.02, "camera_angle": 3.0}
PICTURES = [
    (task, robot, size, settings)
    for task, robot in SUPPORTED
    for size, settings in ((48, {}), ((32, 64), {"randomize": VARIED | {"camera_fovy": 0.2}}))
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot", "size", "settings"), PICTURES)
def test_pictures_are_those_of_rays(task, robot, size, settings):
    """Segmentation, and depth to 0.1 mm, but for a pixel in a thousand; colours to a level but for one in a hundred."""
    cameras = [camera + modality for camera in ("front", "wrist") for modality in ("", "_depth", "_segmentation")]
    both = twins(task, 3, robot=robot, observation="image", cameras=cameras, image_size=size, **settings)
    ours, theirs = (to_numpy(envs.reset(seed=0)[0]) for envs in both)
    for camera in ("front", "wrist"):
        same = ours[f"{camera}_segmentation"] == theirs[f"{camera}_segmentation"]
        assert same.mean() >= 0.999
        assert (abs(ours[f"{camera}_depth"] - theirs[f"{camera}_depth"]) <= 1e-4).mean() >= 0.999
        # Either of two geoms may be seen whose faces coincide, as a drawer's and its cabinet's.
        assert (abs(ours[camera].astype(int) - theirs[camera]) <= 1).mean() >= 0.99


@pytest.mark.slow
def test_pictures_are_noisy_late_and_lost_as_on_the_cpu():
    """Noise, blur, lateness and loss of images are drawn from the same streams."""
    noise = {"blur": 1.0, "noise": 10.0, "latency": 2, "dropped": 0.3}
    both = twins("reach", 3, observation="image", cameras=["front", "side_depth"], image_size=16, randomize=noise)
    for envs in both:
        envs.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, (4, 3, 3)).astype(np.float32):
        ours, theirs = both[0].step(action)[0], to_numpy(both[1].step(torch.tensor(action))[0])
        assert (abs(ours["front"].astype(int) - theirs["front"]) <= 2).mean() >= 0.99
        assert (abs(ours["side_depth"] - theirs["side_depth"]) <= 1e-3).mean() >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("task", "robot"), [("pick_and_place", "ur5e"), ("open_drawer", "so101"), ("reach", "panda")])
def test_physics_and_signals_vary_as_on_the_cpu(task, robot):
    """Masses, friction, damping, gains and gravity, noise, loss and lateness come from the same streams."""
    physics = {"mass": 0.3, "friction": 0.3, "damping": 0.3, "gain": 0.2, "gravity_tilt": 1.0}
    signals = {"state_noise": 0.01, "state_dropped": 0.2, "action_latency": 2}
    cpu, warp = twins(task, 4, robot=robot, randomize=physics | signals)
    ours, theirs = (to_numpy(envs.reset(seed=0)[0])["observation"] for envs in (cpu, warp))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert cpu.batch.sim.expanded.keys() == warp.batch.sim.expanded.keys()
    for field, values in cpu.batch.sim.expanded.items():
        np.testing.assert_allclose(
            to_numpy(warp.batch.sim.expanded[field]), values, rtol=1e-5, atol=1e-6, err_msg=field
        )
    np.testing.assert_allclose(moved(cpu, 5, scale=0.2)[0], moved(warp, 5, scale=0.2)[0], atol=2e-3)


@pytest.mark.slow
def test_more_contacts_than_there_is_room_for_are_told():
    envs = make_vec("stack", num_envs=2, capacity={"constraints": 2}, max_episode_steps=3, **ON_DEVICE)
    with pytest.raises(
        RuntimeError, match=r"more constraints than the 2 there is room for: capacity={'constraints': 4}"
    ):
        for _ in range(3):
            envs.reset(seed=0)
            moved(envs, 3)


def test_settings_are_refused_in_one_line(monkeypatch):
    for settings, line in (
        ({"backend": "wrap"}, "backend must be one of cpu, warp, got 'wrap'; did you mean 'warp'"),
        ({"device": "cpu"}, "device is of backend='warp', got backend='cpu'"),
        ({"backend": "warp", "device": "cuda:77"}, "device=cuda:77 can't be used"),
        ({"backend": "warp", "device": "gpu"}, "device=gpu can't be used"),
        ({**ON_DEVICE, "observation": "image", "renderer": "gl"}, "renderer='gl' is of backend='cpu'"),
        ({**ON_DEVICE, "arrays": "jax"}, "arrays must be one of torch, numpy"),
        ({**ON_DEVICE, "capacity": {"contact": 2}}, "capacity must be one of contacts, constraints, got 'contact'"),
        ({**ON_DEVICE, "capacity": {"contacts": 0}}, "whole numbers from 1 on, got 0 contacts"),
    ):
        with pytest.raises(ValueError, match=line):
            make_vec("reach", num_envs=2, **settings)
    with pytest.raises(ValueError, match="the policy kalman works on NumPy's arrays alone: give backend='cpu'"):
        make_policy("kalman", make_vec("track", num_envs=2, **ON_DEVICE))
    monkeypatch.setitem(sys.modules, "robodl_envs.warp_device", None)
    with pytest.raises(ValueError, match=r"backend='warp' needs what pip install 'robodl\[warp\]' installs"):
        make_vec("reach", num_envs=2, backend="warp")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_that_it_is_slow():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        make_vec("reach", num_envs=2, backend="warp")
    assert "runs on the CPU here, slowly" in str(found[0].message)


def test_tasks_robots_and_cameras_ask_for_no_backend():
    """One definition: only settings.py chooses what simulates and draws."""
    folder = Path(robodl_envs.__file__).parent
    files = [folder / "cameras.py", *folder.glob("tasks/*.py"), *folder.glob("robots/*.py")]
    files += folder.glob("perception/*.py")
    assert len(files) > 30
    for path in files:
        text = path.read_text().lower()
        assert "warp" not in text and "backend" not in text, path
