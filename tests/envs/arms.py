"""A robot alone in a scene, for tests that need no task."""

import numpy as np

from robodl_envs.random_streams import RandomStreams
from robodl_envs.scene import empty_scene
from robodl_envs.simulator import CpuSimulator


def simulate(robot, num, edit_spec=None):
    """Bind a robot to a new simulator of it alone in an empty scene, with num rows; at home after `begin_episodes`."""
    spec = empty_scene()
    robot.build(spec)
    if edit_spec:
        edit_spec(spec)
    sim = CpuSimulator(spec.compile(), num, threads=1)
    robot.bind(sim)
    return sim


def begin_episodes(robot, sim):
    """Put all rows into the robot's initial state."""
    ids = np.arange(sim.num)
    sim.reset(ids)
    robot.reset(ids, RandomStreams(sim.num))
    sim.forward()
    robot.begin(ids)


def without_contacts(spec):
    """Let nothing touch anything."""
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
