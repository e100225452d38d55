"""Settings of an environment: every constructor argument, declared and checked once, and refused in one line."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

import mujoco
from gymnasium.vector import AutoresetMode

from robodl_envs import registry
from robodl_envs.arrays import check_choice, did_you_mean
from robodl_envs.cameras import CameraSensors
from robodl_envs.checks import check_once
from robodl_envs.engine import BatchEnv
from robodl_envs.host_batch import HostBatch
from robodl_envs.observation import OBSERVATIONS
from robodl_envs.randomization.settings import Randomize, randomize_settings
from robodl_envs.renamed import adopt_old_hooks
from robodl_envs.rendering.gl_renderer import GlRenderer
from robodl_envs.rendering.modalities import ImageSpec
from robodl_envs.rendering.ray_renderer import RayRenderer
from robodl_envs.rewards import REWARDS
from robodl_envs.robots.robot import Robot
from robodl_envs.scene import CONTROL_DT, TIMESTEP
from robodl_envs.simulator import CpuSimulator, Simulator, available_cores
from robodl_envs.tasks.task import Task

MAX_ROWS = 1_000_000
RENDER_MODES = ["rgb_array"]
BACKENDS, ARRAYS = ("cpu", "warp"), ("torch", "numpy")
CAPACITIES = ("contacts", "constraints")
OF_WARP: dict[str, Any] = {
    "device": None,
    "arrays": "torch",
    "deterministic": True,
    "capacity": {},
}  # settings of backend="warp" alone
RENDERERS = ("ray", "gl")
OF_IMAGES = ("cameras", "image_size", "renderer")  # settings that observation="state" does not take


@dataclass
class EnvSettings:
    """Arguments of an environment besides its task.

    Args:
        robot: name of a registered robot.
        control: "tool" for Cartesian increments of the tool, "joint" for increments of the joint angles.
        reward: "dense", "sparse" (0 at the goal, -1 elsewhere), or "shaped" (the speed of approach to the goal, m/s).
        observation: "state", "image" or "image+state".
        cameras: names of images: front, side, top, overview, table, wrist, or one of the task's own, each also with
            _depth (m, float32) or _segmentation (0 background, 1 floor, 2 robot, 3 goal, 4 objects) appended. None for
            the task's own choice: for most of them front and side.
        image_size: pixels, or (height, width).
        renderer: of the images: "ray" casts rays, which need no driver; "gl" draws with OpenGL, which is faster
            for large images and the wrist's camera, and falls back to rays where there is no OpenGL.
        randomize: what varies from episode to episode: "visuals", "cameras", "physics", "sensors", "all", or numbers
            by name, as {"colors": 0.1}; see Randomize. Goals, and with them rewards and success, are exact
            whatever it says.
        control_dt: seconds of one step, a multiple of the timestep.
        timestep: seconds of one step of MuJoCo, 0.0005 to 0.01: 0.008 makes steps 1.6 times as fast.
        max_episode_steps: steps after which an episode is truncated; None for never.
        render_mode: "rgb_array" or None.
        threads: simulation threads; 0 for one per core.
    """

    robot: str = "panda"
    control: str = "tool"
    reward: str = "dense"
    observation: str = "state"
    cameras: Sequence[str] | None = None
    image_size: int | Sequence[int] = 64
    renderer: str = "ray"
    randomize: Randomize | Mapping[str, Any] | str | None = None
    control_dt: float = CONTROL_DT
    timestep: float = TIMESTEP
    max_episode_steps: int | None = None
    render_mode: str | None = None
    threads: int = 1
    num_envs, backend, arrays = 1, "cpu", "numpy"  # no settings of a single environment

    def __post_init__(self):
        check_choice("observation", self.observation, OBSERVATIONS)
        check_choice("reward", self.reward, REWARDS)
        check_choice("renderer", self.renderer, RENDERERS)
        if self.observation == "state":
            for each in fields(EnvSettings):
                if each.name in OF_IMAGES and getattr(self, each.name) != each.default:
                    way_out = "give observation='image' or 'image+state'"
                    raise ValueError(f"{each.name} is of images, which observation='state' has none of: {way_out}")
        if self.threads < 0:
            raise ValueError(f"threads must be 0 (one per core) or more, got {self.threads}")
        steps = self.max_episode_steps
        if steps is not None and steps < 1:
            raise ValueError(f"max_episode_steps must be at least 1, or None for no limit, got {steps}")
        if self.render_mode is not None and self.render_mode not in RENDER_MODES:
            raise ValueError(f"render_mode must be 'rgb_array' or None, got {self.render_mode!r}")

    @classmethod
    def split(cls, task: str | Task, values: Mapping[str, Any]) -> tuple["EnvSettings", Task]:
        """Settings and task, made of values by name: copies, independent of what the caller keeps.

        Raises:
            TypeError: a name that neither the environment nor the task has for a setting.
        """
        found = registry.task_class(task) if isinstance(task, str) else task
        if not dataclasses.is_dataclass(found):
            raise TypeError(f"a task must be a dataclass, whose fields are its settings, got {found!r}")
        of_task = {each.name for each in fields(found) if each.init}
        known = {each.name for each in fields(cls)} | of_task
        for name in values:
            if name not in known:
                # Gymnasium's wrappers, TorchRL's among them, look for Python's own words.
                words = f"got an unexpected keyword argument {name!r}"
                if name in {each.name for each in fields(VectorEnvSettings)}:
                    raise TypeError(f"{words}: {name} is of vector environments, see make_vec")
                raise TypeError(f"{words}: no setting named {name!r}{did_you_mean(name, known)}")
        own = {name: value for name, value in values.items() if name in of_task}
        if isinstance(found, type):
            task = found(**own)  # type: ignore[assignment]
        else:
            task = copy.deepcopy(dataclasses.replace(found, **own) if own else found)  # type: ignore
        return cls(**copy.deepcopy({name: values[name] for name in values if name not in of_task})), task  # type: ignore

    def make_batch(self, task: Task) -> BatchEnv | HostBatch:
        """A BatchEnv of a copy of the task: two environments never share one."""
        task = copy.deepcopy(task)
        adopt_old_hooks(type(task))
        robot_class = registry.robot_class(self.robot)
        if reason := task.unsupported_reason(robot_class):
            others = [
                name for name in registry.robot_names() if not task.unsupported_reason(registry.robot_class(name))
            ]
            fitting = f"it is done by {', '.join(others) or 'no robot'}"
            raise ValueError(f"robot={self.robot} does not do {type(task).__name__}: {reason}; {fitting}")

        def make_robot() -> Robot:
            return robot_class(control=self.control, gripper=task.gripper, rotation=task.rotation)

        simulator, num = self.simulator(task), self.num_envs
        robot, randomize, cameras = make_robot(), randomize_settings(self.randomize), None
        check_once(task, robot_class, lambda rows: BatchEnv(make_robot(), copy.deepcopy(task), rows, threads=1))
        if self.observation != "state":
            names = checked_names(task.cameras if self.cameras is None else self.cameras)
            drawing = max(1, min(self.threads or available_cores(), self.num_envs))
            size, make_renderer = checked_size(self.image_size), self.make_renderer(drawing)
            cameras = CameraSensors(robot, names, size, make_renderer, self.renderer_name, randomize)
        batch = BatchEnv(
            robot,
            task,
            num,
            self.control_dt,
            self.reward,
            self.max_episode_steps,
            self.threads,
            self.observation,
            cameras,
            randomize,
            self.timestep,
            simulator,
        )
        return batch if self.backend == "cpu" or self.arrays == "torch" else HostBatch(batch)

    def simulator(self, task: Task) -> Callable[[mujoco.MjModel, int, int], Simulator]:
        """Maker of the simulator of a task's model, a number of rows and a number of threads."""
        return CpuSimulator

    def make_renderer(self, threads: int) -> Callable[[Any, ImageSpec], Any]:
        """Maker of the renderer of a simulator and the images to draw, with so many threads of its own."""
        return RayRenderer if self.renderer == "ray" else lambda sim, spec: GlRenderer(sim, spec, threads)

    @property
    def renderer_name(self) -> str:
        """The name of what draws images."""
        return self.renderer


