"""Views of a policy's images for people: as colours, side by side, with captions, with saliency maps."""

import numpy as np
import torch

from robodl.sb3_internals import deterministic_actions
from robodl.vec_env import channels_first
from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES

# A colour a class: background, floor, robot, goal, object.
PALETTE = np.array([[0, 0, 0], [90, 100, 110], [235, 235, 235], [235, 60, 45], [70, 140, 230]], np.uint8)
assert len(PALETTE) == len(SEGMENTATION_CLASSES)
MAX_SHADED_DEPTH = 0.25 * MAX_DEPTH  # m, beyond which depth is black


def color_images(observation: dict[str, np.ndarray], row: int = 0) -> dict[str, np.ndarray]:
    """A row's images as colours: {name: (height, width, 3) uint8}."""
    return {name: as_colors(name, value[row]) for name, value in observation.items() if value.ndim == 4}


def as_colors(name: str, image: np.ndarray) -> np.ndarray:
    """An image, (height, width, channels), as colours: segmentation by class, depth in shades of grey.

    Of images of several steps, the latest.
    """
    if name.endswith("_segmentation"):
        return PALETTE[image[..., -1]]
    if name.endswith("_depth"):
        grey = 255.0 * (1.0 - np.clip(image[..., -1:] / MAX_SHADED_DEPTH, 0.0, 1.0))
        return np.repeat(grey.astype(np.uint8), 3, axis=-1)
    return image[..., -3:]


def beside(scene: np.ndarray, images: dict[str, np.ndarray]) -> np.ndarray:
    """Put a policy's images to the right of an image of the scene, (H, W, 3), in columns of two: (H, W', 3)."""
    if not images:
        return scene
    side = scene.shape[0] // 2
    tiles = [fit_square(image, side) for image in images.values()]
    tiles += [np.zeros_like(tiles[0])] * (len(tiles) % 2)
    columns = [np.concatenate(tiles[k : k + 2], axis=0) for k in range(0, len(tiles), 2)]
    return np.concatenate([scene, *columns], axis=1)


def captioned(
    image: np.ndarray, text: str, line: int | None = None, color: tuple[int, int, int] = (20, 24, 30)
) -> np.ndarray:
    """An image with a line of text on a ground of some colour.

    Args:
        line: number of the line, from the top; None for one in the lower left corner.
    """
    if not text:
        return image
    from PIL import Image, ImageDraw, ImageFont

    size = max(10, image.shape[0] // 20)
    canvas = Image.fromarray(image)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    corner = (size // 2, image.shape[0] - 2 * size if line is None else size // 2 + round(1.4 * size) * line)
    draw.rectangle(draw.textbbox(corner, f" {text} ", font), fill=color)
    draw.text(corner, f" {text} ", fill=(255, 255, 255), font=font)
    return np.asarray(canvas)


def fit_square(image: np.ndarray, side: int) -> np.ndarray:
    """An image scaled into a black square of side pixels by repeating pixels."""
    height, width = image.shape[:2]
    rows = np.arange(side) * max(height, width) // side
    square = np.zeros((max(height, width),) * 2 + (3,), np.uint8)
    square[:height, :width] = image
    return square[rows][:, rows]


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
