"""Position servos on hinges, from the actuators of an MJCF file or from torque limits."""

import math
from dataclasses import dataclass

import mujoco

from robodl_envs.scene import TIMESTEP

# Servos made from torque limits. Makers publish neither value; ours are in the range of the built-in arms.
FULL_TORQUE_ERROR = 0.04  # rad, position error at which a servo gives its full torque
MIN_ARMATURE = 0.1  # kg m^2; more where full torque would pass the velocity limit within a timestep, and chatter
POSITION_SERVO = (  # transmission, dynamics, gain and bias of its actuator
    mujoco.mjtTrn.mjTRN_JOINT,
    mujoco.mjtDyn.mjDYN_NONE,
    mujoco.mjtGain.mjGAIN_FIXED,
    mujoco.mjtBias.mjBIAS_AFFINE,
)


@dataclass(frozen=True)
class Servo:
    """A hinge and the position servo that drives it: torque = kp * (ctrl - qpos) - (kv + damping) * qvel.

    range: rad. torque: limit, N m. kp: N m/rad. kv: N m s/rad. armature: of the joint, kg m^2. damping: of the joint,
    MuJoCo's polynomial, whose first coefficient is N m s/rad.
    """

    range: tuple[float, float]
    torque: float
    kp: float
    kv: float
    armature: float
    damping: tuple[float, ...]

    @property
    def time(self) -> float:
        """Time constant with which the joint closes the gap to its command, s."""
        return (self.kv + self.damping[0]) / self.kp


def is_position_servo(actuator) -> bool:
    """Test whether an actuator is a position servo on a joint, undelayed and without gear, with its damping as kv."""
    kinds = actuator.trntype, actuator.dyntype, actuator.gaintype, actuator.biastype
    kp, bias = actuator.gainprm[0], actuator.biasprm
    pulls_back = kp > 0.0 and (bias[0], bias[1]) == (0.0, -kp) and bias[2] <= 0.0
    return kinds == POSITION_SERVO and actuator.gear[0] == 1.0 and pulls_back


def servo_from_actuator(joint, actuator) -> Servo:
    """A joint's servo by its actuator in an MJCF file; the torque limit is 0 where there is none."""
    limits = [low_high for low_high in (joint.actfrcrange, actuator.forcerange) if low_high[0] < low_high[1]]
    torque = float(min((min(-low, high) for low, high in limits), default=0.0))
    kp, kv, armature = map(float, (actuator.gainprm[0], -actuator.biasprm[2], joint.armature))
    return Servo(joint_range(joint), torque, kp, kv, armature, tuple(map(float, joint.damping)))


def servo_from_limits(joint, torque: float, velocity: float, servo_time: float) -> Servo:
    """A servo of ours for a joint, by its limits, N m and rad/s."""
    kp, damping = torque / FULL_TORQUE_ERROR, 1.0
    armature = max(MIN_ARMATURE, torque * TIMESTEP / velocity)
    return Servo(joint_range(joint), torque, kp, kp * servo_time - damping, armature, (damping, 0.0, 0.0))


def joint_range(joint) -> tuple[float, float]:
    """A joint's range in rad, whatever the unit of its file."""
    unit = math.pi / 180.0 if joint.compiler.degree else 1.0
    return float(unit * joint.range[0]), float(unit * joint.range[1])


def add_servo(spec: mujoco.MjSpec, joint, servo: Servo) -> None:
    """Drive an arm's joint by a servo."""
    joint.armature = servo.armature
    joint.damping = servo.damping
    joint.actgravcomp = joint.actfrclimited = True
    joint.actfrcrange = [-servo.torque, servo.torque]
    # The limit is at the joint for all that drives it, and at the servo because the integrator takes the damping of a
    # servo into account unless it sees it saturated: that would slow a saturated joint's braking fourfold.
    add_actuator(spec, joint.name, servo.range, servo.torque, servo.kp, servo.kv)


def add_actuator(spec: mujoco.MjSpec, joint: str, ctrlrange, force: float, kp: float, kv: float) -> None:
    """Add a position servo, named as its joint is, with a greatest force, N, or torque, N m."""
    limits = {"ctrllimited": True, "ctrlrange": ctrlrange, "forcelimited": True, "forcerange": [-force, force]}
    actuator = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT, **limits)
    actuator.set_to_position(kp=kp, kv=kv)
