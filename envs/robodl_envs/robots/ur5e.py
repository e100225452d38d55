"""The Universal Robots UR5e with the Panda's gripper.

Kinematics, inertias, joint ranges, torque limits and armatures are those of MuJoCo Menagerie's universal_robots_ur5e
(BSD-3-Clause); reach and speed limits are Universal Robots' data sheet. The shapes are ours: capsules and boxes,
because the cost of a picture is its vertices. The arm has no hand of its own.
"""

from dataclasses import dataclass

from robodl_envs.robots.gripper import FINGERTIPS, franka_hand
from robodl_envs.robots.links import Link, LinkTable, Servo, Shape
from robodl_envs.robots.robot import Robot

Y = (0.0, 1.0, 0.0)
SILVER = (0.74, 0.77, 0.80, 1.0)
GREY = (0.45, 0.48, 0.52, 1.0)
BLUE = (0.36, 0.60, 0.80, 1.0)

LINKS = (
    Link(
        name="base_link",
        parent="world",
        pos=(0.0, 0.0, 0.0),
        quat=(1.0, 0.0, 0.0, 0.0),  # Menagerie's half turn about z left out: the arm looks ahead where pan is zero
        mass=4.0,
        com=(0.0, 0.0, 0.0),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.004433332, 0.004433332, 0.0072),
        shapes=(Shape((0.0, 0.0, 0.03), (0.0, 0.0, 0.06), 0.075, rgba=GREY),),
    ),
    Link(
        name="shoulder_link",
        parent="base_link",
        pos=(0.0, 0.0, 0.163),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=3.7,
        com=(0.0, 0.0, 0.0),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.0102675, 0.0102675, 0.00666),
        servo=Servo(range=(-6.28319, 6.28319), torque=150.0, velocity=3.14, stiffness=4000.0),
        shapes=(
            Shape((0.0, 0.0, -0.05), (0.0, 0.0, 0.0), 0.06, rgba=SILVER),
            Shape((0.0, -0.01, 0.0), (0.0, 0.06, 0.0), 0.06, rgba=SILVER),
            Shape((0.0, -0.03, 0.0), (0.0, -0.02, 0.0), 0.055, rgba=BLUE),
        ),
    ),
    Link(
        name="upper_arm_link",
        parent="shoulder_link",
        pos=(0.0, 0.138, 0.0),
        quat=(0.707106781, 0.0, 0.707106781, 0.0),
        mass=8.393,
        com=(0.0, 0.0, 0.2125),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.133886, 0.133886, 0.0151074),
        servo=Servo(range=(-6.28319, 6.28319), torque=150.0, velocity=3.14, stiffness=4000.0, axis=Y),
        shapes=(
            Shape((0.0, -0.02, 0.0), (0.0, 0.01, 0.0), 0.059, rgba=SILVER),
            Shape((0.0, 0.02, 0.0), (0.0, 0.03, 0.0), 0.054, rgba=BLUE),
            Shape((0.0, 0.0, 0.05), (0.0, 0.0, 0.38), 0.047, rgba=SILVER),
            Shape((0.0, -0.03, 0.425), (0.0, 0.01, 0.425), 0.055, rgba=SILVER),
            Shape((0.0, 0.02, 0.425), (0.0, 0.03, 0.425), 0.05, rgba=BLUE),
        ),
    ),
    Link(
        name="forearm_link",
        parent="upper_arm_link",
        pos=(0.0, -0.131, 0.425),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=2.275,
        com=(0.0, 0.0, 0.196),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.0311796, 0.0311796, 0.004095),
        servo=Servo(range=(-3.1415, 3.1415), torque=150.0, velocity=3.14, stiffness=4000.0, axis=Y),
        shapes=(
            Shape((0.0, 0.0, 0.0), (0.0, 0.06, 0.0), 0.052, rgba=SILVER),
            Shape((0.0, 0.0, 0.04), (0.0, 0.0, 0.36), 0.038, rgba=SILVER),
            Shape((0.0, -0.02, 0.392), (0.0, -0.01, 0.392), 0.04, rgba=BLUE),
        ),
    ),
    Link(
        name="wrist_1_link",
        parent="forearm_link",
        pos=(0.0, 0.0, 0.392),
        quat=(0.707106781, 0.0, 0.707106781, 0.0),
        mass=1.219,
        com=(0.0, 0.127, 0.0),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.0025599, 0.0025599, 0.0021942),
        servo=Servo(range=(-6.28319, 6.28319), torque=28.0, velocity=3.14, stiffness=400.0, axis=Y),
        shapes=(
            Shape((0.0, 0.0, 0.0), (0.0, 0.07, 0.0), 0.044, rgba=SILVER),
            Shape((0.0, 0.127, -0.015), (0.0, 0.127, -0.005), 0.039, rgba=BLUE),
        ),
    ),
    Link(
        name="wrist_2_link",
        parent="wrist_1_link",
        pos=(0.0, 0.127, 0.0),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=1.219,
        com=(0.0, 0.0, 0.1),
        inertia_quat=(1.0, 0.0, 0.0, 0.0),
        inertia=(0.0025599, 0.0025599, 0.0021942),
        servo=Servo(range=(-6.28319, 6.28319), torque=28.0, velocity=3.14, stiffness=400.0),
        shapes=(
            Shape((0.0, -0.02, 0.0), (0.0, 0.0, 0.0), 0.043, rgba=SILVER),
            Shape((0.0, 0.0, 0.0), (0.0, 0.0, 0.08), 0.042, rgba=SILVER),
            Shape((0.0, -0.015, 0.1), (0.0, -0.005, 0.1), 0.039, rgba=BLUE),
        ),
    ),
    Link(
        name="wrist_3_link",
        parent="wrist_2_link",
        pos=(0.0, 0.0, 0.1),
        quat=(1.0, 0.0, 0.0, 0.0),
        mass=0.1889,
        com=(0.0, 0.0771683, 0.0),
        inertia_quat=(0.707106781, 0.0, 0.0, 0.707106781),
        inertia=(0.000132134, 9.9086e-05, 9.9086e-05),
        servo=Servo(range=(-6.28319, 6.28319), torque=28.0, velocity=3.14, stiffness=400.0, axis=Y),
        shapes=(
            Shape((0.0, 0.0, 0.0), (0.0, 0.04, 0.0), 0.042, rgba=SILVER, touches=True),
            Shape((0.0, 0.06, 0.0), (0.0, 0.07, 0.0), 0.034, rgba=GREY),
        ),
    ),
    # Where the description has its attachment site.
    franka_hand("wrist_3_link", pos=(0.0, 0.1, 0.0), quat=(-0.707106781, 0.707106781, 0.0, 0.0)),
)


@dataclass(eq=False)
class Ur5e(Robot):
    """Universal Robots UR5e, 6 joints, reach 0.85 m. `home` holds the hand straight down, elbow up."""

    name = "ur5e"
    arm = LinkTable(LINKS)
    hand = "hand"
    reach = 0.924  # m, measured
    tool_in_hand = FINGERTIPS
    home = (-0.3024, -1.6633, 2.0088, -1.9164, -1.5708, -1.8732)  # rad; the tool at (0.45, 0, 0.25), pointing down
    workspace = ((0.30, -0.25, 0.05), (0.60, 0.25, 0.45))  # m
