"""Track without learning: a constant-velocity Kalman filter on pictures of colours, depth and segmentation.

The environment's report, which rails turn back, is the filter's state, so this keeps no memory: an action is the
filter's gain times what is seen minus what was expected. The gain is that of the steady state, which a filter that runs
at a constant rate reaches within a second.
"""

import numpy as np

from robodl_envs.arrays import quat_mul, quat_rotate
from robodl_envs.experts.policy import Move, as_action
from robodl_envs.experts.track import SIGHT, TRAIL, camera, over, searching
from robodl_envs.perception.hand_camera import AHEAD
from robodl_envs.perception.moving_objects import THINGS
from robodl_envs.perception.target_estimate import KICK, SHIFT
from robodl_envs.rendering.modalities import SEGMENTATION_CLASSES

PICTURES = ("wrist", "wrist_depth", "wrist_segmentation")
MEASURED = 0.001  # m, standard deviation of a measured place; 0.0008 on the Panda's pictures of 64 pixels
UNFORESEEN = 0.5  # m/s^2, of the acceleration, bounces among it: tuned for the least errors of place and of velocity
LOST = 0.05  # m: what is seen this far from the report is taken for where it is
FEW = 4  # pixels; what shows less of itself is not measured
COLORS = np.array([rgba[:3] for _, _, rgba in THINGS.values()])
CHROMA = COLORS / COLORS.sum(axis=1, keepdims=True)  # (COUNT, 3), much the same in any light


def kalman(observation, batch):
    """Actions, (N, k), of what observation="image" or "image+state" shows of a BatchEnv's Track."""
    robot = batch.robot
    missing = [name for name in PICTURES if name not in observation]
    if missing or robot.control != "tool":
        raise ValueError(f"this policy needs control='tool' and cameras={list(PICTURES)}, got {sorted(observation)}")
    vector = observation["proprioception"] if "proprioception" in observation else observation["observation"]
    vector = np.asarray(vector, np.float64)
    state = {name: vector[:, columns] for name, columns in batch.state_columns().items()}
    tool, to_report, velocity, dt = state["tool"], state["to_report"], state["report_velocity"], robot.control_dt
    eye, hand = camera(state, robot)
    rgb, depth, segmentation = (observation[name] for name in PICTURES)
    place, seen = measure(rgb, depth, segmentation, state["target"], eye, hand)
    report = tool[:, :2] + to_report
    surprise = place - report  # (N, 2) m
    near = np.sqrt((surprise**2).sum(axis=1, keepdims=True)) < LOST
    place_gain, velocity_gain = gains(dt)
    shift = np.where(near, (place_gain + dt * velocity_gain) * surprise, surprise)
    kick = np.where(near, velocity_gain * surprise, -velocity)
    lost = searching(state, robot)
    shift, kick = np.where(seen, shift, lost[0]), np.where(seen, kick, lost[1])
    say = np.concatenate([shift / SHIFT, kick / KICK], axis=1)
    return as_action(Move(to=over(report + TRAIL * velocity, robot), say=say), state, robot)


def measure(rgb, depth, segmentation, target, eye, hand):
    """Where the target is, (N, 2) m, world frame, and whether it is seen, (N, 1) bool.

    Args:
        rgb, depth, segmentation: (N, height, width, channels).
        target: (N, COUNT), 1 for the thing to measure. eye: (N, 3) m, the camera. hand: (N, 4), its quaternion.
    """
    num, height, width, _ = rgb.shape
    row, i, j = np.nonzero(segmentation[..., 0] == SEGMENTATION_CLASSES.index("goal"))
    color = rgb[row, i, j] / np.maximum(rgb[row, i, j].sum(axis=1, keepdims=True), 1.0)
    away = ((color[:, None] - CHROMA) ** 2).sum(axis=2)  # (pixels, COUNT)
    own = target[row, away.argmin(axis=1)] > 0.0
    row, i, j = row[own], i[own], j[own]
    slope = SIGHT / (0.5 * height)
    ahead = depth[row, i, j, 0].astype(np.float64)
    right, up = (j + 0.5 - 0.5 * width) * slope * ahead, (0.5 * height - 0.5 - i) * slope * ahead
    pixels = np.bincount(row, minlength=num)
    middle = [np.bincount(row, part, num) / np.maximum(pixels, 1) for part in (right, up, -ahead)]
    frame = quat_mul(hand, np.broadcast_to(AHEAD, (num, 4)))
    place = eye + quat_rotate(frame, np.stack(middle, axis=1))
    return place[:, :2], (pixels >= FEW)[:, None]


def gains(dt: float) -> tuple[float, float]:
    """What a surprise of 1 m corrects of place, m, and of velocity, m/s, in the steady state.

    From the Riccati equation, iterated: a place is measured in each step of dt, s, and an acceleration, constant in a
    step, is drawn anew in each.
    """
    move = np.array([[1.0, dt], [0.0, 1.0]])
    way = np.array([0.5 * dt**2, dt])
    noise, spread = UNFORESEEN**2 * np.outer(way, way), np.eye(2)
    for _ in range(300):
        gain = spread[:, 0] / (spread[0, 0] + MEASURED**2)
        spread = move @ (spread - np.outer(gain, spread[0])) @ move.T + noise
    return float(gain[0]), float(gain[1])
