"""Algorithms that Stable-Baselines3 lacks, as subclasses of its own."""

from robodl.algos.pixel_sac import PixelSAC

__all__ = ["PixelSAC"]
