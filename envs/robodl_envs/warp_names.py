"""Parts of a WarpSimulator's model by name, with live tensors."""

from typing import Any

import torch


class Named:
    """A site, body or other thing by name, with MuJoCo's fields as live tensors, (N, ...), such as xpos."""

    def __init__(self, sim: Any, prefix: str, index: int):
        self.id, self._sim, self._prefix = index, sim, prefix

    def __getattr__(self, field: str) -> torch.Tensor:
        if field.startswith("_"):
            raise AttributeError(field)
        return self._sim.bind(self._prefix + field)[:, self.id]


class NamedJoint:
    """A joint by name, with its live coordinates."""

    def __init__(self, sim: Any, name: str):
        joint = sim.model.joint(name)
        self.id, first, first_dof = joint.id, int(joint.qposadr[0]), int(joint.dofadr[0])
        self.qpos = sim.qpos[:, first : first + len(joint.qpos0)]
        self.qvel = sim.qvel[:, first_dof : first_dof + len(joint.damping)]


class NamedSensor:
    """A sensor by name, with its live reading."""

    def __init__(self, sim: Any, name: str):
        sensor = sim.model.sensor(name)
        self.id, first = sensor.id, int(sensor.adr[0])
        self.data = sim.bind("sensordata")[:, first : first + int(sensor.dim[0])]
