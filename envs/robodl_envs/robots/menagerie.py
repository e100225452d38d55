"""Arms of MuJoCo Menagerie, with our servos, hand and fingers.

The package `mujoco-menagerie`, which the extra `robots` installs, downloads a model at its first use and keeps it in a
cache. Of a model we take bodies, inertias, joint ranges and shapes; its actuators, lights, cameras, sensors and
keyframes are left out, and the scene's physics settings hold. What collides in a model touches the floor and objects,
never the arm itself. A link whose collision shapes are hidden, as Menagerie has them in group 3, is drawn by them in
pictures for learning, and by its meshes for people.
"""

import math
from dataclasses import dataclass
from typing import Any

import mujoco

from robodl_envs.rendering.modalities import COARSE_GROUP, FINE_GROUP, HIDDEN_GROUP
from robodl_envs.robots.gripper import franka_hand
from robodl_envs.robots.links import Servo, add_link, add_servo
from robodl_envs.scene import ROBOT, TIMESTEP

# Of servos whose makers publish neither; ours, in the range of what our other arms have.
FULL = 0.04  # rad, how far off a servo gives full torque
LEAST_ARMATURE = 0.1  # kg m^2; more where full torque would pass the top speed within a timestep, and chatter
HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)
SIZES = (
    *("memory", "nstack", "nemax", "njmax", "nconmax", "nkey", "nuserdata"),
    *(f"nuser_{kind}" for kind in ("actuator", "body", "cam", "geom", "jnt", "sensor", "site", "tendon")),
)


@dataclass(frozen=True)
class MenagerieArm:
    """An arm that a model of Menagerie describes, with the Franka Hand's body on one of its sites.

    Args:
        model: its name in Menagerie.
        entry: the one of its XML files that has the arm alone, on one body of the world.
        flange: the site that the hand sits on, z ahead.
        torque, velocity: limits of the joints, from the base to the hand, N m and rad/s.
        turn: of the hand about the flange's z, rad; the fingers open along the hand's y.
    """

    model: str
    entry: str
    flange: str
    torque: tuple[float, ...]
    velocity: tuple[float, ...]
    turn: float = 0.0

    def servos(self) -> tuple[Servo, ...]:
        """From the base to the hand.

        Raises:
            ModuleNotFoundError: the package is missing.
            FileNotFoundError: the model is not in the cache and can't be downloaded.
            ValueError: the model is not the arm that it was.
        """
        return self.servos_of(self.load())

    def build(self, spec: mujoco.MjSpec, servo_time: float) -> None:
        arm = self.load()
        servos = dict(zip([joint.name for joint in arm.joints], self.servos_of(arm), strict=True))
        strip(arm)
        # The hand is a model of its own: its fingers would take after the arm's defaults. It comes first, because
        # angles of the site are in the arm's unit.
        hand = mujoco.MjSpec()
        quat = (math.cos(0.5 * self.turn), 0.0, 0.0, math.sin(0.5 * self.turn))
        add_link(hand, hand.worldbody, franka_hand("world", pos=(0.0, 0.0, 0.0), quat=quat), servo_time)
        arm.attach(hand, site=arm.site(self.flange), prefix="our ")
        adopt_scene_settings(spec, arm)
        prefix = f"{self.model}/"
        spec.worldbody.add_frame().attach_body(arm.worldbody.bodies[0], prefix, "")
        spec.body(f"{prefix}our hand").name = "hand"
        for name, servo in servos.items():
            add_servo(spec, spec.joint(prefix + name), servo, servo_time)

    def load(self) -> mujoco.MjSpec:
        """The model as Menagerie has it: a new one every time, to be changed at will."""
        try:
            import mujoco_menagerie as menagerie
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                f"{self.model} is a model of MuJoCo Menagerie, for which the package mujoco-menagerie is missing; "
                'pip install "robodl[robots]"'
            ) from None
        try:
            return menagerie.get(self.model).spec(self.entry)
        except (menagerie.DownloadError, OSError) as error:
            raise FileNotFoundError(
                f"{self.model} of MuJoCo Menagerie is not on this machine and can't be downloaded here ({error}); run "
                f"`mujoco-menagerie prefetch {self.model}` where there is a network, with version "
                f"{menagerie.__version__}, copy its cache here and set MENAGERIE_CACHE_DIR to the copy; or set "
                "MENAGERIE_ROOT to a checkout of MuJoCo Menagerie"
            ) from error
        except (menagerie.MenagerieError, ValueError) as error:
            raise ValueError(
                f"{self.model} of MuJoCo Menagerie can't be used: {' '.join(str(error).split())}"
            ) from error

    def servos_of(self, arm: mujoco.MjSpec) -> tuple[Servo, ...]:
        """The servos of the model's joints; ValueError if it is not the arm that is described here."""
        roots, joints = len(arm.worldbody.bodies), arm.joints
        if roots != 1:
            raise self.stranger(f"1 body in its world, got {roots}")
        if len(joints) != len(self.velocity) or any(int(joint.type) != HINGE for joint in joints):
            names = ", ".join(joint.name for joint in joints)
            raise self.stranger(f"{len(self.velocity)} hinges, got {names or 'no joints'}")
        if unlimited := [joint.name for joint in joints if joint.range[0] >= joint.range[1]]:
            raise self.stranger(f"joints with ranges, got {', '.join(unlimited)} without")
        if arm.site(self.flange) is None:
            raise self.stranger(f"a site {self.flange}, got {', '.join(site.name for site in arm.sites) or 'no sites'}")
        unit = math.pi / 180.0 if arm.compiler.degree else 1.0
        return tuple(
            Servo(
                range=(float(unit * joint.range[0]), float(unit * joint.range[1])),
                torque=torque,
                velocity=velocity,
                stiffness=torque / FULL,
                armature=max(LEAST_ARMATURE, torque * TIMESTEP / velocity),
            )
            for joint, torque, velocity in zip(joints, self.torque, self.velocity, strict=True)
        )

    def stranger(self, what: str) -> ValueError:
        return ValueError(f"{self.entry}.xml of MuJoCo Menagerie's {self.model} must have {what}")


def strip(arm: mujoco.MjSpec) -> None:
    """Leave of a model the arm alone, weightless, and let it touch nothing of itself."""
    for others in (arm.actuators, arm.sensors, arm.keys, arm.pairs, arm.lights, arm.cameras):
        for element in others:
            arm.delete(element)
    for body in arm.bodies:
        body.gravcomp = 1.0
        solid = [geom for geom in body.geoms if geom.contype or geom.conaffinity]
        looks = [geom for geom in body.geoms if not (geom.contype or geom.conaffinity)]
        apart = [geom for geom in solid if geom.group >= HIDDEN_GROUP]
        for geom in solid:
            geom.contype, geom.conaffinity = ROBOT["contype"], ROBOT["conaffinity"]
        for geom in apart:
            geom.group = COARSE_GROUP
        for geom in looks:
            if apart and geom.group < HIDDEN_GROUP:
                geom.group = FINE_GROUP


def adopt_scene_settings(scene: mujoco.MjSpec, arm: mujoco.MjSpec) -> None:
    """Give an arm's model the settings of the scene, which hold in any case: MuJoCo warns where they differ."""
    mine_and_yours: list[tuple[Any, Any]] = [
        (arm.option, scene.option),
        (arm.visual.map, scene.visual.map),
        (arm.visual.global_, scene.visual.global_),
    ]
    for mine, yours in mine_and_yours:
        for name in dir(mine):
            if not name.startswith("_"):
                setattr(mine, name, getattr(yours, name))
    for name in SIZES:
        setattr(arm, name, getattr(scene, name))
