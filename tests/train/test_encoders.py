"""Encoders: any picture, true gradients, weights that go from one network to another."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from robodl.learning.build import begin_with
from robodl.learning.vec_env import channels_first, channels_first_space
from robodl.vision.image_encoder import Encoder, ImageEncoder, load_image_encoder, save_image_encoder
from robodl.vision.networks import GLANCE, KINDS, NETWORKS, POINTS, Keypoints
from robodl_envs import make_vec


def rgb(height, width):
    return spaces.Box(0, 255, (3, height, width), np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(36, 36), (36, 50), (64, 48), (84, 84)])
def test_any_size(name, size):
    """One camera or two, square or not: a row of features, which the pictures move."""
    for keys in (("front",), ("front", "side")):
        eyes = ImageEncoder({key: rgb(*size) for key in keys}, name)
        seen = {key: torch.rand(5, 3, *size) for key in keys}
        features = eyes(seen)
        assert features.shape == (5, eyes.features)
        other = eyes({**seen, keys[-1]: torch.rand(5, 3, *size)})
        assert (features != other).any(dim=1).all()


def test_keypoints_are_where_what_is_asked_for_is():
    """A blob that moves by a third of a pixel moves its keypoint by as much, whatever its size and the picture's."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(40.0), indexing="ij")
    at = torch.tensor([[10.0, 12.0], [10.0 + 1 / 3, 12.0], [21.0, 30.0]])  # row and column
    wanted = torch.stack([at[:, 1] / 19.5 - 1.0, at[:, 0] / 15.5 - 1.0], dim=1)
    pool = Keypoints()
    for kind, wide in ((0, 4.0), (KINDS - 1, 6.0)):
        square = (rows - at[:, :1, None]) ** 2 + (columns - at[:, 1:, None]) ** 2
        pixels = torch.zeros(3, KINDS, 32, 40)
        pixels[:, kind] = torch.exp(-square / wide**2)
        asked = torch.zeros(3, POINTS, KINDS)
        asked[:, :, kind] = 3.0
        queries = asked.flatten(1) - pool.queries.detach().flatten()  # for that kind of pixels alone
        places = pool(pixels, queries)[:, : 2 * POINTS].unflatten(1, (POINTS, 2))
        assert (places - wanted[:, None]).abs().max() < 0.01
        moved = (places[1, :, 1] - places[0, :, 1]) / (2 / 31 / 3)
        assert (moved > 0.5).all() and (moved < 1.5).all()


def test_a_glimpse_shows_what_is_beside_the_first_thing():
    """It is the same wherever the two are, another when the second is elsewhere beside the first, and none far off."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    first = torch.tensor([[10.0, 10.0], [18.0, 20.0], [10.0, 10.0], [10.0, 10.0], [10.0, 10.0]])  # row and column
    other = torch.tensor([[10.0, 14.0], [18.0, 24.0], [14.0, 10.0], [28.0, 28.0], [28.0, 24.0]])
    pixels = torch.zeros(5, KINDS, 32, 32)
    for kind, at in enumerate((first, other)):
        pixels[:, kind] = torch.exp(-((rows - at[:, :1, None]) ** 2) - (columns - at[:, 1:, None]) ** 2)
    pool = Keypoints()
    asked = torch.zeros(5, POINTS, KINDS)
    asked[:, :, 0] = 9.0
    beside = pool(pixels, asked.flatten(1) - pool.queries.detach().flatten())[:, -GLANCE:]
    there, moved, around, far, farther = beside
    same = (there - moved).norm()
    assert (there - around).norm() > 10.0 * same and (there - far).norm() > 10.0 * same
    assert (far - farther).norm() < same


def test_vectors_ask_for_keypoints():
    """A policy whose vector alone differs looks for something else in the same picture; a small network can't."""
    vector = spaces.Box(-1.0, 1.0, (5,), np.float32)
    space = spaces.Dict({"proprioception": vector, "wrist": rgb(16, 16)})
    seen = {"proprioception": torch.eye(5), "wrist": torch.rand(1, 3, 16, 16).expand(5, 3, 16, 16)}
    for name, asks in (("keypoints", True), ("small", False)):
        features = Encoder(space, name)(seen)[:, 5:]
        assert bool((features[1:] - features[0]).abs().max() > 1e-3) == asks


def test_cameras_share_a_trunk():
    """Two cameras of equal kinds add a wider head but no convolution; a third with depth has its own."""
    convolutions = [
        sum(isinstance(m, nn.Conv2d) for m in ImageEncoder(boxes, "small").modules())
        for boxes in (
            {"front": rgb(32, 32)},
            {"front": rgb(32, 32), "side": rgb(32, 32)},
            {"front": rgb(32, 32), "side": rgb(32, 32), "side_depth": spaces.Box(0, 10, (1, 32, 32), np.float32)},
        )
    ]
    assert convolutions == [3, 3, 6]