@dataclass
class VectorEnvSettings(EnvSettings):
    """Arguments of a vector environment besides its task.

    Args:
        num_envs: number of arms N.
        autoreset_mode: when an ended episode's row begins anew: AutoresetMode.NEXT_STEP, SAME_STEP or DISABLED.
        backend: "cpu", MuJoCo on all cores; or "warp", MuJoCo Warp on a GPU, for thousands of rows.
        device: of backend="warp", as torch names it; None for the first GPU, or the CPU where there is none.
        arrays: of backend="warp": "torch" for tensors on the device, or "numpy".
        deterministic: with backend="warp", the same bits in each run on one device; False is faster on a GPU.
        capacity: of backend="warp": {"contacts": ..., "constraints": ...}, room for those of a row, on average over all
            rows and in each row, where the registry's does not do; an episode that needed more ends in an error.
        threads: simulation threads; 0, the default here, for one per core.
        Others: as EnvSettings'.
    """

    threads: int = 0
    num_envs: int = 1
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP
    backend: str = "cpu"
    device: str | None = None
    arrays: str = "torch"
    deterministic: bool = True
    capacity: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        super().__post_init__()
        check_choice("backend", self.backend, BACKENDS)
        check_choice("arrays", self.arrays, ARRAYS)
        if self.backend == "warp" and self.renderer == "gl":
            raise ValueError("renderer='gl' is of backend='cpu': MuJoCo Warp casts rays")
        if self.backend == "cpu":
            for name, default in OF_WARP.items():
                if getattr(self, name) != default:
                    raise ValueError(f"{name} is of backend='warp', got backend='cpu'")
        for name, value in self.capacity.items():
            check_choice("capacity", name, CAPACITIES)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"capacity must be whole numbers from 1 on, got {value!r} {name}")
        if self.num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {self.num_envs}")
        if self.num_envs > MAX_ROWS:
            raise ValueError(f"num_envs must be at most {MAX_ROWS:,}, which take 4 GB of memory, got {self.num_envs:,}")
        try:
            self.autoreset_mode = AutoresetMode(self.autoreset_mode)
        except ValueError:
            modes = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise ValueError(f"autoreset_mode must be one of {modes}, got {self.autoreset_mode!r}") from None

    def simulator(self, task):
        if self.backend == "cpu":
            return CpuSimulator
        try:
            from robodl_envs.warp_device import checked_device
            from robodl_envs.warp_simulator import WarpSimulator
        except ImportError as error:
            raise ValueError(f"backend='warp' needs what pip install 'robodl[warp]' installs: {error}") from None
        device = checked_device(self.device)
        name = registry.task_name(task)
        room = registry.task_entry(name).capacity if name else registry.TaskEntry.capacity
        more: dict[str, Any] = {"deterministic": self.deterministic}
        more |= {**dict(zip(CAPACITIES, room, strict=True)), **self.capacity}
        return lambda model, num, threads: WarpSimulator(model, num, device, **more)

    def make_renderer(self, threads):
        if self.backend == "cpu":
            return super().make_renderer(threads)
        from robodl_envs.rendering.warp_renderer import WarpRenderer

        return WarpRenderer

    @property
    def renderer_name(self) -> str:
        return self.renderer if self.backend == "cpu" else self.backend


def gives_tensors(settings: Mapping[str, Any]) -> bool:
    """Test whether a vector environment of these settings, by name, gives torch tensors."""
    return settings.get("backend", "cpu") == "warp" and settings.get("arrays", "torch") == "torch"


def signature(settings: type[EnvSettings]) -> inspect.Signature:
    """The signature of a constructor of (task, **settings), which help() shows."""
    task = inspect.Parameter("task", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str | Task)
    return inspect.Signature([task, *inspect.signature(settings).parameters.values()])


def checked_names(cameras: str | Sequence[str]) -> list[str]:
    names = [cameras] if isinstance(cameras, str) else list(cameras)
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"cameras must be names of images, such as ['front', 'wrist_depth'], got {cameras!r}")
    return names


def checked_size(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) of an image_size, which is one number for both or a pair."""
    sides = [size, size] if isinstance(size, Integral) else list(size) if isinstance(size, Sequence) else []
    if len(sides) != 2 or not all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides):
        raise ValueError(f"image_size must be an integer or (height, width), pixels, got {size!r}")
    return int(sides[0]), int(sides[1])
