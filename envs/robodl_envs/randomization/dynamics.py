"""Physics that differs from episode to episode: masses, friction, damping, servos, gravity."""

import math

import numpy as np

from robodl_envs.component import Component
from robodl_envs.randomization.settings import Randomize

# By setting: fields of the model whose elements are scaled, each by a factor of its own, which a group's fields share.
SCALED: dict[str, list[tuple[str, ...]]] = {
    "mass": [("body_mass", "body_inertia")],
    "friction": [("geom_friction",), ("pair_friction",), ("dof_frictionloss",)],
    "damping": [("dof_damping", "dof_dampingpoly")],
    "gain": [("actuator_gainprm", "actuator_biasprm")],
}


class Dynamics(Component):
    """Varies what rows own of the model's physics at the start of each episode; sizes and places stay as they are.

    A servo's gain scales all of its force, what brakes it too: it gets weaker or stronger, hardly slower or faster, and
    its force limit stays. A robot compensates gravity as it really pulls at its links; loads are what it does not know.
    """

    def __init__(self, settings: Randomize):
        self.settings = settings

    def bind(self, sim):
        self.sim, model = sim, sim.model
        self.groups = [  # [(share, [(values of the model, values of the rows, live), ...]), ...]
            (share, [(getattr(model, field).copy(), sim.expand(field)) for field in group])
            for name, groups in SCALED.items()
            if (share := getattr(self.settings, name))
            for group in groups
            if len(getattr(model, group[0]))
        ]
        self.gravity = sim.expand("opt.gravity") if self.settings.gravity_tilt else None  # (N, 3) m/s^2

    def reset(self, ids, rng):
        for share, fields in self.groups:
            factor = rng.uniform(ids, np.full(len(fields[0][0]), 1.0 - share), 1.0 + share)  # (n, elements)
            for base, own in fields:
                own[ids] = base * factor.reshape(*factor.shape, *[1] * (base.ndim - 1))
        if self.gravity is not None:
            tilt = rng.uniform(ids, 0.0, math.radians(self.settings.gravity_tilt))
            way = rng.uniform(ids, 0.0, 2.0 * math.pi)
            down = self.sim.model.opt.gravity
            aside = np.stack([np.cos(way), np.sin(way), np.zeros(len(ids))], axis=1)  # (n, 3)
            strength = np.linalg.norm(down)
            self.gravity[ids] = np.cos(tilt)[:, None] * down + strength * np.sin(tilt)[:, None] * aside
        self.sim.set_const(ids)
