"""Image encoders: any images, true gradients, refusals."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.networks import NETWORKS


def rgb(height, width):
    return spaces.Box(0, 255, (3, height, width), np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(36, 36), (36, 50), (64, 48), (84, 84)])
def test_any_size(name, size):
    """One camera or two, square or not: a row of features, which every image affects."""
    for keys in (("front",), ("front", "side")):
        encoder = ImageEncoder({key: rgb(*size) for key in keys}, name)
        images = {key: torch.rand(5, 3, *size) for key in keys}
        features = encoder(images)
        assert features.shape == (5, encoder.num_features)
        other = encoder({**images, keys[-1]: torch.rand(5, 3, *size)})
        assert (features != other).any(dim=1).all()


def test_cameras_share_a_trunk():
    """Two cameras with equal channels share all convolutions; a camera with depth has its own."""
    convolutions = [
        sum(isinstance(m, nn.Conv2d) for m in ImageEncoder(boxes, "small").modules())
        for boxes in (
            {"front": rgb(32, 32)},
            {"front": rgb(32, 32), "side": rgb(32, 32)},
            {"front": rgb(32, 32), "side": rgb(32, 32), "side_depth": spaces.Box(0, 10, (1, 32, 32), np.float32)},
        )
    ]
    assert convolutions == [3, 3, 6]


def article_network():
    """The article's network, in double precision, with a linear head."""
    torch.manual_seed(0)
    encoder = ImageEncoder({"image": spaces.Box(0, 255, (1, 6, 6), np.uint8)}, "article")
    return nn.Sequential(encoder, nn.Linear(encoder.num_features, 3)).double()


def cost(network, images, labels):
    return nn.functional.cross_entropy(network({"image": images}), labels)


def test_gradients_agree_with_finite_differences():
    """Backpropagation gives dC/dW of every layer, and dC/dx, of the article's network."""
    network = article_network()
    images, labels = torch.rand(2, 1, 6, 6, dtype=torch.double), torch.tensor([0, 2])
    small = [parameter for parameter in network.parameters() if parameter.numel() < 500]
    assert len(small) >= 4  # convolution with bias, and dense layers' biases and head

    def loss_of_parameters(*values):
        names = [name for name, parameter in network.named_parameters() if parameter.numel() < 500]
        output = torch.func.functional_call(network, dict(zip(names, values, strict=True)), ({"image": images},))
        return nn.functional.cross_entropy(output, labels)

    assert torch.autograd.gradcheck(loss_of_parameters, [p.detach().clone().requires_grad_() for p in small])
    assert torch.autograd.gradcheck(lambda x: cost(network, x, labels), [images.requires_grad_()])
    dense = network[0].head[0].weight  # too large to check whole: ten of its entries
    loss = cost(network, images, labels)
    gradient = torch.autograd.grad(loss, dense)[0]
    for flat in torch.randperm(dense.numel(), generator=torch.Generator().manual_seed(1))[:10].tolist():
        index = np.unravel_index(flat, dense.shape)
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                dense[index] += step
                ends.append(cost(network, images, labels).item())
                dense[index] -= step
        assert abs((ends[0] - ends[1]) / 2e-6 - gradient[index].item()) < 1e-7


def test_a_gradient_step_is_minus_eta_times_the_gradient():
    network, eta = article_network(), 0.1
    images, labels = torch.rand(4, 1, 6, 6, dtype=torch.double), torch.tensor([0, 1, 2, 1])
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=eta)
    cost(network, images, labels).backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    optimizer.step()
    for parameter, old, gradient in zip(network.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(parameter.detach() - old, -eta * gradient, rtol=0, atol=1e-15)


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="encoder=nature needs images of at least 36 pixels, got 32 x 32"):
        ImageEncoder({"front": rgb(32, 32)}, "nature")
    with pytest.raises(ValueError, match="no encoder named 'impalla'; did you mean 'impala'"):
        ImageEncoder({"front": rgb(32, 32)}, "impalla")
