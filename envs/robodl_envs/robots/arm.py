"""An arm from an MJCF file, driven by position servos.

Of a file, the bodies, joints and geoms of the arm are used. Its lights, cameras, sensors and keyframes, and what hangs
on the world itself, are left out, and the physics settings of the scene apply. Geoms that collide in the file touch the
floor and objects, never the arm itself. A body whose collision geoms are hidden (group 3, as in MuJoCo Menagerie) is
drawn by them in images for learning, and by its other geoms in images for people.
"""

import math
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import mujoco

from robodl_envs.rendering.modalities import COARSE_GROUP, FINE_GROUP, HIDDEN_GROUP
from robodl_envs.robots.menagerie import SCHEME, load_menagerie
from robodl_envs.robots.servo import Servo, add_servo, is_position_servo, servo_from_actuator, servo_from_limits
from robodl_envs.scene import ROBOT

BUILT_IN = Path(__file__).parent
FRANKA_HAND = BUILT_IN / "franka_hand.xml"
HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)
REQUIRED = {
    "name": "the robot's name",
    "mjcf": "the path of an MJCF file",
    "home": "joint angles at the start of an episode, rad",
    "workspace": "its low and high corner, m",
    "velocity_limits": "one for each joint, rad/s",
    "reach": "the distance from the base's axis to a tool that points down at the floor at full stretch, m",
}


class Arm:
    """The arm of a robot's MJCF file, which is read and checked at construction, and read again by `build`.

    Raises:
        FileNotFoundError: there is no such file. ModuleNotFoundError: a package for it is missing.
        TypeError: the robot's class does not have all it must have.
        ValueError: the file can't be read or is not the arm that the robot's class describes.
    """

    def __init__(self, robot):
        for name, meaning in REQUIRED.items():
            if not hasattr(robot, name):
                raise TypeError(f"a robot must have {name}, {meaning}; set it in class {type(robot).__name__}")
        self.robot, self.source = robot, str(robot.mjcf)
        arm = self.load()
        self.check(arm)
        self.servos = self.read_servos(arm)  # from the base to the hand
        low, high = zip(*(servo.range for servo in self.servos), strict=True)
        home = robot.home
        if len(home) != len(low) or any(not a <= q <= b for a, q, b in zip(low, home, high, strict=True)):
            ranges = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True))
            raise ValueError(f"home of robot {robot.name} must be {len(low)} angles in rad, {ranges}; got {home}")

    def load(self) -> mujoco.MjSpec:
        """A new copy of the file's model."""
        if self.source.startswith(SCHEME):
            return load_menagerie(self.source)
        if not Path(self.source).is_file():
            raise FileNotFoundError(
                f"mjcf of robot {self.robot.name} must be the path of an MJCF file, and there is no {self.source}; "
                "Path(__file__).with_name(...) finds one beside the robot's module"
            )
        try:
            return mujoco.MjSpec.from_file(self.source)
        except ValueError as error:
            raise ValueError(f"{self.source} can't be read: {' '.join(str(error).split())}") from error

    def build(self, spec: mujoco.MjSpec) -> None:
        """Add the arm's bodies, the hand among them, and its servos. The model's first joints must be the arm's."""
        arm = self.load()
        joints = [joint.name for joint in arm.joints]
        remove_all_but_arm(arm)
        hand = self.robot.hand
        if self.robot.flange:
            # Before the scene's settings: angles of the site are in the unit of the arm's file.
            arm.attach(franka_hand(self.robot.hand_angle), site=arm.site(self.robot.flange), prefix="franka/")
            hand = "franka/hand"
        use_settings(arm, spec)
        prefix = f"{self.robot.name}/"
        spec.attach(arm, frame=spec.worldbody.add_frame(), prefix=prefix)
        body = spec.body(prefix + hand)
        body.name, body.classname = self.robot.hand, spec.default  # a gripper takes no defaults of the arm
        if Path(self.source).parent == BUILT_IN:  # names without a prefix: they clash with nothing, and users know them
            for element in (*spec.bodies, *spec.joints):
                element.name = element.name.removeprefix(prefix)
            prefix = ""
        for joint, servo in zip(joints, self.servos, strict=True):
            add_servo(spec, spec.joint(prefix + joint), servo)

    def check(self, arm: mujoco.MjSpec) -> None:
        """Raise ValueError if the file is not the arm that the robot's class describes."""
        robot, joints, bodies = self.robot, arm.joints, arm.worldbody.bodies
        if len(bodies) != 1:
            raise self.refusal("1 body in its world, the arm's base", f"{len(bodies)}: {names(bodies)}")
        if len(joints) != len(robot.velocity_limits) or any(int(j.type) != HINGE or not j.name for j in joints):
            rule = f"{len(robot.velocity_limits)} hinges with names, as many as velocity_limits"
            raise self.refusal(rule, names(joints) or "no joints")
        if unlimited := [joint for joint in joints if joint.range[0] >= joint.range[1]]:
            raise self.refusal("joints with ranges", f"{names(unlimited)} without")
        for name, limits in (("velocity_limits", robot.velocity_limits), ("torque_limits", robot.torque_limits)):
            if limits and (len(limits) != len(joints) or min(limits) <= 0.0):
                raise ValueError(f"{name} of robot {robot.name} must be {len(joints)} positive numbers, got {limits}")
        if robot.flange and arm.site(robot.flange) is None:
            rule = f"a site {robot.flange}, the flange of robot {robot.name}"
            raise self.refusal(rule, names(arm.sites) or "no sites")
        if not robot.flange and arm.body(robot.hand) is None:
            rule = f"a body {robot.hand}; or set flange, the name of a site for the Franka Hand"
            raise self.refusal(rule, names(arm.bodies[1:]))

    def read_servos(self, arm: mujoco.MjSpec) -> tuple[Servo, ...]:
        """Servos made from the robot's torque limits, or else those of the file's actuators."""
        robot = self.robot
        if robot.torque_limits:
            limits = zip(arm.joints, robot.torque_limits, robot.velocity_limits, strict=True)
            return tuple(servo_from_limits(*limit, robot.servo_time) for limit in limits)
        return tuple(self.read_servo(arm, joint) for joint in arm.joints)

    def read_servo(self, arm: mujoco.MjSpec, joint) -> Servo:
        """The servo of a joint in the file."""
        robot = self.robot
        instead = f"; or set torque_limits of robot {robot.name}, for servos of ours"
        drives = [actuator for actuator in arm.actuators if actuator.target == joint.name]
        if len(drives) != 1 or not is_position_servo(drives[0]):
            rule = f"1 position servo with kp and kv for joint {joint.name}{instead}"
            raise self.refusal(rule, names(drives) or "no actuators")
        servo = servo_from_actuator(joint, drives[0])
        if servo.torque <= 0.0:
            raise self.refusal(f"an actuatorfrcrange, N m, at joint {joint.name}{instead}", "none")
        if abs(servo.time - robot.servo_time) > 0.05 * robot.servo_time:
            rule = f"servos with (kv + damping) / kp = servo_time, {robot.servo_time:g} s"
            raise self.refusal(f"{rule}{instead}, or servo_time to theirs", f"{servo.time:.3g} s at joint {joint.name}")
        return servo

    def refusal(self, rule: str, value: str) -> ValueError:
        return ValueError(f"{self.source} must have {rule} (got {value})")