@pytest.mark.parametrize("observation", ["state", "image", "image+state"])
def test_any_mix(observation):
    """Pictures of every kind and vectors of every environment become finite features of size about 1."""
    cameras = ["front", "front_depth", "front_segmentation", "wrist", "top_depth"]
    envs = make_vec("reach", num_envs=3, observation=observation, cameras=cameras, image_size=32, radius=0.05)
    encoder = Encoder(channels_first_space(envs.single_observation_space), "small")
    seen = channels_first(envs.reset(seed=0)[0])
    tensors = {
        key: torch.as_tensor(value).float() / (255.0 if key in ("front", "wrist") else 1.0)
        for key, value in seen.items()
    }
    features = encoder(tensors)
    assert features.shape == (3, encoder.features_dim) and features.isfinite().all() and features.abs().max() < 10
    assert len(torch.unique(features, dim=0)) == 3


def article_copy():
    """A small copy of the article's network, in double precision, with its head."""
    torch.manual_seed(0)
    eyes = ImageEncoder({"image": spaces.Box(0, 255, (1, 6, 6), np.uint8)}, "article")
    return nn.Sequential(eyes, nn.Linear(eyes.features, 3)).double()


def cost(network, pictures, labels):
    return nn.functional.cross_entropy(network({"image": pictures}), labels)


def test_gradient_of_the_article_against_finite_differences():
    """Backpropagation gives dC/dW of every layer, and dC/dx."""
    network = article_copy()
    pictures, labels = torch.rand(2, 1, 6, 6, dtype=torch.double), torch.tensor([0, 2])
    few = [parameter for parameter in network.parameters() if parameter.numel() < 500]
    assert len(few) >= 4  # convolution with bias, and dense layers' biases and head

    def of_parameters(*values):
        names = [name for name, parameter in network.named_parameters() if parameter.numel() < 500]
        output = torch.func.functional_call(network, dict(zip(names, values, strict=True)), ({"image": pictures},))
        return nn.functional.cross_entropy(output, labels)

    assert torch.autograd.gradcheck(of_parameters, [p.detach().clone().requires_grad_() for p in few])
    assert torch.autograd.gradcheck(lambda x: cost(network, x, labels), [pictures.requires_grad_()])
    dense = network[0].head[0].weight  # too large to check whole: ten of its entries
    loss = cost(network, pictures, labels)
    gradient = torch.autograd.grad(loss, dense)[0]
    for flat in torch.randperm(dense.numel(), generator=torch.Generator().manual_seed(1))[:10].tolist():
        place = np.unravel_index(flat, dense.shape)
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                dense[place] += step
                ends.append(cost(network, pictures, labels).item())
                dense[place] -= step
        assert abs((ends[0] - ends[1]) / 2e-6 - gradient[place].item()) < 1e-7


def test_a_gradient_step_is_minus_eta_times_the_gradient():
    network, eta = article_copy(), 0.1
    pictures, labels = torch.rand(4, 1, 6, 6, dtype=torch.double), torch.tensor([0, 1, 2, 1])
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=eta)
    cost(network, pictures, labels).backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    optimizer.step()
    for parameter, old, gradient in zip(network.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(parameter.detach() - old, -eta * gradient, rtol=0, atol=1e-15)


def test_weights_go_from_file_to_policy(tmp_path):
    """A saved encoder begins a policy's; another size, camera count, network or a damaged file is refused in a line."""
    boxes = {"front": rgb(32, 32), "side": rgb(32, 32)}
    eyes = ImageEncoder(boxes, "small")
    save_image_encoder(tmp_path / "encoder", eyes, {"error_mm": 1.0})
    path = tmp_path / "encoder.safetensors"
    space = spaces.Dict({**boxes, "proprioception": spaces.Box(-1, 1, (4,), np.float32)})
    encoder = Encoder(space, "small", frozen=True)
    begin_with(nn.Sequential(encoder), str(path))
    for name, tensor in eyes.state_dict().items():
        assert (encoder.eyes.state_dict()[name] == tensor).all()
    assert not any(parameter.requires_grad for parameter in encoder.eyes.parameters())
    for other, name in (
        ({"front": rgb(32, 32)}, "small"),
        ({k: rgb(40, 40) for k in boxes}, "small"),
        (boxes, "impala"),
    ):
        with pytest.raises(ValueError, match="another network, number of cameras or image_size"):
            load_image_encoder(ImageEncoder(other, name), path)
    with pytest.raises(ValueError, match="learnt from front, side of 32x32, and this policy sees side, front of 32x32"):
        load_image_encoder(ImageEncoder(dict(reversed(boxes.items())), "small"), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        load_image_encoder(ImageEncoder(boxes, "small"), path)
    with pytest.raises(ValueError, match="there is no"):
        load_image_encoder(ImageEncoder(boxes, "small"), tmp_path / "none")


def test_too_small_a_picture_is_refused():
    with pytest.raises(ValueError, match="encoder=nature needs pictures of at least 36 pixels, got 32 x 32"):
        ImageEncoder({"front": rgb(32, 32)}, "nature")
    with pytest.raises(ValueError, match="no encoder named 'impalla'; did you mean 'impala'"):
        ImageEncoder({"front": rgb(32, 32)}, "impalla")
