"""One definition serves every library: each task on each robot runs on tensors that NumPy may not read."""

import numpy as np
import pytest
import torch

import robodl_envs
from robodl_envs.engine import BatchEnv
from robodl_envs.experts.policy import expert_policy, student_observable_policy
from robodl_envs.gym_env import make_vec
from robodl_envs.perception.perception_task import PerceptionTask
from robodl_envs.randomization.settings import Randomize
from tests.envs.tensor_simulator import DeviceTensor, TensorSimulator, host

NUM = 3
DYNAMICS = {"mass": 0.3, "friction": 0.3, "damping": 0.3, "gain": 0.2, "gravity_tilt": 1.0}
SIGNALS = {"state_noise": 0.01, "state_dropped": 0.2, "action_latency": 2}
PAIRS = [
    (task, robot)
    for task in robodl_envs.task_names()
    for robot in robodl_envs.robot_names()
    if robodl_envs.task_class(task)().unsupported_reason(robodl_envs.robot_class(robot)) is None
]


def make_twins(task, robot, control, **settings):
    """The same environment on NumPy arrays and on tensors."""
    twins = []
    for simulator in (None, TensorSimulator):
        own = robodl_envs.task_class(task)()
        arm = robodl_envs.robot_class(robot)(control=control, gripper=own.gripper, rotation=own.rotation)
        made = {} if simulator is None else {"simulator": simulator}
        twins.append(BatchEnv(arm, own, NUM, threads=1, **settings, **made))
    return twins


def compare(name, ours, theirs, tolerance=1e-5):
    """Equal but for the last bits: the libraries' sines and matrix products differ in them."""
    assert isinstance(theirs, DeviceTensor), f"{name} is no tensor of the simulator's: {type(theirs).__name__}"
    assert ours.shape == tuple(theirs.shape), name
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch."), name
    np.testing.assert_allclose(host(theirs), ours, atol=tolerance, err_msg=name)


def actions(batch, steps):
    return np.random.default_rng(0).uniform(-1.2, 1.2, (steps, NUM, batch.action_size))


@pytest.mark.parametrize("control", ["tool", "joint"])
@pytest.mark.parametrize(("task", "robot"), PAIRS)
def test_every_task_on_every_robot_runs_on_tensors(task, robot, control):
    """Resets, steps, resets of some rows, rewards, success, metrics and infos agree with NumPy's."""
    for reward in ("dense", "shaped"):
        ours, theirs = make_twins(task, robot, control, reward=reward, max_episode_steps=4)
        seeds = list(range(NUM))
        pairs = [(ours.reset(ours.all, seeds), theirs.reset(theirs.all, seeds))]
        mask = np.array([True, False, True])
        for step, action in enumerate(actions(ours, 3)):
            reset_mask = mask if step == 1 else None
            tensors = None if reset_mask is None else torch.from_numpy(mask).as_subclass(DeviceTensor)
            pairs.append((ours.step(action, reset_mask), theirs.step(torch.from_numpy(action), tensors)))
        for one, other in pairs:
            for key, value in one[0].items():
                compare(key, value, other[0][key])
            for key, value in one[-1].items():
                compare(key, value, other[-1][key])
            for name, value, twin in zip(("reward", "terminated", "truncated"), one[1:-1], other[1:-1], strict=False):
                compare(name, value, twin, tolerance=1e-3)  # a speed, of differences of float32
        compare("goal_distance", ours.goal_distance(), theirs.goal_distance())


@pytest.mark.parametrize("control", ["tool", "joint"])
@pytest.mark.parametrize(("task", "robot"), PAIRS)
def test_randomisation_runs_on_tensors(task, robot, control):
    """Masses, friction, damping, gains and gravity are those of NumPy's streams; signals are noisy, lost and late."""
    ours, theirs = make_twins(task, robot, control, randomize=Randomize(**DYNAMICS, **SIGNALS), reward="sparse")
    seeds = list(range(NUM))
    compare("reset", *(twin.reset(twin.all, seeds)[0]["observation"] for twin in (ours, theirs)))
    for action in actions(ours, 3):
        compare(
            "observation", ours.step(action)[0]["observation"], theirs.step(torch.from_numpy(action))[0]["observation"]
        )
    for field, values in ours.sim.expanded.items():
        compare(field, values, theirs.sim.expanded[field])


@pytest.mark.parametrize(("task", "robot"), PAIRS)
def test_experts_run_on_tensors(task, robot):
    """Experts, those that imitation learns from, and states that are saved and restored."""
    ours, theirs = make_twins(task, robot, "tool")
    for twin in (ours, theirs):
        twin.reset(twin.all, list(range(NUM)))
    for policy in (expert_policy, student_observable_policy):
        for _ in range(2):
            action = policy(ours)(ours.state_observation())
            compare("action", action, policy(theirs)(theirs.state_observation()))
            ours.step(action)
            theirs.step(torch.from_numpy(action))
    if isinstance(ours.task, PerceptionTask):
        for name, value in ours.task.keypoint_labels().items():
            compare(name, value, theirs.task.keypoint_labels()[name])
    state, after = theirs.get_state(), theirs.step(torch.from_numpy(action))[0]
    theirs.set_state(state)
    again = theirs.step(torch.from_numpy(action))[0]
    assert all(torch.equal(after[key], again[key]) for key in after)


def test_visual_randomisation_runs_on_tensors():
    """Colours, lights, cameras and backgrounds are those of NumPy's streams."""
    from robodl_envs.randomization.variation import Visuals

    settings = Randomize(colors=0.2, lights=0.4, background=1.0, camera_position=0.1, camera_angle=5.0, camera_fovy=0.1)
    found = []
    for twin in make_twins("inspect", "panda", "tool"):
        visuals = Visuals(settings)
        visuals.bind(twin.sim)
        twin.rng.seed(twin.all, np.arange(NUM, dtype=np.uint64))
        visuals.reset(twin.all, twin.rng)
        found.append({**visuals.expanded, "background": visuals.background})
    for name, value in found[0].items():
        compare(name, value, found[1][name])


def test_settings_make_the_same_batch():
    """The twins above are what the environments are made of."""
    batch = make_vec("push", robot="ur5e", num_envs=2).batch
    assert isinstance(batch, BatchEnv) and batch.num == 2
