"""Fixtures of several test modules."""

import os

import numpy as np
import pytest

import robodl_envs

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of PyTorch would wait for those of simulations


@pytest.fixture(params=robodl_envs.task_names())
def task(request):
    """Every registered task's name."""
    return request.param


@pytest.fixture(params=["tool", "joint"])
def control(request):
    """Every controller's name."""
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)
