"""The Universal Robots UR5e with the Franka Hand; ur5e.xml names the sources of its numbers."""

from dataclasses import dataclass
from pathlib import Path

from robodl_envs.robots.robot import Robot


@dataclass(eq=False)
class Ur5e(Robot):
    """Universal Robots UR5e, 6 joints, reach 0.85 m. `home` holds the hand straight down, elbow up."""

    name = "ur5e"
    mjcf = Path(__file__).with_name("ur5e.xml")
    velocity_limits = (3.14,) * 6  # rad/s; Universal Robots' data sheet
    reach = 0.924  # m, measured
    home = (-0.3024, -1.6633, 2.0088, -1.9164, -1.5708, -1.8732)  # rad; the tool at (0.45, 0, 0.25), pointing down
    workspace = ((0.30, -0.25, 0.05), (0.60, 0.25, 0.45))  # m
