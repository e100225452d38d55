"""Ways that experts have in common."""

from dataclasses import dataclass

import numpy as np

from robodl_envs.arrays import quat_conjugate, quat_mul, quat_rotate, quat_to_rotvec, rotvec_to_quat
from robodl_envs.perception.hand_camera import camera_to_tool

OVER = 0.10  # m above a thing: high enough to pass over its neighbours


def flat(way: np.ndarray) -> np.ndarray:
    """The horizontal length, (N,), of ways, (N, 3)."""
    return np.sqrt(way[:, 0] ** 2 + way[:, 1] ** 2)


def from_above(tool: np.ndarray, to: np.ndarray, height: float, near: float = 0.012) -> np.ndarray:
    """The next stop, (N, 3), on the way from tool to a place: up, over it at a height, m above it, and then down.

    near: m; closer than this to the vertical above the place, the tool goes down.
    """
    above = to.copy()
    above[:, 2] += height
    way = flat(to - tool)
    up = tool.copy()
    up[:, 2] = above[:, 2]
    low = (tool[:, 2] < above[:, 2] - 0.03) & (way > 3.0 * near)
    stop = np.where(low[:, None], up, above)
    return np.where((way < near)[:, None], to, stop)


def towards(tool: np.ndarray, to: np.ndarray, most: float) -> np.ndarray:
    """A point, (N, 3), at most so far, m, ahead of the tool on its way."""
    way = to - tool
    length = np.sqrt((way**2).sum(axis=1, keepdims=True))
    return tool + way * np.minimum(1.0, most / np.maximum(length, 1e-9))


def before(part, normal, turn, away: float, most: float, robot):
    """Where the tool should be, (N, 3), and its turn to there, (N, 3), for its camera to look straight at a part.

    Args:
        part: (N, 3), the middle of the picture. normal: (N, 3) unit vectors, where the camera should look from.
        turn: (N, 3) rad, how the hand is turned now from pointing down.
        away: m, the camera's distance. most: rad, the farthest that it turns from looking down.
    """
    lean = np.arccos(np.clip(normal[:, 2], -1.0, 1.0))
    side = np.stack([-normal[:, 1], normal[:, 0], np.zeros(len(normal))], axis=1)  # the axis to lean about
    length = np.sqrt((side**2).sum(axis=1, keepdims=True))
    quat = rotvec_to_quat(side / np.maximum(length, 1e-9) * np.minimum(lean, most)[:, None])
    up = quat_rotate(quat, np.broadcast_to((0.0, 0.0, 1.0), part.shape))
    hand = quat_mul(quat, np.broadcast_to(robot.home_quat, quat.shape))
    to = part + away * up + camera_to_tool(robot, hand)
    return to, quat_to_rotvec(quat_mul(quat, quat_conjugate(rotvec_to_quat(turn))))


@dataclass
class View:
    """How the camera sees a part: (N,) each."""

    aslant: np.ndarray  # rad, between the line of sight and the part's normal
    aside: np.ndarray  # rad, between it and the middle of the picture
    away: np.ndarray  # m


def facing(part, normal, tool, turn, robot) -> View:
    """How the camera sees a part with a normal, (N, 3), now that the hand is at a tool's place and turn, (N, 3)."""
    hand = quat_mul(rotvec_to_quat(turn), np.broadcast_to(robot.home_quat, (len(turn), 4)))
    line = part - (tool - camera_to_tool(robot, hand))
    away = np.sqrt((line**2).sum(axis=1))
    line /= away[:, None]
    ahead = quat_rotate(hand, np.broadcast_to((0.0, 0.0, 1.0), part.shape))
    aslant, aside = (np.arccos(np.clip((line * way).sum(axis=1), -1.0, 1.0)) for way in (-normal, ahead))
    return View(aslant, aside, away)
