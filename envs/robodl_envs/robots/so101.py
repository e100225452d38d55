"""The SO-101, TheRobotStudio's table-top arm, with its jaw; so101.xml names the sources of its numbers."""

from dataclasses import dataclass
from pathlib import Path

from robodl_envs.robots.controllers import ToolDelta
from robodl_envs.robots.jaw import FIXED_PAD_Y, PARALLEL_WIDTH, TOOL_Z, JawGripper
from robodl_envs.robots.robot import Robot


@dataclass(eq=False)
class So101(Robot):
    """The SO-101, 5 joints, reach 0.44 m, on a block of 7 cm.

    `home` holds the hand straight down over the workspace's middle. The tool is between the open jaw's tips, 20 mm
    from the fixed one; where the jaw is locked shut, it is where the tips meet.
    """

    name = "so101"
    mjcf = Path(__file__).with_name("so101.xml")
    velocity_limits = (4.7,) * 5  # rad/s; Feetech's data sheet of the STS3215 servo, without load
    reach = 0.321  # m, measured
    tool_in_hand = (0.0, 0.0, TOOL_Z)
    home = (-0.0593, -0.2470, 0.8169, 1.0010, -1.5814)  # rad; the tool at (0.185, 0, 0.075), pointing down
    workspace = ((0.13, -0.12, 0.03), (0.24, 0.12, 0.12))  # m
    gripper_class = JawGripper
    scene_view = (0.16, 0.0, 0.11), 0.85  # m
    cube = PARALLEL_WIDTH

    def __post_init__(self):
        if not self.gripper:
            self.tool_in_hand = (0.0, FIXED_PAD_Y, TOOL_Z)  # type: ignore[misc]
            self.home = (0.0773, -0.2453, 0.8151, 1.0010, -1.4448)  # type: ignore[misc]
        super().__post_init__()
        if isinstance(self.controller, ToolDelta):
            # Half the Panda's, as its lengths are: a longer leash winds up where the joints' speeds end. The homing is
            # less because five joints leave nothing free: at 0.1 it draws the tool 7 mm off, and without it an arm
            # that random actions have led out of its workspace may come back folded otherwise.
            self.controller.SPEED, self.controller.MAX_OFFSET, self.controller.HOMING = 0.5, 0.04, 0.5
