"""N simulations of one model: what components and the engine see of a simulator, and the one that runs on CPUs.

The names are MuJoCo's own, those of `mujoco.batch.Batch`. State arrays (qpos, ctrl, mocap_pos) are live and
writable; derived ones (xpos) are live, read-only, and current after `step`, `forward` and nothing else.
"""

import ctypes
import os
import weakref
from operator import attrgetter
from typing import Any, Protocol

import mujoco
import numpy as np
from mujoco.batch import Batch

from robodl_envs.arrays import Array, did_you_mean, sum_of_squares
from robodl_envs.scene import quiet_log

# Enum members as plain integers: Batch takes those, and they are cheaper to pass.
STAGE_NONE = int(mujoco.mjtStage.mjSTAGE_NONE)
STAGE_VEL = int(mujoco.mjtStage.mjSTAGE_VEL)
MAX_SPEED = 1e4  # rad/s or m/s; beyond it a simulation has exploded, though MuJoCo waits until 1e10
BAD_STATE = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)


class Simulator(Protocol):
    """Every member that components and the engine use, as CpuSimulator explains them; arrays are of one library."""

    backend: str
    num: int
    model: mujoco.MjModel
    expanded: dict[str, Array]
    qpos: Array
    qvel: Array
    ctrl: Array

    orphaned: bool

    def array(self, values: Any) -> Array: ...
    def zeros(self, *shape: int, dtype: str = "") -> Array: ...
    def site(self, name: str) -> Any: ...
    def body(self, name: str) -> Any: ...
    def joint(self, name: str) -> Any: ...
    def sensor(self, name: str) -> Any: ...
    def mocap_pos(self, body: str) -> Array: ...
    def mocap_quat(self, body: str) -> Array: ...
    def bind(self, field: str) -> Array: ...
    def expand(self, field: str) -> Array: ...
    def restore_expanded(self, ids: Array) -> None: ...
    def set_const(self, ids: Array | None = None) -> None: ...
    def reset(self, ids: Array) -> None: ...
    def forward(self, ids: Array | None = None) -> None: ...
    def step(self, nstep: int, ids: Array | None = None) -> None: ...
    def diverged(self) -> Array | None: ...
    def check_capacity(self) -> None: ...
    def load_row(self, row: int, model: mujoco.MjModel, data: mujoco.MjData) -> None: ...
    def get_state(self) -> dict[str, Any]: ...
    def set_state(self, state: dict[str, Any]) -> None: ...


