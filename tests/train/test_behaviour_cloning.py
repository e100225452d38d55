"""The loss and the sampling of behaviour cloning, and the layout of actions that it follows."""

import numpy as np
import pytest
import torch

from robodl.imitation.behaviour_cloning import continuous_columns, imitation_loss, logit_slices, sample_batches
from robodl_envs import make_vec


def test_logits_are_learnt_by_their_class():
    """The loss of logits depends on the expert's class alone; logits outside their bounds are drawn back."""
    expert = torch.tensor([[0.5, 1.0, -1.0, -1.0], [0.0, -1.0, -1.0, 1.0]])
    slices = [slice(1, 4)]
    right = torch.tensor([[0.5, 0.8, -0.8, -0.7], [0.0, -0.9, -0.6, 0.9]])
    also_right = torch.tensor([[0.5, 0.9, -0.4, -0.9], [0.0, -0.5, -0.6, 0.8]])
    wrong = torch.tensor([[0.5, -0.8, 0.8, -0.7], [0.0, -0.9, -0.6, 0.9]])
    outside = torch.tensor([[0.5, 3.0, 3.0, -1.0], [0.0, -1.0, -1.0, 1.0]])
    losses = [float(imitation_loss(actions, expert, slices)) for actions in (right, also_right, wrong, outside)]
    assert max(losses[:2]) < 1e-3 and losses[2] > 5.0 and losses[3] > 0.5
    off = right + torch.tensor([0.3, 0.0, 0.0, 0.0])
    assert float(imitation_loss(off, expert, slices)) == pytest.approx(0.3 + losses[0])
    assert float(imitation_loss(off, expert, slices, "l2")) == pytest.approx(0.09 + losses[0])
    assert float(imitation_loss(expert, expert, [])) == 0.0


@pytest.mark.parametrize(("kind", "learnt"), [("l1", 0.0), ("l2", -0.25)])
def test_what_can_not_be_seen_is_learnt_as_a_median_or_a_mean(kind, learnt):
    """Of an expert that waits three times in four and else goes down, with nothing to tell when: l1 waits for ever."""
    expert, action = torch.tensor([[0.0], [0.0], [0.0], [-1.0]]), torch.tensor([[0.4]], requires_grad=True)
    optimizer = torch.optim.SGD([action], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        imitation_loss(action.expand(4, 1), expert, [], kind).backward()
        optimizer.step()
    assert action.item() == pytest.approx(learnt, abs=0.06)


def test_a_single_logit_is_a_yes_or_no():
    expert, slices = torch.tensor([[0.0, 0.6], [0.0, -0.1]]), [slice(1, 2)]
    right, wrong = torch.tensor([[0.0, 0.9], [0.0, -0.8]]), torch.tensor([[0.0, -0.9], [0.0, 0.8]])
    assert float(imitation_loss(right, expert, slices)) < 0.01 < 5.0 < float(imitation_loss(wrong, expert, slices))


def test_samples_follow_their_weights():
    ids = torch.cat(list(sample_batches(3, 100, 40, np.array([1.0, 3.0, 0.0], np.float32))))
    assert ids.bincount(minlength=3).tolist() == pytest.approx([1000, 3000, 0], abs=120)
    ids = torch.cat(list(sample_batches(3, 100, 40, None)))
    assert ids.bincount(minlength=3).tolist() == pytest.approx([1333] * 3, abs=150)


@pytest.mark.parametrize(
    ("task", "slices"), [("reach", []), ("read_digit", [(0, 10)]), ("inspect", [(0, 1)]), ("track", [])]
)
def test_layout_of_tasks(task, slices):
    """Of the task's share of an action, classes have logits; the arm's share has none."""
    envs = make_vec(task, num_envs=2)
    first, size = envs.robot.action_size, envs.single_action_space.shape[0]
    found = logit_slices(envs.task, first)
    assert found == [slice(first + begin, first + end) for begin, end in slices]
    columns = continuous_columns(size, found)
    assert columns[:first] == list(range(first)) and len(columns) == size - sum(end - begin for begin, end in slices)


def test_layout_of_a_task_that_describes_its_outputs():
    """Outputs follow each other after the arm's numbers; those of kind logits or binary are logits."""

    class Output:
        def __init__(self, name, size, kind):
            self.name, self.size, self.kind, self.meaning = name, size, kind, ""

    class Task:
        def outputs(self):
            return [Output("place", 2, "continuous"), Output("kind", 3, "logits"), Output("bad", 1, "binary")]

    assert logit_slices(Task(), first=7) == [slice(9, 12), slice(12, 13)]
    assert continuous_columns(14, logit_slices(Task(), first=7)) == [*range(9), 13]
    assert logit_slices(object(), first=7) == []


def test_layout_of_a_task_of_version_0_1():
    class Task:
        def choices(self):
            return [slice(1, 3)]

    with pytest.warns(DeprecationWarning, match=r"Task\.choices is of version 0\.1 .* outputs"):
        assert logit_slices(Task(), first=7) == [slice(8, 10)]
