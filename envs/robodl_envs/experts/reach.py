"""Reach: straight to the goal, slowing down over the last step."""

import numpy as np

from robodl_envs.robots.controllers import ToolDelta


def reach(observation: dict[str, np.ndarray]) -> np.ndarray:
    """Actions, (N, 3), for control="tool"."""
    way = observation["desired_goal"] - observation["achieved_goal"]  # (N, 3), m
    return np.clip(way / ToolDelta.STEP, -1.0, 1.0)
