"""Policies that see and act in the goal's frame."""

import math

import numpy as np
import pytest
import torch

from robodl.learning.goal_frame import GoalFramePolicy
from robodl.learning.policy_files import load_policy
from robodl.train import check, train
from robodl.vec_env import make_envs
from robodl.vision.encoder import Encoder
from robodl_envs import make_vec
from tests.train.conftest import SMALL, model_of

TURN = 0.7  # rad


def turned_about_z(vectors):
    """Vectors, (n, 3), as they are after a turn of the scene."""
    c, s = math.cos(TURN), math.sin(TURN)
    return vectors @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T


@pytest.fixture
def scenes(composed):
    """A function that makes a model, of what it sees in the goal's frame alone, and a scene, and that scene turned."""

    def make(task, algo, *words):
        hidden = "++algo.hidden=[32]"
        cfg = composed(f"env={task}", f"algo={algo}", "++algo.goal_frame=true", hidden, *SMALL, *words)
        policy = model_of(cfg).policy
        for name, parameter in policy.named_parameters():
            if name.endswith("0.weight") and parameter.shape[1] > 40:  # a first layer
                size = first_encoder(policy).center.numel()
                parameter.data[:, :size] = 0.0  # what is seen in the world's frame
                parameter.data[:, first_encoder(policy).features_dim - 2 : first_encoder(policy).features_dim] = 0.0
        if hasattr(policy, "action_net"):
            policy.action_net.weight.data *= 10.0  # whose first actions are small, to be told from rounding
        for module in policy.modules():
            if isinstance(module, Encoder):
                module.scale[:] = 1.0  # alike in all directions
        envs = make_envs(cfg, 16)
        observation = envs.reset(seed=0)[0]
        for _ in range(5):
            observation = envs.step(np.random.default_rng(0).uniform(-1, 1, envs.action_space.shape))[0]
        moved = {key: value.copy() for key, value in observation.items()}
        for first in envs.unwrapped.batch.observed_vectors:
            part = moved["observation"][:, first : first + 3]
            part[:] = turned_about_z(part)
        offset = moved["desired_goal"][:, :3] - moved["achieved_goal"][:, :3]
        moved["desired_goal"][:, :3] = moved["achieved_goal"][:, :3] + turned_about_z(offset)
        both = ({key: torch.as_tensor(value) for key, value in each.items()} for each in (observation, moved))
        return policy, *both

    return make


def first_encoder(policy):
    return next(module for module in policy.modules() if isinstance(module, Encoder))


def check_turned(before, after):
    np.testing.assert_allclose(after[:, :3], turned_about_z(before[:, :3]), atol=1e-5)
    np.testing.assert_allclose(after[:, 3:], before[:, 3:], atol=1e-5)
    assert abs(after[:, :2] - before[:, :2]).max() > 1e-3


@pytest.mark.parametrize("task", ["push", "stack", "peg_insert", "slide"])
def test_actions_turn_with_the_goal(scenes, task):
    """Of what is seen in the goal's frame alone, a turned scene makes the same action, turned."""
    policy, *both = scenes(task, "ppo")
    assert isinstance(policy, GoalFramePolicy)
    with torch.no_grad():
        check_turned(*(policy.get_distribution(each).distribution.mean.numpy() for each in both))


@pytest.mark.parametrize("algo", ["sac", "tqc"])
def test_actors_and_critics_turn_with_the_goal(scenes, algo):
    policy, *both = scenes("push", algo)
    with torch.no_grad():
        means = [policy.actor.get_action_dist_params(each)[0].numpy() for each in both]
        check_turned(*means)
        actions = np.random.default_rng(2).uniform(-1.0, 1.0, means[0].shape)
        turned = [torch.as_tensor(each).float() for each in (actions, turned_about_z(actions))]
        first, second, other = (
            np.stack([np.asarray(q) for q in policy.critic(scene, action)])
            for scene, action in ((both[0], turned[0]), (both[1], turned[1]), (both[1], turned[0]))
        )
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert abs(first - other).max() > 1e-3


@pytest.mark.parametrize("robot", ["panda", "so101", "ur5e"])
def test_vectors_are_along_the_world_s_axes(robot):
    """Marks of vectors in Push are of offsets to target and cube, and of the cube's velocity."""
    envs = make_vec("push", num_envs=4, robot=robot, autoreset_mode="Disabled")
    observation, _ = envs.reset(seed=0)
    batch = envs.unwrapped.batch
    for _ in range(20):
        observation = envs.step(np.random.default_rng(1).uniform(-1, 1, envs.action_space.shape))[0]
    cube, tool = batch.task.cube, batch.robot.tool
    expected = {
        "target_offset": batch.robot.controller.target - tool,
        "to_cube": cube.pos - tool,
        "cube_qvel": cube.velocity,
    }
    columns = {envs.unwrapped.state_columns[name].start: value for name, value in expected.items()}
    assert batch.observed_vectors == tuple(sorted(columns))
    for first, value in columns.items():
        np.testing.assert_allclose(observation["observation"][:, first : first + 3], value, atol=1e-5)
    assert batch.action_vectors == (0,)


def test_runs_learn_and_load(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = composed("env=push", "algo=ppo", "++algo.goal_frame=true", "++algo.running_scale=true", *SMALL, "name=a")
    train(cfg)
    policy, _ = load_policy(tmp_path / "runs" / "push" / "a" / "checkpoints" / "last", torch.device("cpu"))
    assert isinstance(policy, GoalFramePolicy)


def test_joints_do_not_turn(composed):
    """Their increments are no vectors: the network sees in the goal's frame, and acts in the joints."""
    policy = model_of(composed("env=push", "algo=ppo", "control=joint", "++algo.goal_frame=true", *SMALL)).policy
    assert policy.action_vectors == () and first_encoder(policy).turned_columns


def test_images_alone_show_no_goal(composed):
    """Then there is no such frame, so that defaults that have one work with images, too."""
    policy = model_of(composed("env=push", "observation=image", "encoder=article", *SMALL)).policy
    assert not isinstance(policy, GoalFramePolicy) and not first_encoder(policy).turned_columns
    assert isinstance(model_of(composed("env=push", *SMALL)).policy, GoalFramePolicy)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["algo=td3"], "is for PPO, SAC and TQC, and for imitation; got TD3"),
        (["env=track", "observation=state", "algo=ppo"], "needs goals that are places, which track's are not"),
    ],
)
def test_goal_frames_need_a_place(composed, words, message):
    with pytest.raises(ValueError, match=message):
        check(composed("env=push", *words, "++algo.goal_frame=true"))
