"""Inspect: look at the top, the left and the right by the clock; call the part bad while its flaw is seen well."""

import numpy as np

from robodl_envs.experts.motions import before, facing
from robodl_envs.experts.policy import Move
from robodl_envs.perception.defects import BAD, HALF
from robodl_envs.perception.inspect import ROUND

LEFT, RIGHT = 4.5 / ROUND, 24.5 / ROUND  # of the clock: when it goes on to the left and to the right
AWAY = 0.13  # m, of the camera from where it looks
MOST = 0.45  # rad, that the camera turns from looking down: turning is slow
BESIDE = np.array([0.0, 0.065, 0.065])  # m, from the top, the left, the right to where it looks: to be less aslant
WELL = 0.9  # rad, between the line of sight and a face's normal
CENTRED = 0.4  # rad, between it and the middle of the picture
NEAR = 0.24  # m, of the camera
FROM_MIDDLE = np.array([HALF[2], HALF[1], HALF[1]])  # m, of the top, the left and the right


def inspect(state, robot):
    part, up, clock = state["tool"] + state["to_part"], state["part_normal"], state["clock"]
    left = np.cross(up, state["part_ahead"])
    normals = np.stack([up, left, -left], axis=1)  # (N, 3 faces, 3)
    now = np.concatenate([clock < LEFT, (clock >= LEFT) & (clock < RIGHT), clock >= RIGHT], axis=1)  # (N, 3 faces)
    middle, normal = face_of(part, normals, now)
    ahead = middle + (now * BESIDE).sum(axis=1)[:, None] * normal
    to, turn = before(ahead, normal, state["turn"], AWAY, MOST, robot)
    flaw, outwards = face_of(part, normals, state["face"])  # of a part without one: anything
    view = facing(flaw, outwards, state["tool"], state["turn"], robot)
    well = (view.aslant < WELL) & (view.aside < CENTRED) & (view.away < NEAR)
    is_bad = (state["kind"] * BAD).sum(axis=1) > 0.5
    return Move(to=to, turn=turn, say=np.where(is_bad & well, 1.0, -1.0)[:, None])


def face_of(part, normals, which):
    """The middle and the normal, (N, 3), of the faces that are 1 in which, (N, 3)."""
    normal = (which[:, :, None] * normals).sum(axis=1)
    return part + (which * FROM_MIDDLE).sum(axis=1)[:, None] * normal, normal
