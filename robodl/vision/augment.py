"""Random shifts of images: the augmentation that learning from pixels gains most from (Yarats et al., DrQ-v2, 2022)."""

import torch


def random_shift(
    images: dict[str, torch.Tensor], max_shift: int, generator: torch.Generator | None = None
) -> dict[str, torch.Tensor]:
    """Shift each row's images by up to `max_shift` pixels along both axes, all by the same; edges are repeated.

    Args:
        images: (B, C, H, W) each.
    """
    first = next(iter(images.values()))
    corners = torch.randint(0, 2 * max_shift + 1, (len(first), 2), generator=generator)
    return {name: crop_padded(value, corners.to(value.device), max_shift) for name, value in images.items()}


def crop_padded(images: torch.Tensor, corners: torch.Tensor, padding: int) -> torch.Tensor:
    """Pad images, (B, C, H, W), by repeating their edges, and crop them to (H, W) at corners, (B, 2)."""
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) + corners[:, :1] - padding).clamp(0, height - 1)  # (B, H)
    columns = (torch.arange(width, device=images.device) + corners[:, 1:] - padding).clamp(0, width - 1)  # (B, W)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return images[batch, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
