"""Keypoints: the positions in an image that match learnt queries, and a glimpse of what is beside the first."""

import torch
from torch import nn

NUM_KEYPOINTS = 4
PIXEL_FEATURES = 16  # channels of the convolutions below
INVERSE_TEMPERATURE = 5.0  # of the softmax over pixels: with it, positions are learnt in a tenth of the steps
GLIMPSE_EXTENT, GLIMPSE_SIZE = 0.45, 11  # half a glimpse's width as a share of half an image's; pixels along a side
GLIMPSE_FEATURES = 32


class Keypoints(nn.Module):
    """Keypoints of an image, to a fraction of a pixel: (B, 3 NUM_KEYPOINTS + GLIMPSE_FEATURES).

    A keypoint has a query q, (PIXEL_FEATURES,). With the features f of the pixels, its match is m = q f, its weights
    are w = softmax(INVERSE_TEMPERATURE m) over all pixels, its position, x and y from -1 to 1, is the mean by w (Finn
    et al., Deep Spatial Autoencoders for Visuomotor Learning, ICRA 2016), and its score the mean of m by w. Queries are
    learnt; a policy that knows its target adds to them.

    A glimpse, the pixels around the first keypoint, gives GLIMPSE_FEATURES more (Mnih et al., Recurrent Models of
    Visual Attention, NeurIPS 2014).
    """

    query_size = NUM_KEYPOINTS * PIXEL_FEATURES
    grid: torch.Tensor  # (GLIMPSE_SIZE, GLIMPSE_SIZE, 2), offsets of a glimpse's pixels from its centre

    def __init__(self):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(NUM_KEYPOINTS, PIXEL_FEATURES) / PIXEL_FEATURES**0.5)
        side = torch.linspace(-GLIMPSE_EXTENT, GLIMPSE_EXTENT, GLIMPSE_SIZE)
        self.register_buffer("grid", torch.stack(torch.meshgrid(side, side, indexing="xy"), dim=2), persistent=False)
        half = (GLIMPSE_SIZE - 1) // 2  # what a 3x3 convolution with stride 2 leaves of a side
        convolution = [nn.Conv2d(PIXEL_FEATURES, PIXEL_FEATURES, 3, stride=2), nn.ReLU(), nn.Flatten()]
        dense = nn.Linear(PIXEL_FEATURES * half**2, GLIMPSE_FEATURES)
        self.glimpse_network = nn.Sequential(*convolution, dense, nn.ReLU())

    def forward(self, x: torch.Tensor, query: torch.Tensor | None) -> torch.Tensor:
        """Find keypoints.

        Args:
            x: (B, PIXEL_FEATURES, H, W).
            query: added to the learnt queries, (B, query_size), or None.
        """
        height, width = x.shape[2:]
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2).transpose(1, 2)  # (B, features, H W): by pixel in memory, as x is
        queries = self.queries if query is None else self.queries + query.unflatten(1, (NUM_KEYPOINTS, PIXEL_FEATURES))
        match = queries @ pixels  # (B, keypoints, H W)
        weight = (INVERSE_TEMPERATURE * match).softmax(dim=2)
        right = torch.linspace(-1.0, 1.0, width, device=x.device).repeat(height)
        down = torch.linspace(-1.0, 1.0, height, device=x.device).repeat_interleave(width)
        positions = weight @ torch.stack([right, down], dim=1)  # (B, keypoints, 2)
        # Positions are trained by their own use alone: a glimpse's gradient says little of where to look.
        centre = positions[:, 0, None, None].detach()
        glimpse = nn.functional.grid_sample(x, centre + self.grid, align_corners=True)
        scores = (weight * match).sum(dim=2)
        return torch.cat([positions.flatten(1), scores, self.glimpse_network(glimpse)], dim=1)
