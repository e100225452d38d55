"""Track without learning: a constant-velocity Kalman filter on images of colour, depth and segmentation.

The environment's estimate, which rails reflect, is the filter's state, so this keeps no memory: an action is the
filter's gain times what is seen minus what was expected. The gain is that of the steady state, which a filter that runs
at a constant rate reaches within a second.
"""

import numpy as np

from robodl_envs.arrays import quat_mul, quat_rotate
from robodl_envs.experts.policy import KALMAN, Move, as_action
from robodl_envs.experts.track import TRAIL_TIME, camera_pose, over, search_correction
from robodl_envs.perception.moving_objects import OBJECTS
from robodl_envs.perception.target_estimate import correction_steps
from robodl_envs.rendering.modalities import SEGMENTATION_CLASSES

IMAGES = KALMAN.cameras
MEASUREMENT_STD = 0.001  # m, of a measured position; 0.0008 on the Panda's images of 64 pixels
ACCELERATION_STD = 0.5  # m/s^2, bounces included: tuned for the least errors of position and of velocity
LOST_DISTANCE = 0.05  # m: the estimate jumps to what is seen farther from it than this
MIN_PIXELS = 4  # of an object that is measured
COLORS = np.array([rgba[:3] for _, _, rgba in OBJECTS.values()])
CHROMA = COLORS / COLORS.sum(axis=1, keepdims=True)  # (COUNT, 3), much the same in any light


def kalman(observation, batch):
    """Actions, (N, k), for observation="image" or "image+state" of a BatchEnv's Track."""
    robot = batch.robot
    missing = [name for name in IMAGES if name not in observation]
    if missing or robot.control != "tool":
        raise ValueError(f"this policy needs control='tool' and cameras={list(IMAGES)}, got {sorted(observation)}")
    vector = observation["proprioception"] if "proprioception" in observation else observation["observation"]
    vector = np.asarray(vector, np.float64)
    state = {name: vector[:, columns] for name, columns in batch.state_columns.items()}
    tool, to_estimate, velocity, dt = state["tool"], state["to_estimate"], state["estimate_velocity"], robot.control_dt
    camera, hand = camera_pose(state, robot)
    rgb, depth, segmentation = (observation[name] for name in IMAGES)
    frame = quat_mul(hand, np.asarray(robot.hand_camera.orientation))
    position, seen = measure(rgb, depth, segmentation, state["target"], camera, frame, robot.hand_camera.tan_half_fovy)
    estimate = tool[:, :2] + to_estimate
    innovation = position - estimate  # (N, 2) m
    near = np.sqrt((innovation**2).sum(axis=1, keepdims=True)) < LOST_DISTANCE
    position_gain, velocity_gain = gains(dt)
    position_step = np.where(near, (position_gain + dt * velocity_gain) * innovation, innovation)
    velocity_step = np.where(near, velocity_gain * innovation, -velocity)
    search = search_correction(state, robot)
    position_step, velocity_step = np.where(seen, position_step, search[0]), np.where(seen, velocity_step, search[1])
    answer = np.concatenate([position_step, velocity_step], axis=1) / np.repeat(correction_steps(robot), 2)
    return as_action(Move(to=over(estimate + TRAIL_TIME * velocity, robot), answer=answer), state, robot)


def measure(rgb, depth, segmentation, target, camera, frame, tan_half_fovy):
    """The target's position, (N, 2) m, world frame, and whether it is seen, (N, 1) bool.

    Args:
        rgb, depth, segmentation: (N, height, width, channels).
        target: (N, COUNT), 1 for the object to measure. camera: (N, 3) m, its position. frame: (N, 4), its quaternion.
        tan_half_fovy: of half its vertical field of view, (N, 1) or one number.
    """
    num, height, width, _ = rgb.shape
    row, i, j = np.nonzero(segmentation[..., 0] == SEGMENTATION_CLASSES.index("goal"))
    color = rgb[row, i, j] / np.maximum(rgb[row, i, j].sum(axis=1, keepdims=True), 1.0)
    difference = ((color[:, None] - CHROMA) ** 2).sum(axis=2)  # (pixels, COUNT)
    of_target = target[row, difference.argmin(axis=1)] > 0.0
    row, i, j = row[of_target], i[of_target], j[of_target]
    slope = (0.0 * camera[:, 0] + np.ravel(tan_half_fovy) / (0.5 * height))[row]
    ahead = depth[row, i, j, 0].astype(np.float64)
    right, up = (j + 0.5 - 0.5 * width) * slope * ahead, (0.5 * height - 0.5 - i) * slope * ahead
    pixels = np.bincount(row, minlength=num)
    middle = [np.bincount(row, part, num) / np.maximum(pixels, 1) for part in (right, up, -ahead)]
    position = camera + quat_rotate(frame, np.stack(middle, axis=1))
    return position[:, :2], (pixels >= MIN_PIXELS)[:, None]


def gains(dt: float) -> tuple[float, float]:
    """Corrections of position, m, and of velocity, m/s, for an innovation of 1 m, in the steady state.

    From the Riccati equation, iterated: a position is measured in each step of dt, s, and an acceleration, constant in
    a step, is drawn anew in each.
    """
    transition, effect = np.array([[1.0, dt], [0.0, 1.0]]), np.array([0.5 * dt**2, dt])
    noise, covariance = ACCELERATION_STD**2 * np.outer(effect, effect), np.eye(2)
    for _ in range(300):
        gain = covariance[:, 0] / (covariance[0, 0] + MEASUREMENT_STD**2)
        covariance = transition @ (covariance - np.outer(gain, covariance[0])) @ transition.T + noise
    return float(gain[0]), float(gain[1])
