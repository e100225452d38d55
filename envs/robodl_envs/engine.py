"""BatchEnv: N episodes of one robot doing one task. The order of a step is written here and nowhere else."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import mujoco
import numpy as np

from robodl_envs.arrays import (
    Array,
    arange,
    array,
    cast,
    clip,
    concat,
    copy,
    distance,
    namespace,
    on_host,
    rounding_assignments,
    row_ids,
    sum_of_squares,
    zeros,
)
from robodl_envs.cameras import CameraSensors
from robodl_envs.component import Component, Observable, all_parts
from robodl_envs.observation import ObservationLayout, columns_of, in_order, vector_columns
from robodl_envs.perception.perception_task import PerceptionTask
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.noise import SignalNoise
from robodl_envs.randomization.settings import NOTHING, Randomize
from robodl_envs.randomization.variation import Dynamics
from robodl_envs.rewards import EpisodeStats, Rewards
from robodl_envs.robots.robot import Robot
from robodl_envs.scene import CONTROL_DT, TIMESTEP, empty_scene, servo_updates, substeps
from robodl_envs.simulator import CpuSimulator, Simulator, available_cores
from robodl_envs.tasks.task import Task


class BatchEnv:
    """N independent episodes, reset by row ids and stepped together. Knows no autoreset and no Gymnasium.

    Args:
        robot, task: the components; the batch owns them from here on.
        num: number of rows N.
        cameras: the cameras of observation="image" and "image+state"; None with "state".
        Others: as EnvSettings', which checks them.
        simulator: makes a Simulator of a model, a number of rows and a number of threads.

    Settings are checked by EnvSettings; control_dt and timestep are here: see `substeps`.
    """

    saved = ("last_vectors",)

    def __init__(
        self,
        robot: Robot,
        task: Task,
        num: int,
        control_dt: float = CONTROL_DT,
        reward: str = "dense",
        max_episode_steps: int | None = None,
        threads: int = 0,
        observation: str = "state",
        cameras: CameraSensors | None = None,
        randomize: Randomize = NOTHING,
        timestep: float = TIMESTEP,
        simulator: Callable[[mujoco.MjModel, int, int], Simulator] = CpuSimulator,
    ):
        self.num, self.robot, self.task, self.cameras = num, robot, task, cameras
        self.perception = task if isinstance(task, PerceptionTask) else None
        self.threads = min(threads or available_cores(), num)
        self.max_episode_steps = sys.maxsize if max_episode_steps is None else max_episode_steps
        dynamics = Dynamics(randomize) if randomize.varies("physics") else None
        self.components: list[Component] = [part for part in (robot, task, cameras, dynamics) if part is not None]

        self.control_dt, self.timestep, self.nstep = control_dt, timestep, substeps(control_dt, timestep)
        robot.control_dt, robot.timestep, task.robot = control_dt, timestep, robot
        robot.updates = servo_updates(self.nstep, timestep)
        spec = empty_scene(timestep)
        if cameras is not None:
            cameras.scene_box = task.scene_box()
            if self.perception is not None:
                self.perception.image_aspect = cameras.size[1] / cameras.size[0]
        for component in self.components:
            component.build(spec)
        self.model = spec.compile()
        self.action_size = robot.action_size + (self.perception.output_size if self.perception else 0)
        made_by = {"rows": num, "robot": robot, "task": task, "reward": reward, "observation": observation}
        made_by |= {"cameras": cameras, "randomize": randomize, "control_dt": control_dt, "timestep": timestep}
        made_by |= {"mujoco": mujoco.__version__}
        self.observation, self.make_simulator = observation, simulator
        self.bind()
        made_by["backend"] = self.sim.backend
        self.made_by = {name: str(value) for name, value in made_by.items()}  # a state must be of the same to fit
        self.rng = RandomStreams(num, self.sim.qpos)
        self.stats = EpisodeStats(self.sim.qpos, self.max_episode_steps, control_dt)
        self.last_vectors = zeros(self.low, num, self.layout.size)  # last observed, goals included
        self.rewards = Rewards(task, reward, self.sim.qpos, control_dt)
        self.signals: SignalNoise | None = None
        if randomize.varies("signals"):
            bounds = self.layout.low[self.layout.observed], self.layout.high[self.layout.observed]
            self.signals = SignalNoise(randomize, *bounds, self.action_size)
            self.signals.bind(self.sim)
            self.components.append(self.signals)

    def bind(self) -> None:
        """Make the simulator and hand it to the components: at construction, and in a forked child."""
        self.sim = self.make_simulator(self.model, self.num, self.threads)
        for component in self.components:
            component.bind(self.sim)
        self.all = arange(self.num, self.sim.qpos)
        self.state_observables = in_order([*self.robot.observables(), *self.task.observables()], "state")
        self.state_columns = columns_of(self.state_observables)  # in the vector of observation="state", by name
        self.observables: list[Observable] = in_order(self.state_observables, self.observation)
        goals = self.task.goal_observables()
        self.layout = ObservationLayout(self.observables, goals, self.observation)
        # Columns of observations and actions at which vectors along the world's axes begin.
        self.observed_vectors = vector_columns(self.observables)
        self.goal_is_place = goals[0].unit == "m" and self.layout.first_goal == slice(0, 3)
        self.action_vectors: tuple[int, ...] = self.robot.controller.vectors
        float32 = cast(self.sim.qpos[:0], "float32")
        self.low, self.high = array(self.layout.low, float32), array(self.layout.high, float32)

    def reset(self, ids: Array, seeds: Sequence[int | None] | None = None):
        """Begin new episodes in rows ids, (n,) ascending integers.

        Args:
            seeds: new seeds for the rows' streams, n of them; a row whose seed is None goes on with its stream.

        Returns:
            observation and info as from `step`, of all rows; other rows' episodes are as they were.
        """
        self.survive_fork()
        if seeds is not None:
            seeded = [k for k, seed in enumerate(seeds) if seed is not None]
            self.rng.seed(ids[seeded], np.array([seeds[k] for k in seeded], np.uint64))
        self.begin_episodes(ids)
        observation = self.observe(ids)
        self.rewards.begin(ids, self.last_goals())
        return observation, self.update_success(self.task.success(*self.last_goals()), ids)

    def begin_episodes(self, ids: Array) -> None:
        """Reset the simulation and all components in rows ids."""
        self.sim.check_capacity()
        self.sim.reset(ids)
        self.sim.restore_expanded(ids)
        with rounding_assignments(self.sim.qpos):
            for component in self.components:
                component.reset(ids, self.rng)
        self.sim.forward(ids)
        for component in self.components:
            component.begin(ids)
        self.stats.begin(ids)

    def step(self, action: Array, reset_mask: Array | None = None):
        """Advance all rows by one control step.

        Args:
            action: (N, action_size); out-of-range values act as if clipped to [-1, 1].
            reset_mask: rows, (N,) bool, that begin a new episode instead of acting; their reward is zero.

        Returns:
            observation, a dict of new (N, ...) arrays; reward, terminated, truncated, (N,); info, a dict of (N,)
            ones, the task's metrics among them.

        Raises:
            ValueError: an action of another shape, or with NaN or infinity in it. Nothing has moved then.
        """
        action = self.checked(action)
        self.survive_fork()
        if self.signals is not None:
            action = self.signals.delayed(action)
        size = self.robot.action_size
        if self.perception is not None:
            self.perception.act(action[:, size:])
        self.stats.elapsed += 1
        acted = None if reset_mask is None else row_ids(~reset_mask)
        for _ in range(self.robot.updates):
            self.robot.act(action[:, :size])
            self.sim.step(self.nstep // self.robot.updates, acted)
        diverged = self.sim.diverged()
        if diverged is not None and reset_mask is not None:
            diverged = diverged & ~reset_mask  # a simulator may move rows that begin anew
        self.task.update(self.all if acted is None else acted)
        if reset_mask is not None:
            self.begin_episodes(row_ids(reset_mask))
        observation = self.observe(self.all, diverged)
        goals = self.last_goals()
        info = self.update_success(self.task.success(*goals), diverged=diverged)
        reward = self.rewards.of_step(goals, diverged)
        terminated = self.task.terminated
        terminated = copy(self.stats.nowhere if terminated is None else terminated)
        truncated = self.stats.elapsed >= self.max_episode_steps
        truncated |= info["diverged"]
        if reset_mask is not None:
            reward, terminated, truncated = reward * ~reset_mask, terminated & ~reset_mask, truncated & ~reset_mask
        return observation, reward, terminated, truncated, info

    def update_success(self, success: Array, begun: Array | None = None, diverged: Array | None = None):
        """Count this instant's success into the episodes, of rows `begun` alone if they have just begun: the info."""
        info = self.stats.update_success(success, begun, diverged)
        return info | self.metrics() if self.task.metrics else info

    def metrics(self) -> dict[str, Array]:
        """The task's own metrics of the episodes so far, (N,) each, copied."""
        return {name.rpartition(".")[2]: copy(attrgetter(name)(self.task)) for name in self.task.metrics}

    def last_goals(self) -> tuple[Array, Array]:
        """Achieved and desired goals as last observed, (N, g) float32 each."""
        return self.last_vectors[:, self.layout.achieved], self.last_vectors[:, self.layout.desired]

    def of_goals(self, achieved: Any, desired: Any) -> Array:
        """Rewards, (...,), of goals with any leading axes, (..., g), in the simulator's library."""
        if isinstance(self.last_vectors, np.ndarray):
            return self.rewards.of_goals(np.asarray(achieved), np.asarray(desired))
        return self.rewards.of_goals(array(achieved, self.last_vectors), array(desired, self.last_vectors))

    def goal_distance(self) -> Array:
        """Distances, (N,), from achieved to desired goals as last observed, in their first observable, m mostly."""
        achieved, desired = self.last_goals()
        return distance(achieved[:, self.layout.first_goal], desired[:, self.layout.first_goal])

    def observe(self, ids: Array, diverged: Array | None = None) -> dict[str, Array]:
        """New arrays: vectors, (N, k) float32, clipped to their bounds, and images, drawn anew for rows ids."""
        parts = [each.read() for each in self.observables]  # type: ignore[misc]
        parts += [self.task.achieved_goal(), self.task.desired_goal()]
        vectors = self.layout.vectors(parts, self.low, self.high)
        if diverged is not None:
            vectors = namespace(vectors).where(diverged[:, None], self.last_vectors, vectors)
            if (self.signals is not None or self.cameras is not None) and on_host(diverged):
                ids = ids[~diverged[ids]]  # on another device it would wait, and such rows are observed anew
        if self.signals is not None:
            seen = self.layout.observed
            vectors[:, seen] = self.signals.transmitted(ids, vectors[:, seen], self.last_vectors[:, seen], self.rng)
        self.last_vectors = vectors
        observation = self.layout.split(vectors)
        if self.cameras is not None:
            self.cameras.capture(ids, self.rng)
            observation |= self.cameras.images()
        return observation

    def state_observation(self) -> dict[str, Array]:
        """The observation of observation="state" at this instant, without noise, whatever is observed."""
        achieved, desired = map(copy, self.last_goals())
        values = [each.read() for each in self.state_observables]  # type: ignore[misc]
        return {"observation": concat(values, dtype="float32"), "achieved_goal": achieved, "desired_goal": desired}

    def checked(self, action: Any) -> Array:
        """The action as (N, action_size) floats in [-1, 1]."""
        action = array(action, self.sim.qpos)
        if tuple(action.shape) != (self.num, self.action_size):
            raise ValueError(f"actions must have shape {(self.num, self.action_size)}, got {tuple(action.shape)}")
        # A finite sum of squares tells that all are finite; if it is not, look closer. On another device that would
        # wait for the work before it: what is not finite there makes its row diverge.
        if not on_host(action):
            return clip(action, -1.0, 1.0)
        if not math.isfinite(sum_of_squares(action)) and not (finite := namespace(action).isfinite(action)).all():
            row, column = (int(index[0]) for index in namespace(action).where(~finite))
            raise ValueError(f"actions must be finite, got {action[row, column]} in row {row}, column {column}")
        return clip(action, -1.0, 1.0)

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of everything that changes: physics, goals, controllers, streams."""
        saved = {i: {name: copy(getattr(owner, name)) for name in owner.saved} for i, owner in enumerate(self.owners())}
        return {"made_by": self.made_by, "sim": self.sim.get_state(), "rng": copy(self.rng.state), "saved": saved}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit, from a state of an environment made with the same settings.

        Raises:
            ValueError: the state is of other settings; nothing has changed then.
        """
        self.survive_fork()
        theirs, facts = state.get("made_by"), {"timestep": str(TIMESTEP), "backend": "cpu"}  # of states without
        if isinstance(theirs, Mapping):
            facts |= {name: str(value) for name, value in theirs.items()}
        differing = [name for name, value in self.made_by.items() if facts.get(name) != value]
        if differing:
            words = [f"{name} is {self.made_by[name]}, the state's {facts.get(name)}" for name in differing]
            raise ValueError(f"the state is of another environment: {'; '.join(words)}")
        self.sim.set_state(state["sim"])
        self.rng.state[:] = array(state["rng"], self.rng.state)
        for i, owner in enumerate(self.owners()):
            for name in owner.saved:
                values = getattr(owner, name)
                values[:] = array(state["saved"][i][name], values)

    def owners(self) -> list[Any]:
        """Everything that names arrays in `saved`."""
        return [self, self.stats, self.rewards, *all_parts(self.components)]

    def close(self) -> None:
        """Free what rendering holds. Stepping on is fine: it is made anew."""
        if self.cameras is not None:
            self.cameras.close()

    def survive_fork(self) -> None:
        """A thread pool does not survive a fork: in a child process, make a new one and go on from the same state."""
        if self.sim.orphaned:
            state = self.get_state()
            self.bind()
            self.set_state(state)
