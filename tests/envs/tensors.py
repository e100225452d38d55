"""A simulator whose arrays are torch tensors."""

import warnings

import numpy as np
import pytest

from robodl_envs.simulator import CpuSimulator

torch = pytest.importorskip("torch")  # skips the modules that import this one


def unreadable(self, *args, **kwargs):
    """Refuse, as `torch.Tensor.__array__`, to become a NumPy array."""
    raise TypeError("NumPy must not read tensors")


def tensor(x):
    """A tensor over the memory of an array, live as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arrays that are read-only
        return torch.from_numpy(x)


class Fields:
    """MuJoCo's fields of a site, body, joint or sensor as tensors."""

    def __init__(self, fields):
        self.fields = fields

    def __getattr__(self, name):
        value = getattr(self.fields, name)
        return tensor(value) if isinstance(value, np.ndarray) else value


class TensorSimulator:
    """A CpuSimulator with tensors for arrays."""

    def __init__(self, model, num, threads):
        self.cpu = CpuSimulator(model, num, threads)
        self.num, self.model, self.orphaned, self.expanded = num, model, False, {}
        self.qpos, self.qvel, self.ctrl = (tensor(getattr(self.cpu, name)) for name in ("qpos", "qvel", "ctrl"))

    def array(self, values):
        return tensor(self.cpu.array(values))

    def zeros(self, *shape, dtype=""):
        return tensor(self.cpu.zeros(*shape, dtype=dtype))

    def site(self, name):
        return Fields(self.cpu.site(name))

    def body(self, name):
        return Fields(self.cpu.body(name))

    def joint(self, name):
        return Fields(self.cpu.joint(name))

    def sensor(self, name):
        return Fields(self.cpu.sensor(name))

    def mocap_pos(self, body):
        return tensor(self.cpu.mocap_pos(body))

    def mocap_quat(self, body):
        return tensor(self.cpu.mocap_quat(body))

    def bind(self, field):
        return tensor(self.cpu.bind(field))

    def expand(self, field):
        return self.expanded.setdefault(field, tensor(self.cpu.expand(field)))

    def restore_expanded(self, ids):
        self.cpu.restore_expanded(ids.numpy())

    def set_const(self, ids=None):
        self.cpu.set_const(None if ids is None else ids.numpy())

    def reset(self, ids):
        self.cpu.reset(ids.numpy())

    def forward(self, ids=None):
        self.cpu.forward(None if ids is None else ids.numpy())

    def step(self, nstep, ids=None):
        self.cpu.step(nstep, None if ids is None else ids.numpy())

    def diverged(self):
        rows = self.cpu.diverged()
        return None if rows is None else tensor(rows)

    def get_state(self):
        return self.cpu.get_state()

    def set_state(self, state):
        self.cpu.set_state(state)
