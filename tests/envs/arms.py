"""A robot alone in a scene, for tests that need no task."""

import numpy as np

from robodl_envs.random_streams import RandomStreams
from robodl_envs.scene import empty_scene
from robodl_envs.simulator import CpuSimulator


def simulated(robot, num, add=None):
    """A robot in an empty scene with num rows, at home."""
    spec = empty_scene()
    robot.build(spec)
    if add:
        add(spec)
    sim = CpuSimulator(spec.compile(), num, threads=1)
    robot.bind(sim)
    return sim


def start(robot, sim):
    ids = np.arange(sim.num)
    sim.reset(ids)
    robot.reset(ids, RandomStreams(sim.num))
    sim.forward()
    robot.begin(ids)
