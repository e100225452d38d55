"""Whitened patches: what is rare is large, at no cost; who tells the network what to whiten by."""

import numpy as np
import torch
from gymnasium import spaces
from torch.nn import functional

from robodl.learning.whitening import Whitening
from robodl.vision.encoder import Encoder
from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.networks import PATCH, WhitenedPatches
from tests.train.conftest import model_of

REACH = ("env=reach", "observation=image", "cameras=[front]", "image_size=16", "encoder=patches")
PPO = ("algo.n_steps=8", "algo.batch_size=32", "algo.n_epochs=1")


def images_with_a_mark(count, size=32):
    """Gray images whose brightness varies, with a green mark of 2x2 pixels, as uint8 colours."""
    rng = np.random.default_rng(0)
    gray = rng.integers(90, 110, (count, 1, size, size))
    images = np.repeat(gray, 3, axis=1)
    for image, (row, column) in zip(images, rng.integers(0, size - 2, (count, 2)), strict=True):
        image[:, row : row + 2, column : column + 2] = np.array([60, 160, 80])[:, None, None]
    return images.astype(np.uint8)


def test_whitened_patches_are_those_of_whitened_pixels():
    """The convolution of pixels equals the same convolution of whitened ones; these are of mean 0 and covariance 1."""
    torch.manual_seed(0)
    layer, x = WhitenedPatches(3, 8), torch.rand(20, 3, 16, 16) * torch.tensor([1.0, 5.0, 10.0])[:, None, None]
    x[:, 1] += 0.3 * x[:, 2]
    assert not layer.is_fitted
    layer.fit(x)
    assert layer.is_fitted
    white = torch.einsum("oc,bchw->bohw", layer.whitening, x - layer.mean[:, None, None])
    pixels = white.movedim(1, -1).flatten(0, 2)
    torch.testing.assert_close(pixels.mean(dim=0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.cov(pixels.T), torch.eye(3), atol=0.03, rtol=0)
    explicit = functional.conv2d(white, layer.convolution.weight, layer.convolution.bias, stride=PATCH)
    torch.testing.assert_close(layer(x), explicit, atol=1e-4, rtol=1e-4)


def test_a_rare_colour_is_large():
    """A mark of four pixels in a thousand is many times as far from the rest as before."""
    images = torch.from_numpy(images_with_a_mark(200))
    encoder = ImageEncoder({"table": spaces.Box(0, 255, (3, 32, 32), np.uint8)}, "patches")
    layer = next(layer for _, layer in encoder.whitening_layers())
    mark, gray = (torch.tensor(color) / 255 - 0.5 for color in ([60.0, 160, 80], [100.0, 100, 100]))
    before = (mark - gray).norm()
    encoder.fit_whitening({"table": images}, torch.arange(200))
    after = (layer.whitening @ (mark - gray)).norm()
    assert after > 20.0 * before


def test_constant_pixels_stay_finite():
    layer = WhitenedPatches(1, 2)
    layer.fit(torch.full((3, 1, 8, 8), 0.25))
    assert torch.isfinite(layer(torch.full((3, 1, 8, 8), 0.25))).all()


def test_vectors_and_images_are_fitted_together():
    """`fit_scaling` whitens by the images where they are given, and leaves other networks alone."""
    box = spaces.Box(-1, 1, (2,), np.float32)
    space = spaces.Dict({"proprioception": box, "table": spaces.Box(0, 255, (3, 32, 32), np.uint8)})
    vectors, images = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32), images_with_a_mark(50)
    patches, small = Encoder(space, "patches"), Encoder(space, "small")
    patches.fit_scaling({"proprioception": vectors})
    assert not patches.image_encoder.is_fitted
    before = {name: value.clone() for name, value in small.image_encoder.state_dict().items()}
    for encoder in (patches, small):
        encoder.fit_scaling({"proprioception": vectors, "table": images})
    assert patches.image_encoder.is_fitted
    assert all(torch.equal(value, before[name]) for name, value in small.image_encoder.state_dict().items())


def test_learning_by_reward_whitens_once(composed):
    """PPO and pixel SAC, with its target network, whiten by the first images of all rows, and go on by these."""
    for algo in (PPO, ("algo=pixel_sac", "algo.learning_starts=16", "algo.buffer_size=1000")):
        model = model_of(composed(*REACH, *algo))
        encoders = [module.image_encoder for module in model.policy.modules() if isinstance(module, Encoder)]
        assert encoders and not any(encoder.is_fitted for encoder in encoders)
        found = []
        for steps in (32, 64):
            model.learn(steps, callback=Whitening(), reset_num_timesteps=steps == 32)
            found.append([layer.whitening.clone() for encoder in encoders for _, layer in encoder.whitening_layers()])
            assert all(encoder.is_fitted for encoder in encoders)
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_imitation_whitens_before_reward_does(composed):
    """A whitening by imitation's images is not replaced by the first ones of PPO."""
    model = model_of(composed(*REACH, *PPO))
    encoder = model.policy.features_extractor.image_encoder
    encoder.fit_whitening({"front": torch.from_numpy(images_with_a_mark(20, 16))}, torch.arange(20))
    before = encoder.state_dict()["trunks.3.0.whitening"].clone()
    model.learn(32, callback=Whitening())
    assert torch.equal(encoder.state_dict()["trunks.3.0.whitening"], before)


def test_a_frozen_encoder_keeps_its_whitening():
    """A frozen encoder's weights were learnt with it: imitation from other images leaves both."""
    box = spaces.Box(-1, 1, (2,), np.float32)
    space = spaces.Dict({"proprioception": box, "table": spaces.Box(0, 255, (3, 32, 32), np.uint8)})
    images, vectors = images_with_a_mark(50), np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    for frozen in (False, True):
        encoder = Encoder(space, "patches", frozen=frozen)
        before = {name: value.clone() for name, value in encoder.image_encoder.state_dict().items()}
        encoder.fit_scaling({"proprioception": vectors, "table": images})
        same = [torch.equal(value, before[name]) for name, value in encoder.image_encoder.state_dict().items()]
        assert all(same) == frozen
