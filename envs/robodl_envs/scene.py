"""The empty world and the physics settings that all tasks share.

Settings and the measurements they were chosen by (docs/architecture.md has the table):
timestep 4 ms      grasps hold as still as at 2 ms, at twice the speed.
discrete           solves contacts and stiff servos together. Euler is unstable with the servos' velocity gains;
                   implicitfast damps after it has solved the contacts, and objects slip in moving fingers: 4.5 mm in
                   0.2 m, with discrete 1 mm, at the same speed.
elliptic cone and impratio 10   a held cube slides in the fingers with pyramidal cones and impratio 1.
"""

from pathlib import Path

import mujoco

TIMESTEP = 0.004  # s, of MuJoCo where no other is given
MIN_TIMESTEP, MAX_TIMESTEP = 0.0005, 0.01  # s; docs/benchmarks.md measures 2, 4 and 8 ms
CONTROL_DT = 0.04  # s, of a control step where no other is given; time limits count such steps
MAX_UPDATE_DT = 0.04  # s, the longest between updates of servo commands: longer control steps have several

# Collision bits: a pair of geoms collides if either's contype has a bit of the other's conaffinity.
OBJECT_BIT, ROBOT_BIT = 1, 2
OBJECT = {"contype": OBJECT_BIT, "conaffinity": OBJECT_BIT | ROBOT_BIT}
ROBOT = {"contype": ROBOT_BIT, "conaffinity": OBJECT_BIT}
NO_CONTACT = {"contype": 0, "conaffinity": 0}
FIXTURE = {"contype": 0, "conaffinity": ROBOT_BIT}  # robots touch it and objects do not
# Stiffer than MuJoCo's defaults, with which a hand presses small objects into the floor.
HARD = {"solref": [0.005, 1.0], "solimp": [0.95, 0.99, 0.001, 0.5, 2.0]}

Corners = tuple[tuple[float, float, float], tuple[float, float, float]]  # low and high corner of a box
POSITION_BOUNDS: Corners = (-1.5, -1.5, -0.5), (1.5, 1.5, 1.5)  # m, of objects and goals, world frame
OFFSET_BOUNDS: Corners = (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)  # m, of objects from the tool, world frame


def empty_scene(timestep: float = TIMESTEP) -> mujoco.MjSpec:
    """A floor at z = 0, a light, and the physics settings, of a timestep, s; angles are radians."""
    quiet_log()
    spec = mujoco.MjSpec.from_file(str(Path(__file__).with_name("scene.xml")))
    spec.option.timestep = timestep
    return spec


def add_marker(spec: mujoco.MjSpec, name: str, radius: float, rgba=(1.0, 0.2, 0.15, 1.0)) -> None:
    """Add a sphere, radius in metres, that touches nothing and that a task moves through `sim.mocap_pos(name)`."""
    body = spec.worldbody.add_body(name=name, mocap=True)
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], rgba=rgba, **NO_CONTACT)


def substeps(control_dt: float, timestep: float) -> int:
    """Timesteps of a control step; ValueError for a timestep out of bounds, or if they aren't a whole number."""
    if not MIN_TIMESTEP <= timestep <= MAX_TIMESTEP:
        raise ValueError(f"timestep must be from {MIN_TIMESTEP:g} to {MAX_TIMESTEP:g} s, got {timestep} s")
    if not 0.0 < control_dt <= 1.0:
        raise ValueError(f"control_dt must be a multiple of the timestep {timestep:g} s up to 1 s, got {control_dt} s")
    nstep = round(control_dt / timestep)
    if nstep < 1 or abs(nstep * timestep - control_dt) > 1e-9:
        nearest = max(1, nstep) * timestep
        rule = f"control_dt must be a multiple of the timestep {timestep:g} s"
        raise ValueError(f"{rule}, got {control_dt:g} s; nearest: {nearest:g} s")
    return nstep


def quiet_log() -> None:
    """Keep MuJoCo from writing MUJOCO_LOG.TXT into the user's folder: divergence is reported in `info` instead."""
    config = mujoco.MjLogConfig.get()
    config.logto_file = config.logto_console = False
    mujoco.MjLogConfig.set(config)


def servo_updates(nstep: int, timestep: float) -> int:
    """Updates of the servos' commands in a control step of nstep timesteps: the fewest, equally far apart."""
    longest = MAX_UPDATE_DT / timestep + 1e-9
    return next(count for count in range(1, nstep + 1) if nstep % count == 0 and nstep / count <= longest)
