"""BatchEnv: N episodes of one robot doing one task. The order of a step is written here and nowhere else."""

import math
import os
import sys
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

from robodl_envs.cameras import CameraSensors
from robodl_envs.component import Component
from robodl_envs.random_streams import RandomStreams
from robodl_envs.randomization.dynamics import Dynamics
from robodl_envs.randomization.settings import NOTHING, Randomize
from robodl_envs.randomization.signal_noise import SignalNoise
from robodl_envs.robots.robot import Robot
from robodl_envs.scene import empty_scene
from robodl_envs.simulator import CpuSimulator
from robodl_envs.tasks.task import Task

SETTLED_STEPS = 5  # control steps that success must last to count at an episode's end
SENSIBLE_SPEED = 1e4  # rad/s or m/s; beyond it a simulation has exploded, though MuJoCo waits until 1e10
REWARDS = ("dense", "sparse", "shaped")


class BatchEnv:
    """N independent episodes, reset by row ids and stepped together. Knows no autoreset and no Gymnasium.

    Args:
        robot, task: the components; the batch owns them from here on.
        num: number of rows N.
        control_dt: seconds of one step, a multiple of the model's timestep.
        reward: "dense" for the task's own, "sparse" for 0 at the goal and -1 elsewhere, "shaped" for the speed at
            which the task's potential falls, m/s: by default the distance to the goal.
        max_episode_steps: steps after which an episode is truncated; None for never.
        threads: simulation threads; 0 for one per core.
        observation: "state", "image" for pictures and the arm's own joints, or "image+state".
        eyes: the cameras that it sees through; None with "state".
        randomize: how physics varies, and what the wires do to actions and to vectors. Goals, rewards and success are
            exact whatever it says.

    Raises:
        ValueError: control_dt is no multiple of the timestep, or another setting is out of range.
    """

    saved = ("elapsed", "missed", "once", "last", "apart")

    def __init__(
        self,
        robot: Robot,
        task: Task,
        num: int,
        control_dt: float = 0.04,
        reward: str = "dense",
        max_episode_steps: int | None = None,
        threads: int = 0,
        observation: str = "state",
        eyes: CameraSensors | None = None,
        randomize: Randomize = NOTHING,
    ):
        if num < 1:
            raise ValueError(f"num_envs must be at least 1, got {num}")
        if threads < 0:
            raise ValueError(f"threads must be 0 (one per core) or more, got {threads}")
        if reward not in REWARDS:
            raise ValueError(f"reward must be one of {', '.join(REWARDS)}, got {reward!r}")
        if max_episode_steps is not None and max_episode_steps < 1:
            raise ValueError(f"max_episode_steps must be at least 1, or None for no limit, got {max_episode_steps}")
        if (eyes is None) != (observation == "state"):
            raise ValueError(f"cameras go with observation='image' or 'image+state', got observation={observation!r}")
        self.num, self.robot, self.task, self.eyes = num, robot, task, eyes
        self.threads = min(threads or available_cores(), num)
        self.sparse, self.shaped = reward == "sparse", reward == "shaped"
        self.max_episode_steps = sys.maxsize if max_episode_steps is None else max_episode_steps
        self.settled_steps = min(SETTLED_STEPS, self.max_episode_steps)
        physics = Dynamics(randomize) if randomize.physics else None
        self.components: list[Component] = [part for part in (robot, task, eyes, physics) if part is not None]

        spec = empty_scene()
        self.control_dt = control_dt
        self.nstep = substeps(control_dt, spec.option.timestep)
        robot.control_dt, task.robot = control_dt, robot
        for component in self.components:
            component.build(spec)
        self.model = spec.compile()
        own = robot.action_size
        self.action_shape = (num, own + task.size)
        self.choices = [slice(own + part.start, own + part.stop) for part in task.choices()]  # parts of an action
        self.rng = RandomStreams(num)
        self.all = np.arange(num)
        self.elapsed = np.zeros(num, np.int64)  # control steps since the reset
        self.missed = np.zeros(num, np.int64)  # the last control step without success, -1 before the first
        self.once = np.zeros(num, bool)  # whether there was success in this episode
        seen = f"seen as {eyes or observation!r}, {randomize}"
        self.made_by = f"{num} x {robot!r} doing {task!r}, {seen}, mujoco {mujoco.__version__}"
        self.bind()
        goal = task.goal_fields()
        self.fields = [*robot.fields(), *task.feel_fields(), *([] if observation == "image" else task.fields())]
        bounds = np.concatenate([field.bounds for field in (*self.fields, *goal, *goal)], axis=1)
        self.low, self.high = bounds.astype(np.float32)  # (k + 2 g,)
        g = sum(field.bounds.shape[1] for field in goal)
        k = bounds.shape[1] - 2 * g
        self.felt = slice(0, k)  # columns of all but the goals
        self.achieved, self.desired = slice(k, k + g), slice(k + g, k + 2 * g)
        self.slices = {"observation": self.felt, "achieved_goal": self.achieved, "desired_goal": self.desired}
        if observation == "image":
            self.slices = {"proprioception": self.felt}
        self.signals: SignalNoise | None = None
        if randomize.signals:
            self.signals = SignalNoise(randomize, self.low[self.felt], self.high[self.felt], self.action_shape[1])
            self.signals.bind(self.sim)
            self.components.append(self.signals)
        self.vectors = self.feel if observation == "image" else self.state
        self.last = np.zeros((num, k + 2 * g), np.float32)  # the vectors last observed, goals included
        self.apart = np.zeros(num)  # m, the task's potential at the last step; kept for the shaped reward alone

    def bind(self) -> None:
        """Make the simulator and hand it to the components: at construction, and in a forked child."""
        self.sim = CpuSimulator(self.model, self.num, self.threads)
        for component in self.components:
            component.bind(self.sim)

    def reset(self, ids: np.ndarray, seeds: Sequence[int | None] | None = None):
        """Begin new episodes in rows ids, (n,) sorted integers.

        Args:
            seeds: new seeds for the rows' streams, n of them; a row whose seed is None goes on with its stream.

        Returns:
            observation and info as from `step`, of all rows; other rows' episodes are as they were.
        """
        self.survive_fork()
        if seeds is not None:
            seeded = [k for k, seed in enumerate(seeds) if seed is not None]
            self.rng.seed(ids[seeded], np.array([seeds[k] for k in seeded], np.uint64))
        self.restart(ids)
        observation = self.observe(ids)
        if self.shaped:
            self.apart[ids] = self.potential()[ids]
        return observation, self.judge(ids)

    def restart(self, ids: np.ndarray) -> None:
        self.sim.reset(ids)
        self.sim.restore(ids)
        for component in self.components:
            component.reset(ids, self.rng)
        self.sim.forward(ids)
        for component in self.components:
            component.begin(ids)
        self.elapsed[ids], self.missed[ids], self.once[ids] = 0, -1, False

    def step(self, action: np.ndarray, renew: np.ndarray | None = None):
        """Advance all rows by one control step.

        Args:
            action: (N, action_size); out-of-range values act as if clipped to [-1, 1].
            renew: rows, (N,) bool, that begin a new episode instead of acting; their reward is zero.

        Returns:
            observation, a dict of new (N, ...) arrays; reward, terminated, truncated, (N,); info, a dict of (N,)
            ones, the task's metrics among them.

        Raises:
            ValueError: an action of another shape, or with NaN or infinity in it. Nothing has moved then.
        """
        action = self.checked(action)
        self.survive_fork()
        if self.signals is not None:
            action = self.signals.act(action)
        own = self.robot.action_size
        self.task.act(action[:, own:])
        self.robot.act(action[:, :own])
        self.elapsed += 1
        if renew is None:
            self.sim.step(self.nstep)
            diverged = self.diverged()
            self.task.count(self.all)
        else:
            acted = np.flatnonzero(~renew)
            self.sim.step(self.nstep, acted)
            diverged = self.diverged()
            self.task.count(acted)
            self.restart(np.flatnonzero(renew))
        observation = self.observe(self.all, diverged)
        info = self.judge(diverged=diverged)
        goals = self.last[:, self.achieved], self.last[:, self.desired]
        reward = self.approach(diverged) if self.shaped else self.reward(*goals)
        terminated = self.task.terminated()
        terminated = np.zeros(self.num, bool) if terminated is None else terminated.copy()
        truncated = self.elapsed >= self.max_episode_steps
        truncated |= info["diverged"]
        if renew is not None:
            reward, terminated, truncated = reward * ~renew, terminated & ~renew, truncated & ~renew
        return observation, reward, terminated, truncated, info

    def judge(self, fresh: np.ndarray | None = None, diverged: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Count this instant's success into the episodes, of rows `fresh` alone if they have just begun: the info.

        A row that has diverged succeeds in nothing, wherever it was when it did.
        """
        success = self.task.success(self.last[:, self.achieved], self.last[:, self.desired])
        if diverged is None:
            diverged = np.zeros(self.num, bool)
        else:
            success &= ~diverged
        if fresh is None:
            self.once |= success
        else:
            self.once[fresh] = success[fresh]
        np.copyto(self.missed, self.elapsed, where=~success)
        return {
            "is_success": success,
            "success_once": self.once.copy(),
            "success_at_end": self.elapsed - self.missed >= self.settled_steps,
            "diverged": diverged,
            **self.task.metrics(),
        }

    def reward(self, achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
        """Rewards, (...,), of goals with any leading axes."""
        if self.sparse:
            return np.where(self.task.success(achieved, desired), 0.0, -1.0)
        return self.task.reward(achieved, desired)

    def approach(self, diverged: np.ndarray | None) -> np.ndarray:
        """The speed, (N,) m/s, at which each row's potential fell in this step; zero in rows that diverged."""
        apart = self.potential()
        reward = (self.apart - apart) / self.control_dt
        if diverged is not None:
            reward[diverged] = 0.0
        self.apart = apart
        return reward

    def potential(self) -> np.ndarray:
        """How far each row is from done, (N,) float64 m, as reward="shaped" sees it."""
        return np.asarray(self.task.potential(self.last[:, self.achieved], self.last[:, self.desired]), np.float64)

    def distance(self) -> np.ndarray:
        """How far each row's goal is from being met, (N,) m, as last observed."""
        return self.task.distance(self.last[:, self.achieved], self.last[:, self.desired])

    def observe(self, ids: np.ndarray, diverged: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """New arrays: vectors, (N, k) float32, clipped to their bounds, and pictures, drawn anew for rows ids.

        Vectors are columns of one new array: one copy costs less than three.
        """
        task = self.task
        parts = [*self.vectors(), task.achieved_goal(), task.desired_goal()]
        flat = np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")
        np.minimum(np.maximum(flat, self.low, out=flat), self.high, out=flat)
        if diverged is not None:
            flat[diverged] = self.last[diverged]
            ids = ids[~diverged[ids]]
        if self.signals is not None:
            flat[:, self.felt] = self.signals.take(ids, flat[:, self.felt], self.last[:, self.felt], self.rng)
        self.last = flat.copy()
        observation = {key: flat[:, columns] for key, columns in self.slices.items()}
        if self.eyes is not None:
            self.eyes.capture(ids, self.rng)
            observation |= self.eyes.images()
        return observation

    def state_columns(self) -> dict[str, slice]:
        """Where in the vector of observation="state" each field lies."""
        columns, first = {}, 0
        for field in (*self.robot.fields(), *self.task.feel_fields(), *self.task.fields()):
            columns[field.name] = slice(first, first := first + field.bounds.shape[1])
        return columns

    def state_observation(self) -> dict[str, np.ndarray]:
        """What observation="state" would show of this instant, exact, whatever is observed: for scripted experts."""
        goals = self.last[:, self.achieved].copy(), self.last[:, self.desired].copy()
        vector = np.concatenate(self.state(), axis=1).astype(np.float32)
        return {"observation": vector, "achieved_goal": goals[0], "desired_goal": goals[1]}

    def state(self) -> list[np.ndarray]:
        return [*self.feel(), *self.task.observe()]

    def feel(self) -> list[np.ndarray]:
        """What is known without looking."""
        return [*self.robot.observe(), *self.task.feel()]

    def checked(self, action: Any) -> np.ndarray:
        """The action as (N, action_size) float64 in [-1, 1]."""
        action = np.asarray(action, np.float64)
        if action.shape != self.action_shape:
            raise ValueError(f"actions must have shape {self.action_shape}, got {action.shape}")
        if not math.isfinite(np.vdot(action, action)) and not np.isfinite(action).all():
            row, column = np.argwhere(~np.isfinite(action))[0]
            raise ValueError(f"actions must be finite, got {action[row, column]} in row {row}, column {column}")
        return np.minimum(np.maximum(action, -1.0), 1.0)

    def diverged(self) -> np.ndarray | None:
        """Rows, (N,) bool, whose simulation exploded in this step; None when none did."""
        rows = self.sim.diverged()
        qvel = self.sim.qvel
        if not np.vdot(qvel, qvel) < SENSIBLE_SPEED**2:  # of all rows together: rarely so, then look closer
            wild = ~(np.abs(qvel).max(axis=1) < SENSIBLE_SPEED)
            if wild.any():
                self.sim.reset(np.flatnonzero(wild))
                self.sim.forward(np.flatnonzero(wild))
                rows = wild if rows is None else rows | wild
        return rows

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of everything that changes: physics, goals, controllers, streams."""
        return {
            "made_by": self.made_by,
            "sim": self.sim.get_state(),
            "rng": self.rng.state.copy(),
            "saved": {
                i: {name: getattr(owner, name).copy() for name in owner.saved} for i, owner in enumerate(self.owners())
            },
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit, from a state of an environment made with the same settings.

        Raises:
            ValueError: the state is of other settings; nothing has changed then.
        """
        self.survive_fork()
        if str(state.get("made_by")) != self.made_by:
            raise ValueError(f"the state is of {state.get('made_by')}, this is {self.made_by}")
        self.sim.set_state(state["sim"])
        self.rng.state[:] = state["rng"]
        for i, owner in enumerate(self.owners()):
            for name in owner.saved:
                getattr(owner, name)[:] = state["saved"][i][name]

    def owners(self) -> list[Any]:
        """Everything that names arrays in `saved`."""
        return [self, *(owner for component in self.components for owner in (component, *component.parts))]

    def close(self) -> None:
        """Free what drawing holds. Stepping on is fine: it is made anew."""
        if self.eyes is not None:
            self.eyes.close()

    def survive_fork(self) -> None:
        """A thread pool does not survive a fork: in a child process, make a new one and go on from the same state."""
        if self.sim.orphaned:
            state = self.get_state()
            self.bind()
            self.set_state(state)


def substeps(control_dt: float, timestep: float) -> int:
    """How many timesteps a control step takes; ValueError unless it is a whole number of them."""
    if not 0.0 < control_dt <= 1.0:
        raise ValueError(f"control_dt must be a multiple of the timestep {timestep:g} s up to 1 s, got {control_dt} s")
    nstep = round(control_dt / timestep)
    if nstep < 1 or abs(nstep * timestep - control_dt) > 1e-9:
        nearest = max(1, nstep) * timestep
        raise ValueError(
            f"control_dt must be a multiple of the timestep {timestep:g} s, got {control_dt:g} s; "
            f"nearest: {nearest:g} s"
        )
    return nstep


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
