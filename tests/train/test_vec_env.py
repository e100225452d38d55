"""The environments under Stable-Baselines3's checker."""

import warnings

import pytest
from stable_baselines3.common.env_checker import check_env

from robodl.config import environment
from robodl.vec_env import make_envs
from robodl_envs import make


def test_sb3_check(task, control):
    """SB3's checker passes without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(task, control=control), skip_render_check=True)


@pytest.mark.parametrize(("settings", "nstep"), [({}, 10), ({"timestep": 0.008}, 5), ({"control_dt": 0.02}, 5)])
def test_physics_is_that_of_the_configuration(settings, nstep):
    """Timestep and control rate of a run's configuration are those of its environments."""
    envs = make_envs(environment("reach", **settings), 2)
    assert envs.unwrapped.batch.nstep == nstep
    assert envs.unwrapped.model.opt.timestep == settings.get("timestep", 0.004)
