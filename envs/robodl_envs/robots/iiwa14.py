"""The KUKA LBR iiwa 14 R820 with the Franka Hand.

Kinematics, inertias, joint ranges and geoms are those of MuJoCo Menagerie's kuka_iiwa_14 (BSD-3-Clause), downloaded at
the first use. Torque and speed limits are KUKA's: the specification "LBR iiwa 7 R800, LBR iiwa 14 R820", section 4.3.2,
and the brochure "Sensitive robotics: LBR iiwa". Tried with the text of Menagerie's iiwa14.xml as of its commit 28ffb48
and stand-ins for its meshes; the archive itself could not be downloaded where this was written.
"""

import math
from dataclasses import dataclass

from robodl_envs.robots.robot import Robot


@dataclass(eq=False)
class Iiwa14(Robot):
    """KUKA LBR iiwa 14 R820, 7 joints, reach 0.82 m. `home` holds the hand straight down over the workspace's middle.

    The workspace begins further out than other arms' do: nearer, an elbow of at most 120 degrees leaves no way down.
    """

    name = "iiwa14"
    mjcf = "menagerie:kuka_iiwa_14/iiwa14"
    flange = "attachment_site"
    hand_angle = math.pi  # rad
    torque_limits = (320.0, 320.0, 176.0, 176.0, 110.0, 40.0, 40.0)  # N m
    velocity_limits = tuple(map(math.radians, (85.0, 85.0, 100.0, 75.0, 130.0, 135.0, 135.0)))  # rad/s
    reach = 0.809  # m, of arms 0.42 and 0.40 long from a shoulder at 0.36 to a flange 0.126 from the wrist
    home = (0.0, 0.6515, 0.0, -1.5615, 0.0, 0.9286, 0.0)  # rad; the tool at (0.575, 0, 0.225), pointing down
    workspace = ((0.45, -0.25, 0.05), (0.70, 0.25, 0.40))  # m
