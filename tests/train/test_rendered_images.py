"""Labelled images from the simulator, and learning from them."""

import dataclasses

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module

from robodl.config import settled
from robodl.hydra_command import register
from robodl.pretrain import PretrainConfig
from robodl.vision import task_labels
from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.image_sources import load_images
from robodl.vision.supervised import LabelPredictor, label_loss, score
from robodl.vision.task_labels import Label, class_names, default_label, image_labels, register_label
from robodl_envs import make_vec, task_class


def loaded(*overrides):
    """The images of a command line."""
    register("pretrain", PretrainConfig)
    with initialize_config_module("robodl.conf", version_base="1.3"):
        return load_images(settled(PretrainConfig, compose("pretrain", overrides=list(overrides))))


def test_no_goal_is_in_training_and_in_test():
    """Test images are those of whole rows: no episode's goal is on both sides."""
    data = loaded("data.frames=1500", "image_size=8")
    train, test = ({tuple(row) for row in data.labels[part]} for part in (~data.is_test, data.is_test))
    assert not train & test and 0.15 < data.is_test.mean() < 0.25


@pytest.mark.parametrize("motion", ["random", "still", "expert"])
def test_class_labels(motion):
    """Labels that are 1 for one class become class numbers with names; still arms start an episode in each frame."""
    data = loaded("env=read_digit", "data.frames=900", "image_size=8", f"data.motion={motion}")
    assert data.class_names == tuple("0123456789") and data.labels.shape == (900,)
    assert set(np.unique(data.labels)) == set(range(10))
    changes = (data.labels[256:] != data.labels[:-256]).mean()  # from a row's frame to its next
    assert changes > 0.8 if motion == "still" else changes < 0.35


def test_unknown_keypoints_are_ignored():
    """Track's images are labelled with the positions of objects in view; NaN labels affect neither loss nor score."""
    data = loaded("env=track", "data.frames=600", "image_size=8")
    known = ~np.isnan(data.labels)
    assert data.num_keypoints == 4 and data.labels.shape == (600, 8) and 0.1 < known.mean() < 0.9
    np.testing.assert_array_equal(known[:, ::2], known[:, 1::2])
    off = np.tile(np.float32([0.003, 0.004]), 4)
    assert score((data.labels + off)[data.is_test], data) == pytest.approx(0.005, rel=1e-3)
    predictor = LabelPredictor(ImageEncoder(data.boxes, "keypoints"), 8)
    labels = torch.from_numpy(data.labels)
    output = (torch.nan_to_num(labels, 5.0) + torch.from_numpy(off)).requires_grad_()
    loss = label_loss(predictor, output, labels, data)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * 0.005**2, rel=1e-3)
    np.testing.assert_array_equal(output.grad.numpy() != 0.0, known)


@pytest.mark.parametrize(
    ("task", "label", "classes"), [("reach", "desired_goal", 0), ("read_digit", "digit", 10), ("inspect", "kind", 5)]
)
def test_default_labels(task, label, classes):
    """The label that suits a task has a name for each of its classes."""
    envs = make_vec(task, num_envs=2)
    envs.reset(seed=0)
    assert default_label(envs.task) == label and len(class_names(envs.task, label)) == classes
    labels = image_labels(envs)
    assert not classes or labels[label].shape == (2, classes)
    assert {"desired_goal", "achieved_goal", *envs.state_columns} <= set(labels)
    assert class_names(envs.task, "achieved_goal") == ()


def test_default_label_of_track_is_its_keypoints():
    envs = make_vec("track", num_envs=2)
    envs.reset(seed=0)
    assert image_labels(envs)[default_label(envs.task)].shape == (2, 4, 2)


def test_plugins_register_labels(monkeypatch):
    """A registered label is the default; a task's keypoints are labels too, by either name of the hook."""
    monkeypatch.setattr(task_labels.LABELS, "values", dict(task_labels.LABELS.values))

    @dataclasses.dataclass(eq=False)
    class Own(task_class("reach")):
        def keypoint_labels(self):
            return {"goal_in_view": self.goal[:, None]}

    envs = make_vec(Own(), num_envs=2)
    envs.reset(seed=0)
    assert image_labels(envs)["goal_in_view"].shape == (2, 1, 3)
    register_label(Own, Label("is_near", ("far", "near")))
    assert default_label(envs.task) == "is_near" and class_names(envs.task, "is_near") == ("far", "near")
