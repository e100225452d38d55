"""N simulations of one model on MuJoCo Warp: torch tensors that share memory with Warp's arrays, on a GPU or a CPU.

Imported where backend="warp" is asked for and nowhere else: it imports torch and Warp.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import mujoco
import numpy as np
import torch

from robodl_envs.arrays import did_you_mean
from robodl_envs.simulator import MAX_SPEED, mocap_id, model_field
from robodl_envs.warp_device import mujoco_warp, notify_compilation, warp
from robodl_envs.warp_names import Named, NamedJoint, NamedSensor

STATE = (  # all that changes with time; what MuJoCo derives from it follows
    "time",
    "qpos",
    "qvel",
    "act",
    "ctrl",
    "qacc_warmstart",
    "mocap_pos",
    "mocap_quat",
    "eq_active",
    "qfrc_applied",
    "xfrc_applied",
)
# Fields that `mujoco_warp.set_const` derives from others of the model: rows that own one of those own these, too.
DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "tendon_invweight0",
    "tendon_length0",
    "actuator_acc0",
    "geom_aabb",
    "geom_rbound",
    "cam_pos0",
    "cam_poscom0",
    "cam_mat0",
    "light_pos0",
    "light_poscom0",
    "light_dir0",
)
ITERATIONS = mujoco_warp.OverflowType.ITERATIONS | mujoco_warp.OverflowType.LS_ITERATIONS  # as MuJoCo, silently
FULL = {  # what to enlarge where something is full
    "contacts": mujoco_warp.OverflowType.BROADPHASE
    | mujoco_warp.OverflowType.NARROWPHASE
    | mujoco_warp.OverflowType.CCD,
    "constraints": mujoco_warp.OverflowType.NEFC | mujoco_warp.OverflowType.NJMAX_NNZ,
}


MORE_CONTACTS = 256  # room beside that of each row: few rows may be far above their average


@warp.kernel(enable_backward=False)
def restore_broken_rows(
    max_speed: float,
    initial_qpos: warp.array[float],
    qpos: warp.array2d[float],
    qvel: warp.array2d[float],
    qacc_warmstart: warp.array2d[float],
    ctrl: warp.array2d[float],
    broken: warp.array[bool],
):
    """Put rows that are not finite, or too fast, into the model's initial pose, and mark them.

    Of a command that is not finite nothing else would tell: servos clamp it to the end of its range.
    """
    row, wrong = warp.tid(), warp.int32(0)
    for i in range(qpos.shape[1]):
        if not warp.isfinite(qpos[row, i]):
            wrong += 1
    for i in range(qvel.shape[1]):
        if not warp.abs(qvel[row, i]) < max_speed:  # NaN, too
            wrong += 1
    for i in range(ctrl.shape[1]):
        if not warp.isfinite(ctrl[row, i]):
            wrong += 1
    if wrong > 0:
        broken[row] = True
        for i in range(ctrl.shape[1]):
            ctrl[row, i] = 0.0
        for i in range(qpos.shape[1]):
            qpos[row, i] = initial_qpos[i]
        for i in range(qvel.shape[1]):
            qvel[row, i] = 0.0
            qacc_warmstart[row, i] = 0.0


class WarpSimulator:
    """A Simulator over `mujoco_warp`; CpuSimulator explains its members. Floats are float32.

    A step moves all rows: those that are not to move are reset by the engine right after. On a GPU a step is a captured
    graph: fields must be expanded before the first one.

    Args:
        model: compiled model, shared by all rows.
        num: number of rows.
        device: torch's name of the device, such as "cuda:0" or "cpu".
        deterministic: same bits in each run on one device; False is faster on a GPU, as sums are in any order.
        contacts, constraints: capacity, of a row, on average over all rows, and of each row.
    """

    backend = "warp"
    orphaned = False  # a forked child can't use a GPU, and Warp's CPU device has no threads

    def __init__(
        self,
        model: mujoco.MjModel,
        num: int,
        device: str = "cpu",
        deterministic: bool = True,
        contacts: int = 64,
        constraints: int = 192,
    ):
        notify_compilation()
        self.num, self.model, self.device = num, model, torch.device(device)
        self.warp_device = warp.device_from_torch(self.device)
        self.capacity = {"contacts": contacts, "constraints": constraints}
        with self.on_device():
            self.m = mujoco_warp.put_model(model)
            room = contacts * num + MORE_CONTACTS
            self.d = mujoco_warp.make_data(model, nworld=num, naconmax=room, njmax=constraints)
            self.m.opt.warn_overflow = 0  # `check_capacity` tells
            flags = mujoco_warp.DeterminismType
            self.m.opt.deterministic = flags.ALL if deterministic else flags.NONE
            self._initial_qpos = warp.array(model.qpos0, dtype=float)
            self._broken = warp.zeros(num, dtype=bool)
        self.qpos, self.qvel, self.ctrl = (warp.to_torch(getattr(self.d, name)) for name in ("qpos", "qvel", "ctrl"))
        self.state = {name: warp.to_torch(getattr(self.d, name)) for name in STATE}
        self.initial = initial_state(model, self.state)
        self.broken = warp.to_torch(self._broken)
        self.overflow = warp.to_torch(self.d.overflow)
        self.expanded: dict[str, torch.Tensor] = {}
        self.defaults: dict[str, torch.Tensor] = {}
        # A step allocates memory, which a graph can hold only where Warp keeps a pool of it.
        self.captures = self.device.type == "cuda" and warp.is_mempool_enabled(self.warp_device)
        self.graphs: dict[str, Any] = {}  # of a step's parts, by name

    @contextlib.contextmanager
    def on_device(self) -> Iterator[None]:
        """Have Warp work on the simulator's device, in torch's order of work."""
        with warp.ScopedDevice(self.warp_device):
            if self.device.type == "cpu":
                yield
            else:
                with warp.ScopedStream(warp.stream_from_torch(torch.cuda.current_stream(self.device))):
                    yield

    def array(self, values: Any) -> torch.Tensor:
        values = values if isinstance(values, torch.Tensor) else np.asarray(values, np.float32)
        return torch.as_tensor(values, dtype=torch.float32, device=self.device).clone()

    def zeros(self, *shape: int, dtype: str = "") -> torch.Tensor:
        return torch.zeros(self.num, *shape, dtype=getattr(torch, dtype or "float32"), device=self.device)

    def site(self, name: str) -> "Named":
        return Named(self, "site_", self.model.site(name).id)

    def body(self, name: str) -> "Named":
        return Named(self, "", self.model.body(name).id)

    def joint(self, name: str) -> "NamedJoint":
        return NamedJoint(self, name)

    def sensor(self, name: str) -> "NamedSensor":
        return NamedSensor(self, name)

    def mocap_pos(self, body: str) -> torch.Tensor:
        return self.state["mocap_pos"][:, mocap_id(self.model, body)]

    def mocap_quat(self, body: str) -> torch.Tensor:
        return self.state["mocap_quat"][:, mocap_id(self.model, body)]

    def bind(self, field: str) -> torch.Tensor:
        found = getattr(self.d, field, None)
        if not isinstance(found, warp.array):
            raise ValueError(f"{field} is not a field of the data{did_you_mean(field, vars(self.d))}")
        values = warp.to_torch(found)
        return values.flatten(2) if values.ndim == 4 else values  # matrices, (N, n, 9), as MuJoCo's

    def expand(self, field: str) -> torch.Tensor:
        if field not in self.expanded:
            default = self.array(model_field(self.model, field))
            owner = self.m.opt if field.startswith("opt.") else self.m
            self.expanded[field] = self._tile(owner, field.removeprefix("opt."))
            self.defaults[field] = default.reshape(self.expanded[field].shape[1:])
            if field in mujoco.MjModel._setconst_inputs:
                self._tile_derived()
        return self.expanded[field]

    def _tile(self, owner: Any, field: str) -> torch.Tensor:
        """Give each row its own values of a field of the model."""
        if self.graphs:
            raise RuntimeError(f"{field} must be expanded before the first step")
        shared = getattr(owner, field, None)
        if not isinstance(shared, warp.array):
            raise ValueError(f"MuJoCo Warp has no rows of {field}")
        values = warp.to_torch(shared)[:1].expand(self.num, *warp.to_torch(shared).shape[1:]).contiguous()
        setattr(owner, field, warp.from_torch(values, dtype=shared.dtype))
        return values

    def restore_expanded(self, ids: torch.Tensor) -> None:
        for field, values in self.expanded.items():
            values[ids] = self.defaults[field]

    def set_const(self, ids: torch.Tensor | None = None) -> None:
        """As CpuSimulator's, of all rows: others' values are as they were."""
        if not self.expanded.keys().isdisjoint(mujoco.MjModel._setconst_inputs):
            with self.on_device():
                mujoco_warp.set_const(self.m, self.d)

    def _tile_derived(self) -> None:
        """Give each row its own values of what `set_const` derives."""
        for field in DERIVED:
            values = getattr(self.m, field)
            if values.shape[0] < self.num and values.size:
                self._tile(self.m, field)

    def reset(self, ids: torch.Tensor) -> None:
        for name, values in self.state.items():
            values[ids] = self.initial[name]
        self.overflow[ids] = 0

    def forward(self, ids: torch.Tensor | None = None) -> None:
        """As CpuSimulator's, of all rows: others' poses are as they were."""
        with self.on_device():
            mujoco_warp.fwd_kinematics(self.m, self.d)

    def step(self, nstep: int, ids: torch.Tensor | None = None) -> None:
        with self.on_device():
            for _ in range(nstep):
                self._do(self._substep)
            self._do(self._end_step)

    def _do(self, work: Callable[[], None]) -> None:
        """Do a part of a step, from its graph where there can be one."""
        if not self.captures:
            work()
            return
        if work.__name__ not in self.graphs:
            self.graphs[work.__name__] = self._captured(work)
        warp.capture_launch(self.graphs[work.__name__])

    def _substep(self) -> None:  # a graph of its own: what it allocates it keeps, gigabytes where sums are in order
        mujoco_warp.step(self.m, self.d)

    def _end_step(self) -> None:
        d = self.d
        rows = [self._initial_qpos, d.qpos, d.qvel, d.qacc_warmstart, d.ctrl, self._broken]
        warp.launch(restore_broken_rows, dim=self.num, inputs=[MAX_SPEED, *rows])
        mujoco_warp.fwd_kinematics(self.m, d)

    def _captured(self, work: Callable[[], None]) -> Any:
        """A graph of some work, whose kernels are loaded by doing it once: the state is as before."""
        before = {name: values.clone() for name, values in self.state.items()}
        work()
        for name, values in self.state.items():
            values.copy_(before[name])
        torch.cuda.synchronize(self.device)
        collects = gc.isenabled()
        gc.disable()  # a graph that was freed now would record its end in this one
        try:
            with warp.ScopedStream(warp.Stream(self.warp_device)), warp.ScopedCapture(self.warp_device) as capture:
                work()
        finally:
            if collects:
                gc.enable()
        return capture.graph

    def diverged(self) -> torch.Tensor | None:
        """Rows, (N,) bool, that broke since the last call; None where that is known to be none."""
        broken = self.broken.clone()
        self.broken.zero_()
        return broken if self.device.type != "cpu" or bool(broken.any()) else None

    def check_capacity(self) -> None:
        """RuntimeError if a row had more contacts or constraints than there is room for since its reset."""
        bits = int(self.overflow.max())  # enough to see whether there is any
        if bits == 0:
            return
        found = np.bitwise_or.reduce(self.overflow.cpu().numpy())
        for what, flags in FULL.items():
            if found & flags:
                raise RuntimeError(
                    f"a row has more {what} than the {self.capacity[what]} there is room for: "
                    f"capacity={{'{what}': {2 * self.capacity[what]}}} gives more"
                )

    def load_row(self, row: int, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        for field, values in self.expanded.items():
            mine = model_field(model, field)
            mine[...] = values[row].cpu().numpy().reshape(mine.shape)
        for name, values in self.state.items():
            setattr(data, name, values[row].cpu().numpy())

    def get_state(self) -> dict[str, Any]:
        expanded = {field: values.clone() for field, values in self.expanded.items()}
        return {"state": {name: values.clone() for name, values in self.state.items()}, "expanded": expanded}

    def set_state(self, state: dict[str, Any]) -> None:
        for name, values in self.state.items():
            values.copy_(torch.as_tensor(state["state"][name]))
        for field, values in state.get("expanded", {}).items():  # files drop an empty dict
            self.expanded[field].copy_(torch.as_tensor(values))
        self.broken.zero_()
        self.set_const()
        self.forward()


def initial_state(model: mujoco.MjModel, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A row of each part of the state as MuJoCo begins."""
    data = mujoco.MjData(model)
    return {
        name: torch.as_tensor(np.asarray(getattr(data, name)), dtype=values.dtype).reshape(values.shape[1:]).to(values)
        for name, values in state.items()
    }