def names(elements) -> str:
    return ", ".join(element.name or "one without a name" for element in elements)


def franka_hand(angle: float) -> mujoco.MjSpec:
    """A model of the Franka Hand's body, turned by an angle, rad, about its z axis."""
    include = f"<include file={quoteattr(str(FRANKA_HAND))}/>"
    model = mujoco.MjSpec.from_string(f"<mujoco><worldbody>{include}</worldbody></mujoco>")
    model.body("hand").quat = (math.cos(0.5 * angle), 0.0, 0.0, math.sin(0.5 * angle))
    return model


def remove_all_but_arm(arm: mujoco.MjSpec) -> None:
    """Leave the arm alone in its file's model, with its weight compensated, touching nothing of itself."""
    skyboxes = [texture for texture in arm.textures if texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX]
    scenery = (*arm.worldbody.geoms, *arm.worldbody.sites, *arm.lights, *arm.cameras, *skyboxes)
    for element in (*scenery, *arm.actuators, *arm.sensors, *arm.keys, *arm.pairs):
        arm.delete(element)
    for body in arm.bodies:
        body.gravcomp = 1.0
        solid = [geom for geom in body.geoms if geom.contype or geom.conaffinity]
        visual = [geom for geom in body.geoms if not (geom.contype or geom.conaffinity)]
        hidden = [geom for geom in solid if geom.group >= HIDDEN_GROUP]
        for geom in solid:
            geom.contype, geom.conaffinity = ROBOT["contype"], ROBOT["conaffinity"]
        for geom in hidden:
            geom.group = COARSE_GROUP
        for geom in visual:
            if hidden and geom.group < HIDDEN_GROUP:
                geom.group = FINE_GROUP


def use_settings(arm: mujoco.MjSpec, scene: mujoco.MjSpec) -> None:
    """Copy the scene's settings to an arm's model: the scene's apply in any case, and MuJoCo warns of a difference."""
    sizes = [name for name in dir(scene) if name == "memory" or (name.startswith("n") and "numeric" not in name)]
    settings: list[tuple[Any, Any, list[str]]] = [(arm, scene, sizes)]
    pairs = (arm.option, scene.option), (arm.visual.map, scene.visual.map), (arm.visual.global_, scene.visual.global_)
    settings += [(to, source, [name for name in dir(to) if not name.startswith("_")]) for to, source in pairs]
    for to, source, names in settings:
        for name in names:
            setattr(to, name, getattr(source, name))
