"""Objects in a swinging arm: how long they are held, and what the drift depends on."""

from dataclasses import dataclass

import pytest

from robodl.evaluation.grip import swing
from robodl_envs import registry
from robodl_envs.robots.ur5e import Ur5e
from tests.train.conftest import run


@dataclass(eq=False)
class SlowUr5e(Ur5e):
    """A UR5e whose joints are as fast as the Panda's."""

    velocity_limits = (2.175,) * 6


@pytest.mark.unit
def test_slower_joints_and_shorter_timesteps_let_objects_drift_less(monkeypatch):
    """Drift goes with the speed squared, and in part with the timestep."""
    monkeypatch.setitem(registry.ROBOTS, "slow_ur5e", SlowUr5e)
    fast, fine = swing("peg_insert", "ur5e", 8), swing("peg_insert", "ur5e", 8, timestep=0.002)
    slow = swing("peg_insert", "slow_ur5e", 8)
    assert slow.speed < 0.8 * fast.speed and slow.drift < 0.67 * fast.drift
    assert fine.drift < 0.9 * fast.drift
    assert slow.kept.all() and (slow.held == 4.0).all()


@pytest.mark.slow
@pytest.mark.parametrize("robot", ["panda", "ur5e", "so101"])
def test_a_lifted_cube_is_kept_by_most_arms(robot):
    """Those of the Panda and the SO-101 keep it all; the UR5e's in three of four."""
    found = swing("pick_and_place", robot)
    assert len(found.kept) >= 23 and found.kept.mean() >= (0.75 if robot == "ur5e" else 1.0)


def test_the_command_prints_a_row_for_each_pair(tmp_path):
    shown = run("robodl.evaluation.grip", "robot=[panda]", "rows=2", "physics=[none]", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[:3] for line in shown[1:]] == [
        ["pick_and_place", "panda", "none"],
        ["peg_insert", "panda", "none"],
    ]
    refused = run("robodl.evaluation.grip", "env=[push]", cwd=tmp_path, check=False)
    assert refused.returncode == 2 and "env must be a list of pick_and_place, peg_insert" in refused.stderr
