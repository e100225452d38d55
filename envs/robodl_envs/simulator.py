"""What a component sees of a simulator: N simulations of one model.

The names are MuJoCo's own, those of `mujoco.batch.Batch`. State arrays (qpos, ctrl, mocap_pos) are live and
writable; derived ones (xpos) are live, read-only, and current after `step`, `forward` and nothing else.
"""

import ctypes
import functools
import os
import weakref
from operator import attrgetter
from typing import Any, Protocol

import mujoco
import numpy as np
from mujoco.batch import Batch

from robodl_envs.arrays import Array

# Enum members as plain integers: Batch takes those, and they are cheaper to pass.
STAGE_NONE = int(mujoco.mjtStage.mjSTAGE_NONE)
STAGE_VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
BAD_STATE = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


class Simulator(Protocol):
    """N simulations of one model, as components see them."""

    num: int
    model: mujoco.MjModel
    qpos: Array  # (N, nq)
    qvel: Array  # (N, nv)
    ctrl: Array  # (N, nu)
    time: Array  # (N,)

    def site(self, name: str) -> Any: ...
    def body(self, name: str) -> Any: ...
    def joint(self, name: str) -> Any: ...
    def sensor(self, name: str) -> Any: ...
    def mocap_pos(self, body: str) -> Array: ...
    def mocap_quat(self, body: str) -> Array: ...
    def expand(self, field: str) -> Array: ...
    def restore(self, ids: Array) -> None: ...
    def set_const(self, ids: Array | None = None) -> None: ...
    def bind(self, field: str) -> Array: ...
    def reset(self, ids: Array) -> None: ...
    def forward(self, ids: Array | None = None) -> None: ...
    def step(self, nstep: int, ids: Array | None = None) -> None: ...


class CpuSimulator:
    """N simulations on a thread pool: a thin face of `mujoco.batch.Batch`.

    Args:
        model: compiled model, shared by all rows.
        num: number of rows.
        threads: worker threads; 0 for one per core.
    """

    def __init__(self, model: mujoco.MjModel, num: int, threads: int):
        quiet_log()
        self.batch = Batch(model, num, threads)
        self.orphaned = False  # whether this is a copy in a forked child, without its threads
        if hasattr(os, "register_at_fork"):
            held: list[Any] = []  # the batch, while a fork is under way
            os.register_at_fork(
                before=functools.partial(hold, weakref.ref(self.batch._b), held),
                after_in_parent=held.clear,
                after_in_child=functools.partial(orphan, weakref.ref(self), held),
            )
        self.num, self.model = num, model
        self.qpos, self.qvel = self.batch.qpos, self.batch.qvel
        self.ctrl, self.time = self.batch.ctrl, self.batch.time
        self.site, self.body, self.joint, self.sensor = (
            self.batch.site,
            self.batch.body,
            self.batch.joint,
            self.batch.sensor,
        )
        self.bind = self.batch.bind
        self.own: dict[str, np.ndarray] = {}  # fields of the model in which rows differ, (N, ...), live
        self.base: dict[str, np.ndarray] = {}  # what the model itself has there
        self._bad = self.batch.warning[:, BAD_STATE, 1]  # (N, 3) counters, live
        self._remember_bad()

    def mocap_pos(self, body: str) -> np.ndarray:
        """Position of a mocap body, (N, 3), world frame, live and writable."""
        return self.batch.mocap_pos[:, int(self.model.body(body).mocapid[0])]

    def mocap_quat(self, body: str) -> np.ndarray:
        """Orientation of a mocap body, (N, 4), world frame, live and writable."""
        return self.batch.mocap_quat[:, int(self.model.body(body).mocapid[0])]

    def expand(self, field: str) -> np.ndarray:
        """A field of the model with values of each row's own: (N, ...), live and writable.

        At the start of an episode they are the model's.
        """
        if field not in self.own:
            self.base[field] = attrgetter(field)(self.model).copy()  # such as opt.gravity
            self.own[field] = self.batch.expand(field)
        return self.own[field]

    def restore(self, ids: np.ndarray) -> None:
        """Put the model's values back into what rows ids own of it."""
        for field, values in self.own.items():
            values[ids] = self.base[field]

    def set_const(self, ids: np.ndarray | None = None) -> None:
        """Derive anew what MuJoCo derives from fields that rows own, as inertias from masses, in rows ids (None: all).

        For fields in `MjModel._setconst_inputs` and those of its options, after they were written.
        """
        self.batch.set_const(ids)

    def reset(self, ids: np.ndarray) -> None:
        """Put rows ids into the model's initial state; derived arrays follow at the next `forward`."""
        self.batch.reset(ids, stage=STAGE_NONE)
        self._remember_bad()  # a reset row's counters begin at zero again

    def forward(self, ids: np.ndarray | None = None) -> None:
        """Make poses and velocities of rows ids (None: all) current."""
        self.batch.forward(ids, stage=STAGE_VEL)

    def step(self, nstep: int, ids: np.ndarray | None = None) -> None:
        """Advance rows ids (None: all) by nstep timesteps and make poses and velocities current."""
        self.batch.step(ids, nstep, STAGE_VEL)

    def diverged(self) -> np.ndarray | None:
        """Rows, (N,) bool, that MuJoCo found broken and reset since the last call; None when there are none."""
        if self._bad.tobytes() == self._seen_bytes:  # comparing arrays costs 2 us more, every step
            return None
        rows = (self._bad != self._seen).any(axis=1)
        self._remember_bad()
        return rows

    def _remember_bad(self) -> None:
        self._seen, self._seen_bytes = self._bad.copy(), self._bad.tobytes()

    def get_state(self) -> dict[str, Any]:
        """An exact copy of all rows."""
        own = {field: values.copy() for field, values in self.own.items()}
        return {"state": self.batch.state.copy(), "warning": self.batch.warning.copy(), "own": own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a copy made by `get_state`."""
        self.batch.state[:] = state["state"]
        self.batch.warning[:] = state["warning"]
        for field, values in state.get("own", {}).items():
            self.own[field][:] = values
        self.set_const()
        self._remember_bad()
        self.forward()


def quiet_log() -> None:
    """Keep MuJoCo from writing MUJOCO_LOG.TXT into the user's folder: divergence is reported in `info` instead."""
    config = mujoco.MjLogConfig.get()
    config.logto_file = config.logto_console = False
    mujoco.MjLogConfig.set(config)


def hold(batch_ref: "weakref.ref[Any]", held: list[Any]) -> None:
    """Before a fork: keep a batch. In the child, garbage may be collected before anything else that we could run."""
    batch = batch_ref()
    if batch is not None:
        held.append(batch)


def orphan(sim_ref: "weakref.ref[CpuSimulator]", held: list[Any]) -> None:
    """In a forked child: mark a simulator whose threads the fork did not copy, and keep its batch for ever.

    Stepping it would hang, and so would freeing it, which waits for the threads. The batch may outlive it:
    arrays of components hold on to it until the garbage collector comes.
    """
    sim = sim_ref()
    if sim is not None:
        sim.orphaned = True
    for batch in held:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(batch))
    held.clear()
