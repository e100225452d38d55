"""What a policy sees, for people: its pictures as colours, beside the pretty one, and what in them it attends to."""

import numpy as np
import torch

from robodl.learning.vec_env import channels_first
from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES

# A colour a class: background, floor, robot, goal, object.
PALETTE = np.array([[0, 0, 0], [90, 100, 110], [235, 235, 235], [235, 60, 45], [70, 140, 230]], np.uint8)
assert len(PALETTE) == len(SEGMENTATION_CLASSES)
NEAR_TO_FAR = 0.25 * MAX_DEPTH  # m that depth's shades of grey span


def views(observation: dict[str, np.ndarray], row: int = 0) -> dict[str, np.ndarray]:
    """A row's pictures as colours: {name: (height, width, 3) uint8}."""
    return {name: as_colors(name, value[row]) for name, value in observation.items() if value.ndim == 4}


def as_colors(name: str, picture: np.ndarray) -> np.ndarray:
    if name.endswith("_segmentation"):
        return PALETTE[picture[..., 0]]
    if name.endswith("_depth"):
        grey = 255.0 * (1.0 - np.clip(picture / NEAR_TO_FAR, 0.0, 1.0))
        return np.repeat(grey.astype(np.uint8), 3, axis=-1)
    return picture


def beside(pretty: np.ndarray, seen: dict[str, np.ndarray]) -> np.ndarray:
    """A pretty picture, (H, W, 3), and to its right what the policy sees, two above each other: (H, W', 3)."""
    if not seen:
        return pretty
    side = pretty.shape[0] // 2
    tiles = [fitted(picture, side) for picture in seen.values()]
    tiles += [np.zeros_like(tiles[0])] * (len(tiles) % 2)
    columns = [np.concatenate(tiles[k : k + 2], axis=0) for k in range(0, len(tiles), 2)]
    return np.concatenate([pretty, *columns], axis=1)


def captioned(picture: np.ndarray, text: str) -> np.ndarray:
    """A picture with a line of text in its lower left corner."""
    if not text:
        return picture
    from PIL import Image, ImageDraw, ImageFont

    size = max(10, picture.shape[0] // 20)
    image = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    corner = (size // 2, picture.shape[0] - 2 * size)
    draw.rectangle(draw.textbbox(corner, f" {text} ", font), fill=(20, 24, 30))
    draw.text(corner, f" {text} ", fill=(255, 255, 255), font=font)
    return np.asarray(image)


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture in a black square of side pixels, each of its own pixels repeated to as large as fits."""
    height, width = picture.shape[:2]
    rows = np.arange(side) * max(height, width) // side
    large = np.zeros((max(height, width),) * 2 + (3,), np.uint8)
    large[:height, :width] = picture
    return large[rows][:, rows]


def attention(policy, observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How much each pixel moves the policy's action, of one row: {name: (height, width) from 0 to 1}.

    The length of the action's gradient with respect to the pixel's colour (Simonyan et al. 2013), over the 99th
    percentile of it.
    """
    first = channels_first({key: value[:1] for key, value in observation.items()})
    tensors = {key: torch.as_tensor(value, device=policy.device).float() for key, value in first.items()}
    pictures = {key: tensor.requires_grad_() for key, tensor in tensors.items() if tensor.ndim == 4}
    pictures = {key: tensor for key, tensor in pictures.items() if not key.endswith("_segmentation")}
    if not pictures:
        return {}
    policy.set_training_mode(False)
    squares = {key: torch.zeros_like(tensor) for key, tensor in pictures.items()}
    with torch.enable_grad():
        action = policy._predict(tensors, deterministic=True)[0]
        for k in range(len(action)):
            gradients = torch.autograd.grad(action[k], list(pictures.values()), retain_graph=True, allow_unused=True)
            for key, gradient in zip(pictures, gradients, strict=True):
                squares[key] += 0.0 if gradient is None else gradient.square()
    lengths = {key: square.sum(dim=1)[0].sqrt().cpu().numpy() for key, square in squares.items()}
    return {key: np.clip(length / (np.percentile(length, 99) + 1e-12), 0.0, 1.0) for key, length in lengths.items()}


def attended(policy, observation: dict[str, np.ndarray], side: int = 192) -> dict[str, np.ndarray]:
    """Each picture of the first row, and beside it the same in grey with what the policy attends to in red."""
    heat = attention(policy, observation)
    pictures = {}
    for name, seen in views(observation).items():
        if name not in heat:
            continue
        grey = np.repeat(seen.mean(axis=2, keepdims=True) * 0.5, 3, axis=2)
        red = heat[name][..., None] * np.array([255.0, 60.0, 0.0])
        overlay = np.clip(grey + red, 0, 255).astype(np.uint8)
        pictures[name] = np.concatenate([fitted(seen, side), fitted(overlay, side)], axis=1)
    return pictures
