"""Dynamics: masses, friction, damping, servos and gravity that vary from episode to episode."""

import math

import numpy as np

from robodl_envs.arrays import array, namespace
from robodl_envs.component import Component
from robodl_envs.randomization.settings import Randomize

# By setting: fields of the model whose elements are scaled, each by a factor of its own, which a group's fields share.
SCALED_FIELDS: dict[str, list[tuple[str, ...]]] = {
    "mass": [("body_mass", "body_inertia")],
    "friction": [("geom_friction",), ("pair_friction",), ("dof_frictionloss",)],
    "damping": [("dof_damping", "dof_dampingpoly")],
    "gain": [("actuator_gainprm", "actuator_biasprm")],
}


class Dynamics(Component):
    """Varies the rows' own physics at the start of each episode; sizes and positions stay as they are.

    A servo's gain scales all of its force, what brakes it too: it gets weaker or stronger, hardly slower or faster, and
    its force limit stays. A robot compensates the gravity that really pulls at its links; it does not know its loads.
    """

    def __init__(self, settings: Randomize):
        self.settings = settings

    def bind(self, sim):
        self.sim, model = sim, sim.model
        self.groups = [  # [(share, [(the model's values, the rows' values, live), ...]), ...]
            (share, [(sim.array(getattr(model, field)), sim.expand(field)) for field in group])
            for name, groups in SCALED_FIELDS.items()
            if (share := getattr(self.settings, name))
            for group in groups
            if len(getattr(model, group[0]))
        ]
        self.gravity = sim.expand("opt.gravity") if self.settings.gravity_tilt else None  # (N, 3) m/s^2
        self.down = sim.array(model.opt.gravity)  # (3,) m/s^2

    def reset(self, ids, rng):
        for share, fields in self.groups:
            count = len(fields[0][0])
            factor = rng.uniform(ids, np.full(count, 1.0 - share), 1.0 + share)  # (n, elements)
            for default, expanded in fields:
                scaled = default * factor.reshape(*factor.shape, *[1] * (default.ndim - 1))
                expanded[ids] = array(scaled, expanded)
        if self.gravity is not None:
            tilt = rng.uniform(ids, 0.0, math.radians(self.settings.gravity_tilt))
            heading = rng.uniform(ids, 0.0, 2.0 * math.pi)
            xp = namespace(tilt)
            sideways = xp.stack([xp.cos(heading), xp.sin(heading), 0.0 * heading], axis=1)  # (n, 3)
            strength = xp.linalg.norm(self.down)
            self.gravity[ids] = xp.cos(tilt)[:, None] * self.down + strength * xp.sin(tilt)[:, None] * sideways
        self.sim.set_const(ids)