class CpuSimulator:
    """A Simulator on a thread pool: a thin face of `mujoco.batch.Batch`.

    Args:
        model: compiled model, shared by all rows.
        num: number of rows.
        threads: worker threads; 0 for one per core.
    """

    backend = "cpu"  # the name of the setting that asks for it

    def __init__(self, model: mujoco.MjModel, num: int, threads: int):
        quiet_log()
        self.num, self.model = num, model
        self.batch = batch = Batch(model, num, threads)
        self.orphaned = False  # whether a fork left this process without the simulator's threads
        survive_fork(self)
        self.qpos, self.qvel, self.ctrl = batch.qpos, batch.qvel, batch.ctrl  # (N, nq), (N, nv), (N, nu), live
        self.bind = batch.bind  # a field of the rows' data, such as cam_xpos, (N, ...), live
        # A site, body, joint or sensor by name, with MuJoCo's fields as live arrays, (N, ...), such as xpos.
        self.site, self.body, self.joint, self.sensor = batch.site, batch.body, batch.joint, batch.sensor
        self.expanded: dict[str, np.ndarray] = {}  # fields of the model that rows own, (N, ...), live
        self.defaults: dict[str, np.ndarray] = {}  # the model's own values of these
        self._bad = batch.warning[:, BAD_STATE, 1]  # (N, 3) counters, live
        self._remember_bad()

    def array(self, values: Any) -> np.ndarray:
        """Constants as floats of this simulator's library, dtype and device."""
        return np.array(values, np.float64)

    def zeros(self, *shape: int, dtype: str = "") -> np.ndarray:
        """Zeros, (N, *shape); of floats unless a dtype such as "bool" or "int64" is named."""
        return np.zeros((self.num, *shape), dtype or np.float64)

    def mocap_pos(self, body: str) -> np.ndarray:
        """Position of a mocap body, (N, 3), world frame, live and writable."""
        return self.batch.mocap_pos[:, mocap_id(self.model, body)]

    def mocap_quat(self, body: str) -> np.ndarray:
        """Orientation of a mocap body, (N, 4), world frame, live and writable."""
        return self.batch.mocap_quat[:, mocap_id(self.model, body)]

    def expand(self, field: str) -> np.ndarray:
        """A field of the model with each row's own values, (N, ...), live and writable; the model's at a reset."""
        if field not in self.expanded:
            self.defaults[field] = model_field(self.model, field).copy()
            self.expanded[field] = self.batch.expand(field)
        return self.expanded[field]

    def restore_expanded(self, ids: np.ndarray) -> None:
        """Put the model's values back into the expanded fields of rows ids."""
        for field, values in self.expanded.items():
            values[ids] = self.defaults[field]

    def set_const(self, ids: np.ndarray | None = None) -> None:
        """Derive anew what MuJoCo derives from expanded fields, such as inertias from masses, in rows ids (None: all).

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
        """Rows, (N,) bool, that exploded since the last call, and are reset: by MuJoCo, or as they are faster than
        MAX_SPEED; None when there are none.
        """
        rows = None
        if self._bad.tobytes() != self._seen_bytes:  # comparing arrays costs 2 us more, every step
            rows = (self._bad != self._seen).any(axis=1)
            self._remember_bad()
        if not sum_of_squares(self.qvel) < MAX_SPEED**2:  # of all rows together: rarely so, then look closer
            fast = ~(np.abs(self.qvel).max(axis=1) < MAX_SPEED)
            if fast.any():
                ids = np.flatnonzero(fast)
                self.reset(ids)
                self.forward(ids)
                rows = fast if rows is None else rows | fast
        return rows

    def check_capacity(self) -> None:
        """Nothing: MuJoCo makes room for all contacts. Other simulators raise where they had none."""

    def _remember_bad(self) -> None:
        self._seen, self._seen_bytes = self._bad.copy(), self._bad.tobytes()

    def load_row(self, row: int, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Copy a row's model and state into others'."""
        if self.expanded:
            self.batch.get_model(row, model)
        self.batch.get_data(row, data)

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of all rows."""
        expanded = {field: values.copy() for field, values in self.expanded.items()}
        return {"state": self.batch.state.copy(), "warning": self.batch.warning.copy(), "expanded": expanded}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a copy made by `get_state`."""
        self.batch.state[:] = state["state"]
        self.batch.warning[:] = state["warning"]
        # Files drop an empty dict; version 0.1 called it "own".
        for field, values in state.get("expanded", state.get("own", {})).items():
            self.expanded[field][:] = values
        self.set_const()
        self._remember_bad()
        self.forward()


def mocap_id(model: mujoco.MjModel, body: str) -> int:
    """The number of a mocap body; KeyError for a body that is none."""
    found = int(model.body(body).mocapid[0])
    if found < 0:
        names = [model.body(i).name for i in range(model.nbody) if model.body_mocapid[i] >= 0]
        raise KeyError(f"body {body!r} is not a mocap body; these are: {', '.join(names) or 'none'}")
    return found


def model_field(model: mujoco.MjModel, field: str) -> np.ndarray:
    """A field of a model, or of its options, such as opt.gravity; ValueError with near names if there is none."""
    fields = [name for name in dir(model) if not name.startswith("_")]
    if field.partition(".")[0] not in fields:
        raise ValueError(f"{field} is not a field of MjModel{did_you_mean(field, fields)}")
    return np.asarray(attrgetter(field)(model))


def survive_fork(simulator: CpuSimulator) -> None:
    """Mark a simulator `orphaned` in forked children, which have its memory and none of its threads.

    Stepping such a copy would hang, and so would freeing its thread pool, which waits for the threads: the pool is kept
    for ever. It is held from before the fork: in the child, garbage may be collected before anything else could run. It
    may outlive its simulator: arrays of components hold on to it until the garbage collector comes.
    """
    if not hasattr(os, "register_at_fork"):
        return
    simulator_ref, pool_ref = weakref.ref(simulator), weakref.ref(simulator.batch._b)
    held: list[Any] = []  # the pool, while a fork is under way

    def orphan() -> None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(held.pop()))
        if (found := simulator_ref()) is not None:
            found.orphaned = True

    os.register_at_fork(before=lambda: held.append(pool_ref()), after_in_parent=held.clear, after_in_child=orphan)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
