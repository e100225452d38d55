"""Saliency maps: the pixels that a policy's action depends on most."""

import numpy as np
import torch

from robodl.sb3_internals import deterministic_actions
from robodl.vec_env import channels_first
from robodl.vision.image_views import color_images, fit_square


def action_saliency(policy, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Saliency maps of the first row: {name: (height, width) from 0 to 1}, for all images but segmentation.

    The norm of the action's gradient with respect to a pixel's colour (Simonyan et al. 2013), over the 99th percentile
    of these norms.
    """
    first = channels_first({key: value[:1] for key, value in observation.items()})
    tensors = {key: torch.as_tensor(value, device=policy.device).float() for key, value in first.items()}
    images = {key: tensor.requires_grad_() for key, tensor in tensors.items() if tensor.ndim == 4}
    images = {key: tensor for key, tensor in images.items() if not key.endswith("_segmentation")}
    if not images:
        return {}
    policy.set_training_mode(False)
    squares = {key: torch.zeros_like(tensor) for key, tensor in images.items()}
    with torch.enable_grad():
        action = deterministic_actions(policy, tensors)[0]
        for k in range(len(action)):
            gradients = torch.autograd.grad(action[k], list(images.values()), retain_graph=True, allow_unused=True)
            for key, gradient in zip(images, gradients, strict=True):
                squares[key] += 0.0 if gradient is None else gradient.square()
    norms = {key: square.sum(dim=1)[0].sqrt().cpu().numpy() for key, square in squares.items()}
    return {key: np.clip(norm / (np.percentile(norm, 99) + 1e-12), 0.0, 1.0) for key, norm in norms.items()}


def saliency_overlays(policy, observation: dict[str, np.ndarray], side: int = 192) -> dict[str, np.ndarray]:
    """Each image of the first row, and to its right the same in grey with its saliency in red."""
    saliency = action_saliency(policy, observation)
    overlays = {}
    for name, image in color_images(observation).items():
        if name not in saliency:
            continue
        grey = np.repeat(image.mean(axis=2, keepdims=True) * 0.5, 3, axis=2)
        red = saliency[name][..., None] * np.array([255.0, 60.0, 0.0])
        overlay = np.clip(grey + red, 0, 255).astype(np.uint8)
        overlays[name] = np.concatenate([fit_square(image, side), fit_square(overlay, side)], axis=1)
    return overlays
