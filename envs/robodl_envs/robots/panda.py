"""The Franka Emika Panda with the Franka Hand.

Kinematics, inertias, joint ranges, torque limits and armatures are those of MuJoCo Menagerie's franka_emika_panda
(Apache-2.0); speed limits and the tool's place are Franka's data sheet. The shapes are ours: capsules and boxes,
because the cost of a picture is its vertices.
"""

from dataclasses import dataclass

from robodl_envs.robots.gripper import FINGERTIPS, franka_hand
from robodl_envs.robots.links import Link, LinkTable, Servo, Shape
from robodl_envs.robots.robot import Robot

GREY = (0.55, 0.58, 0.62, 1.0)
DARK = (0.20, 0.21, 0.24, 1.0)

LINKS = (
    Link(
        name="link0",
        parent="world",
        pos=(0.0, 0.0, 0.0),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=0.629769,
        com=(-0.041018, -0.00014, 0.049974),
        inertia_quat=(0.006304743, 0.751244565, 0.007417746, 0.659952143),
        inertia=(0.00430465, 0.003879839, 0.003130511),
        shapes=(
            Shape((-0.09, 0.0, 0.06), (0.02, 0.0, 0.06), 0.08, rgba=DARK),
            Shape((0.0, 0.0, 0.05), (0.0, 0.0, 0.14), 0.07),
        ),
    ),
    Link(
        name="link1",
        parent="link0",
        pos=(0.0, 0.0, 0.333),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=4.970684,
        com=(0.003875, 0.002081, -0.04762),
        inertia_quat=(0.711549159, 0.006343538, -0.01311216, 0.70248532),
        inertia=(0.707137014, 0.703435429, 0.008524556),
        servo=Servo(range=(-2.8973, 2.8973), torque=87.0, velocity=2.175, stiffness=4500.0),
        shapes=(Shape((0.0, 0.0, -0.19), (0.0, 0.0, 0.0), 0.06),),
    ),
    Link(
        name="link2",
        parent="link1",
        pos=(0.0, 0.0, 0.0),
        quat=(0.707106781, -0.707106781, 0.0, 0.0),
        mass=0.646926,
        com=(-0.003141, -0.02872, 0.003495),
        inertia_quat=(-0.168174803, 0.828365883, -0.122877553, 0.520027217),
        inertia=(0.031032643, 0.028300107, 0.00273425),
        servo=Servo(range=(-1.7628, 1.7628), torque=87.0, velocity=2.175, stiffness=4500.0),
        shapes=(Shape((0.0, 0.0, -0.06), (0.0, 0.0, 0.06), 0.06, rgba=GREY),),
    ),
    Link(
        name="link3",
        parent="link2",
        pos=(0.0, -0.316, 0.0),
        quat=(0.707106781, 0.707106781, 0.0, 0.0),
        mass=3.228604,
        com=(0.027518, 0.039252, -0.066502),
        inertia_quat=(0.662768815, -0.006783332, 0.252053169, 0.705096223),
        inertia=(0.041501388, 0.041479257, 0.001246354),
        servo=Servo(range=(-2.8973, 2.8973), torque=87.0, velocity=2.175, stiffness=3500.0),
        shapes=(
            Shape((0.0, 0.0, -0.25), (0.0, 0.0, -0.06), 0.055),
            Shape((0.0, 0.0, -0.04), (0.06, 0.0, -0.01), 0.054),
        ),
    ),
    Link(
        name="link4",
        parent="link3",
        pos=(0.0825, 0.0, 0.0),
        quat=(0.707106781, 0.707106781, 0.0, 0.0),
        mass=3.587895,
        com=(-0.05317, 0.104419, 0.027454),
        inertia_quat=(0.650580338, 0.529821721, -0.096203372, 0.535517581),
        inertia=(0.03495964, 0.028148276, 0.010620083),
        servo=Servo(range=(-3.0718, -0.0698), torque=87.0, velocity=2.175, stiffness=3500.0),
        shapes=(
            Shape((0.0, 0.0, -0.055), (0.0, 0.0, 0.055), 0.056, rgba=GREY),
            Shape((-0.055, 0.05, 0.0), (-0.0825, 0.13, 0.0), 0.054),
        ),
    ),
    Link(
        name="link5",
        parent="link4",
        pos=(-0.0825, 0.384, 0.0),
        quat=(0.707106781, -0.707106781, 0.0, 0.0),
        mass=1.225946,
        com=(-0.011953, 0.041065, -0.038437),
        inertia_quat=(0.987313261, -0.01219535, 0.071918667, -0.141037239),
        inertia=(0.036762538, 0.028853091, 0.00803437),
        servo=Servo(range=(-2.8973, 2.8973), torque=12.0, velocity=2.61, stiffness=2000.0),
        shapes=(
            Shape((0.0, 0.0, -0.27), (0.0, 0.0, -0.20), 0.055),
            Shape((0.0, 0.07, -0.18), (0.0, 0.07, -0.02), 0.028, rgba=GREY),
        ),
    ),
    Link(
        name="link6",
        parent="link5",
        pos=(0.0, 0.0, 0.0),
        quat=(0.707106781, 0.707106781, 0.0, 0.0),
        mass=1.666555,
        com=(0.060149, -0.014117, -0.010517),
        inertia_quat=(0.101075381, 0.593319902, 0.028722698, 0.798079111),
        inertia=(0.005842761, 0.004310374, 0.001597865),
        servo=Servo(range=(-0.0175, 3.7525), torque=12.0, velocity=2.61, stiffness=2000.0),
        shapes=(
            Shape((0.0, 0.0, -0.05), (0.0, 0.0, 0.04), 0.05),
            Shape((0.06, 0.0, 0.0), (0.088, 0.0, 0.0), 0.048, touches=True),
        ),
    ),
    Link(
        name="link7",
        parent="link6",
        pos=(0.088, 0.0, 0.0),
        quat=(0.707106781, 0.707106781, 0.0, 0.0),
        mass=0.735522,
        com=(0.010517, -0.004252, 0.061597),
        inertia_quat=(0.992938522, -0.076204121, 0.073359518, -0.053706655),
        inertia=(0.012734493, 0.010105477, 0.00451803),
        servo=Servo(range=(-2.8973, 2.8973), torque=12.0, velocity=2.61, stiffness=2000.0),
        shapes=(Shape((0.0, 0.0, 0.04), (0.0, 0.0, 0.07), 0.042, rgba=GREY),),
    ),
    franka_hand("link7", pos=(0.0, 0.0, 0.107), quat=(0.923879539, 0.0, 0.0, -0.382683416)),
)


@dataclass(eq=False)
class Panda(Robot):
    """Franka Emika Panda, 7 joints, reach 0.855 m. `home` holds the hand straight down over the workspace's middle."""

    name = "panda"
    arm = LinkTable(LINKS)
    hand = "hand"
    reach = 0.805  # m, measured
    tool_in_hand = FINGERTIPS
    home = (0.0, -0.1848, 0.0, -2.4967, 0.0, 2.3119, 0.7854)  # rad; the tool at (0.45, 0, 0.25), pointing down
    workspace = ((0.30, -0.25, 0.05), (0.60, 0.25, 0.45))  # m
