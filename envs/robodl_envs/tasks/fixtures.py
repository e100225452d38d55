"""Furniture of tasks: a block with a hole, a button on a box, a drawer in a cabinet.

Each hangs on a mocap body, which a task moves to its place at the start of an episode.
"""

import mujoco

from robodl_envs.free_body import BLUE, RED
from robodl_envs.scene import FIXTURE, OBJECT

BOX, CAPSULE, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER
SLIDE = mujoco.mjtJoint.mjJNT_SLIDE

HOLE_BLOCK, HOLE_BLOCK_HEIGHT = 0.05, 0.05  # m, half width and height of the block with a hole

BUTTON_BOX, BUTTON_BOX_HEIGHT = 0.04, 0.04  # m, half width and height of the box that a button stands on
CAP_RADIUS, CAP_HALF_HEIGHT = 0.02, 0.01  # m, of the button
TRAVEL = 0.015  # m, of the button
BUTTON_STIFFNESS = 200.0  # N/m: 3 N when pressed
BUTTON_ARMATURE = 0.5  # kg; a stop that is felt by this mass, not by the button's, holds against an arm
GREY = (0.35, 0.37, 0.40, 1.0)

CABINET_HALF_WIDTH, CABINET_HALF_HEIGHT, CABINET_HALF_DEPTH = 0.10, 0.055, 0.10  # m
HANDLE_STANDOFF = 0.045  # m, from the drawer's front to the middle of its handle
HANDLE_RADIUS, HANDLE_HALF_LENGTH = 0.006, 0.05  # m
HANDLE_HEIGHT = 0.09  # m above the table
WOOD, FRONT, METAL = (0.55, 0.40, 0.26, 1.0), (0.72, 0.55, 0.37, 1.0), (0.75, 0.77, 0.80, 1.0)


def add_hole_block(spec: mujoco.MjSpec, hole: float) -> None:
    """Add the mocap body "block", with a square hole of half width `hole`, m; its origin is its foot's middle."""
    block = spec.worldbody.add_body(name="block", mocap=True)
    wall, height = 0.5 * (HOLE_BLOCK - hole), 0.5 * HOLE_BLOCK_HEIGHT  # m, half a wall's thickness, half its height
    for side in (1.0, -1.0):
        block.add_geom(
            type=BOX, pos=[side * (hole + wall), 0, height], size=[wall, HOLE_BLOCK, height], rgba=BLUE, **OBJECT
        )
    for side in (1.0, -1.0):
        block.add_geom(type=BOX, pos=[0, side * (hole + wall), height], size=[hole, wall, height], rgba=BLUE, **OBJECT)


def add_push_button(spec: mujoco.MjSpec) -> None:
    """Add the mocap body "box", its origin its foot's middle, and on it body and joint "button"; down is positive."""
    box, half = spec.worldbody.add_body(name="box", mocap=True), 0.5 * BUTTON_BOX_HEIGHT
    box.add_geom(type=BOX, pos=[0, 0, half], size=[BUTTON_BOX, BUTTON_BOX, half], rgba=GREY, **FIXTURE)
    button = box.add_body(name="button", pos=[0, 0, BUTTON_BOX_HEIGHT + TRAVEL], gravcomp=1.0)
    joint = button.add_joint(name="button", type=SLIDE, axis=[0, 0, -1], range=[0.0, TRAVEL], limited=True)
    joint.stiffness[0], joint.damping[0], joint.armature = BUTTON_STIFFNESS, 5.0, BUTTON_ARMATURE
    joint.solref_limit, joint.solimp_limit = [0.01, 1.0], [0.99, 0.999, 0.001, 0.5, 2.0]
    button.add_geom(type=CYLINDER, size=[CAP_RADIUS, CAP_HALF_HEIGHT, 0], rgba=RED, mass=0.05, **FIXTURE)


def add_drawer(spec: mujoco.MjSpec, travel: float) -> None:
    """Add the mocap body "cabinet" and in it the body and joint "drawer", which opens towards -x by `travel`, m.

    The cabinet's origin is on the table below the shut drawer's handle.
    """
    cabinet = spec.worldbody.add_body(name="cabinet", mocap=True)
    width, height, depth = CABINET_HALF_WIDTH, CABINET_HALF_HEIGHT, CABINET_HALF_DEPTH
    front = HANDLE_STANDOFF + 0.01  # x, m
    for pos, half in (
        ((front + depth, width - 0.005, height), (depth, 0.005, height)),
        ((front + depth, 0.005 - width, height), (depth, 0.005, height)),
        ((front + 2 * depth - 0.005, 0.0, height), (0.005, width - 0.01, height)),
        ((front + depth, 0.0, 2 * height - 0.005), (depth, width - 0.01, 0.005)),
    ):
        cabinet.add_geom(type=BOX, pos=pos, size=half, rgba=WOOD, **FIXTURE)
    drawer = cabinet.add_body(name="drawer")
    joint = drawer.add_joint(name="drawer", type=SLIDE, axis=[-1, 0, 0], range=[0.0, travel], limited=True)
    joint.damping[0], joint.frictionloss = 5.0, 1.0
    for pos, half in (
        ((front, 0, height), (0.008, width - 0.012, height - 0.012)),
        ((front + 0.8 * depth, 0, 0.02), (0.8 * depth, width - 0.012, 0.004)),
    ):
        drawer.add_geom(type=BOX, pos=pos, size=half, rgba=FRONT, mass=0.3, **FIXTURE)
    left, right = (0, -HANDLE_HALF_LENGTH, HANDLE_HEIGHT), (0, HANDLE_HALF_LENGTH, HANDLE_HEIGHT)
    bars = (left, right, 0.05), (left, (front, *left[1:]), 0.02), (right, (front, *right[1:]), 0.02)
    for start, end, mass in bars:
        bar = drawer.add_geom(type=CAPSULE, fromto=[*start, *end], size=[HANDLE_RADIUS, 0, 0], mass=mass, **FIXTURE)
        bar.rgba = METAL
