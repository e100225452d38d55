"""The documentation's examples run as written."""

import re
from pathlib import Path

import numpy as np
import pytest

import robodl_envs
from robodl_envs.gym_env import make_vec

ROOT = Path(__file__).parent.parent


def blocks(page):
    """The Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("robot", robodl_envs.robot_names())
def test_the_task_of_the_tasks_page_is_done_by_its_expert(robot):
    """On every robot, with its memory saved and its rows independent."""
    namespace = {}
    exec(blocks("docs/tasks.md")[0].replace("Visit", "DocsVisit"), namespace)
    envs = make_vec(namespace["DocsVisit"](), num_envs=20, robot=robot)
    robodl_envs.register_task("docs_visit", namespace["DocsVisit"], expert=namespace["visit"])
    policy = robodl_envs.make_policy("expert", envs)
    observation, info = envs.reset(seed=0)
    for _ in range(59):
        observation, _, _, _, info = envs.step(policy(observation))
    assert info["success_at_end"].all() and (info["touched"] == 2.0).all()
    envs.reset(seed=0)
    assert (envs.task.touched == 0.0).all()


def test_the_task_of_the_readme_registers_an_id():
    """With a setting of its own."""
    exec(next(block for block in blocks("README.md") if "class Hover" in block), {})
    envs = make_vec("hover", num_envs=2, height=0.2)
    envs.reset(seed=0)
    np.testing.assert_allclose(envs.task.desired_goal()[:, 2], 0.2)


def test_the_readmes_feature_extractor_learns_in_plain_sb3():
    """On a single environment, and on our vector environment with stacks of images."""
    block = next(block for block in blocks("README.md") if "ImageFeatures" in block)
    assert block.count("model.learn(100_000)") == 2
    namespace = {}
    exec(block.replace("100_000", "64").replace("n_steps=256", "n_steps=64"), namespace)
    encoder = namespace["model"].policy.features_extractor.encoder.image_encoder
    assert encoder.cameras == [["front"], ["side_segmentation"], ["wrist_depth"]]
    assert encoder.channels == [9, 15, 3]
