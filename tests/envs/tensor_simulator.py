"""A Simulator that hands out torch tensors which NumPy may not read: what a simulator on a GPU does."""

import warnings
from types import SimpleNamespace

import numpy as np
import torch

from robodl_envs.simulator import CpuSimulator

torch.set_num_threads(1)


class DeviceTensor(torch.Tensor):
    """A tensor that refuses to become a NumPy array, as one on a GPU does; so do results of operations."""

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert a tensor on a device to a NumPy array")

    numpy = tolist = __array__


def tensor(values: np.ndarray) -> DeviceTensor:
    """A tensor on the memory of an array."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # derived arrays are read-only
        return torch.from_numpy(values).as_subclass(DeviceTensor)


def host(values):
    """A NumPy array of a tensor; anything else as it is."""
    return values.as_subclass(torch.Tensor).numpy() if isinstance(values, torch.Tensor) else values


class TensorSimulator:
    """A CpuSimulator behind tensors."""

    backend = "cpu"

    def __init__(self, model, num, threads):
        self.cpu = CpuSimulator(model, num, threads)
        self.num, self.model, self.orphaned = num, model, False
        self.qpos, self.qvel, self.ctrl = (tensor(values) for values in (self.cpu.qpos, self.cpu.qvel, self.cpu.ctrl))
        self.expanded = {}

    def array(self, values):
        return torch.as_tensor(host(values), dtype=torch.float64).clone().as_subclass(DeviceTensor)

    def zeros(self, *shape, dtype=""):
        return tensor(np.zeros((self.num, *shape), dtype or np.float64))

    def site(self, name):
        return SimpleNamespace(xpos=tensor(self.cpu.site(name).xpos))

    def body(self, name):
        body = self.cpu.body(name)
        return SimpleNamespace(id=body.id, xpos=tensor(body.xpos), xquat=tensor(body.xquat))

    def joint(self, name):
        joint = self.cpu.joint(name)
        return SimpleNamespace(qpos=tensor(joint.qpos), qvel=tensor(joint.qvel))

    def mocap_pos(self, body):
        return tensor(self.cpu.mocap_pos(body))

    def mocap_quat(self, body):
        return tensor(self.cpu.mocap_quat(body))

    def bind(self, field):
        return tensor(self.cpu.bind(field))

    def expand(self, field):
        self.expanded.setdefault(field, tensor(self.cpu.expand(field)))
        return self.expanded[field]

    def restore_expanded(self, ids):
        self.cpu.restore_expanded(host(ids))

    def set_const(self, ids=None):
        self.cpu.set_const(host(ids))

    def reset(self, ids):
        self.cpu.reset(host(ids))

    def forward(self, ids=None):
        self.cpu.forward(host(ids))

    def step(self, nstep, ids=None):
        self.cpu.step(nstep, host(ids))

    def diverged(self):
        rows = self.cpu.diverged()
        return None if rows is None else tensor(rows)

    def get_state(self):
        return self.cpu.get_state()

    def set_state(self, state):
        self.cpu.set_state(state)

    def check_capacity(self):
        self.cpu.check_capacity()

    def load_row(self, row, model, data):
        self.cpu.load_row(row, model, data)
