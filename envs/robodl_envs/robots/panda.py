"""The Franka Emika Panda with the Franka Hand; panda.xml names the sources of its numbers."""

from dataclasses import dataclass
from pathlib import Path

from robodl_envs.robots.robot import Robot


@dataclass(eq=False)
class Panda(Robot):
    """Franka Emika Panda, 7 joints, reach 0.855 m. `home` holds the hand straight down over the workspace's middle."""

    name = "panda"
    mjcf = Path(__file__).with_name("panda.xml")
    velocity_limits = (2.175,) * 4 + (2.61,) * 3  # rad/s; Franka's data sheet
    reach = 0.805  # m, measured
    home = (0.0, -0.1848, 0.0, -2.4967, 0.0, 2.3119, 0.7854)  # rad; the tool at (0.45, 0, 0.25), pointing down
    workspace = ((0.30, -0.25, 0.05), (0.60, 0.25, 0.45))  # m
