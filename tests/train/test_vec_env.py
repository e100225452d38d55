"""The environments under Stable-Baselines3's checker."""

import warnings

from stable_baselines3.common.env_checker import check_env

from robodl_envs import make


def test_sb3_check(task, control):
    """SB3's checker passes without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(task, control=control), skip_render_check=True)
