"""Random shifts of pictures: the one augmentation that learning from pixels gains most from."""

import torch


def shifted(
    pictures: dict[str, torch.Tensor], most: int, generator: torch.Generator | None = None
) -> dict[str, torch.Tensor]:
    """Each picture moved by up to `most` pixels along both axes, all of a row's alike; the edge is repeated."""
    first = next(iter(pictures.values()))
    moves = torch.randint(0, 2 * most + 1, (len(first), 2), generator=generator)
    return {name: moved(value, moves.to(value.device), most) for name, value in pictures.items()}


def moved(picture: torch.Tensor, moves: torch.Tensor, most: int) -> torch.Tensor:
    """Pictures, (B, C, H, W), cut from their padded selves at moves, (B, 2) from 0 to 2 * most."""
    height, width = picture.shape[-2:]
    rows = (torch.arange(height, device=picture.device) + moves[:, :1] - most).clamp(0, height - 1)  # (B, H)
    columns = (torch.arange(width, device=picture.device) + moves[:, 1:] - most).clamp(0, width - 1)  # (B, W)
    batch = torch.arange(len(picture), device=picture.device)[:, None, None]
    return picture[batch, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
