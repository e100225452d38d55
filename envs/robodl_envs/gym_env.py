"""The Gymnasium faces of BatchEnv: one arm, and many arms."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robodl_envs.engine import BatchEnv
from robodl_envs.randomization.settings import Randomize
from robodl_envs.rendering.scene_camera import SceneCamera
from robodl_envs.robots.robot import Robot
from robodl_envs.settings import (
    RENDER_MODES,
    checked_autoreset,
    checked_mask,
    checked_render_mode,
    make_batch,
    make_spaces,
    row_seeds,
    sorted_settings,
)
from robodl_envs.tasks.task import Task


class Episodes:
    """Public members that both environments share, for training code and tools."""

    batch: BatchEnv

    @property
    def task(self) -> Task:
        """The task; its settings are its attributes."""
        return self.batch.task

    @property
    def robot(self) -> Robot:
        """The robot; `robot.action_size` numbers of an action are its own, the rest are the task's."""
        return self.batch.robot

    @property
    def model(self) -> mujoco.MjModel:
        """The compiled model that all rows share."""
        return self.batch.model

    @property
    def control_dt(self) -> float:
        """Seconds of one step."""
        return self.batch.control_dt

    @property
    def max_episode_steps(self) -> int:
        """Steps after which an episode is truncated; sys.maxsize where there is no limit."""
        return self.batch.max_episode_steps

    @property
    def state_columns(self) -> dict[str, slice]:
        """Columns of each observable, by name, in the "observation" of `state_observation`."""
        return self.batch.state_columns()

    def state_observation(self) -> dict[str, np.ndarray]:
        """The observation of observation="state" at this instant, without noise, (N, ...), whatever is observed."""
        return self.batch.state_observation()

    def goal_distance(self) -> np.ndarray:
        """Distances to the goals as last observed, (N,), in the unit of the goal's first observable."""
        return self.batch.distance()

    def metrics(self) -> dict[str, np.ndarray]:
        """The task's own metrics of the episodes so far, (N,) each; empty for most tasks."""
        return self.batch.task.metrics()


class RobotTaskEnv(Episodes, gymnasium.Env):
    """One arm doing one task: the N = 1 face of BatchEnv.

    Observations are dicts. With observation="state" of float32 vectors: observation, achieved_goal, desired_goal.
    With "image" of pictures, and of what the arm feels of itself, proprioception: joints, gripper, tool, and what the
    task lets it know; where goals and objects are must be seen. With "image+state" of both pictures and the former
    vectors. Actions are the arm's, and in some tasks what it says. info has is_success (of this instant), success_once
    (in this episode), success_at_end (lasting for the last 5 steps), diverged, and the task's metrics of the episode.

    `make` gives a GoalEnv, which has compute_reward, where the observation holds goals.
    `gymnasium.make` adds the time limit from the registry; made directly, the environment has the one given here.

    Args:
        task: name of a registered task, or a Task, which is copied.
        robot: name of a registered robot.
        control: "tool" for Cartesian increments of the tool, "joint" for increments of the joint angles.
        reward: "dense", "sparse" (0 at the goal, -1 elsewhere), or "shaped" (the speed of approach to the goal, m/s).
        observation: "state", "image" or "image+state".
        cameras: names of pictures: front, side, top, wrist, or a camera of the task's own, each also with _depth (m,
            float32) or _segmentation (0 background, 1 floor, 2 robot, 3 goal, 4 objects) appended. None for the
            task's own choice: for most of them front and side.
        image_size: pixels, or (height, width).
        renderer: of the pictures: "ray" casts rays, which need no driver; "gl" draws with OpenGL, which is faster
            for large pictures and the wrist's camera, and falls back to rays where there is no OpenGL.
        randomize: what varies from episode to episode, by name, as {"colors": 0.1}; see Randomize. Goals, and with them
            rewards and success, are exact whatever it says.
        control_dt: seconds of one step, a multiple of the timestep, 0.004 s.
        max_episode_steps: steps after which an episode is truncated; None for never.
        render_mode: "rgb_array" or None.
        threads: simulation threads; 0 for one per core.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 25}

    def __init__(
        self,
        task: str | Task,
        robot: str = "panda",
        control: str = "tool",
        reward: str = "dense",
        observation: str = "state",
        cameras: Sequence[str] | None = None,
        image_size: int | Sequence[int] = 64,
        renderer: str = "ray",
        randomize: Randomize | Mapping[str, Any] | None = None,
        control_dt: float = 0.04,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        threads: int = 1,
    ):
        self.settings = own_copy(locals())
        self.batch = make_batch(self.settings, 1)
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = {**self.metadata, "render_fps": max(1, round(1.0 / control_dt))}
        self.camera = SceneCamera()
        self.observation_space, self.action_space = make_spaces(self.batch)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        seeds = row_seeds(seed, 1)
        super().reset(seed=seeds[0])
        observation, info = self.batch.reset(self.batch.all, seeds)
        return first_row(observation), scalars(info)

    def step(self, action):
        action = np.asarray(action)
        if action.shape != self.action_space.shape:
            raise ValueError(f"actions must have shape {self.action_space.shape}, got {action.shape}")
        observation, reward, terminated, truncated, info = self.batch.step(action[None])
        return first_row(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]), scalars(info)

    def render(self):
        """A picture, (480, 480, 3) uint8, where render_mode is "rgb_array"."""
        return self.camera.render(self.batch.sim) if self.render_mode else None

    def close(self):
        self.camera.close()
        self.batch.close()

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of the episode, for `set_state`."""
        return self.batch.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit, from a state of an environment made with the same settings."""
        self.batch.set_state(state)

    def __reduce__(self):
        return restored, (type(self), self.settings, self.get_state(), carried(self))


class GoalEnv(RobotTaskEnv):
    """A RobotTaskEnv whose observations hold goals: hindsight replay may ask for the rewards of others."""

    def compute_reward(self, achieved_goal, desired_goal, info=None):
        """Rewards of goals with any leading axes, (..., g) -> (...,): a pure function, info is not looked at."""
        return self.batch.reward(np.asarray(achieved_goal), np.asarray(desired_goal))


class RobotTaskVectorEnv(Episodes, gymnasium.vector.VectorEnv):
    """Many arms doing one task on a thread pool: the N = num_envs face of BatchEnv.

    Row i of an environment reset with seed s is the single environment reset with seed s + i, to the last bit.
    Infos are arrays, (N,), each with the mask "_<key>" of the rows it speaks of, as in gymnasium.vector.

    Args:
        num_envs: number of arms N.
        autoreset_mode: when an ended episode's row begins anew: AutoresetMode.NEXT_STEP, SAME_STEP or DISABLED.
        Others: as RobotTaskEnv's.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 25, "autoreset_mode": AutoresetMode.NEXT_STEP}

    def __init__(
        self,
        task: str | Task,
        num_envs: int = 1,
        robot: str = "panda",
        control: str = "tool",
        reward: str = "dense",
        observation: str = "state",
        cameras: Sequence[str] | None = None,
        image_size: int | Sequence[int] = 64,
        renderer: str = "ray",
        randomize: Randomize | Mapping[str, Any] | None = None,
        control_dt: float = 0.04,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        threads: int = 0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ):
        self.settings = own_copy(locals())
        self.batch = make_batch(self.settings, num_envs)
        self.num_envs = num_envs
        self.autoreset_mode = checked_autoreset(autoreset_mode)
        self.render_mode = checked_render_mode(render_mode)
        fps = max(1, round(1.0 / control_dt))
        self.metadata = {**self.metadata, "render_fps": fps, "autoreset_mode": self.autoreset_mode}
        self.camera = SceneCamera()
        self.single_observation_space, self.single_action_space = make_spaces(self.batch)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.ended = np.zeros(num_envs, bool)  # rows whose episode is over

    def reset(self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None):
        """Begin new episodes in all rows, or in those of options["reset_mask"], (N,) bool."""
        rows = checked_mask(options, self.num_envs)
        ids = np.flatnonzero(rows)
        seeds = row_seeds(seed, self.num_envs)
        observation, info = self.batch.reset(ids, [seeds[i] for i in ids])
        self.ended &= ~rows
        return observation, masked(info, rows.copy())

    def step(self, actions):
        renew = self.ended if self.autoreset_mode == AutoresetMode.NEXT_STEP and self.ended.any() else None
        observation, reward, terminated, truncated, info = self.batch.step(actions, renew)
        self.ended = terminated | truncated
        info = masked(info, np.ones(self.num_envs, bool))
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self.ended.any():
            observation, info = self.renewed(observation, info)
            self.ended = np.zeros(self.num_envs, bool)
        return observation, np.asarray(reward, np.float64), terminated, truncated, info

    def renewed(self, observation, info):
        """Begin anew in the rows that ended: their last observation and info move to final_obs and final_info."""
        ended, ids = self.ended, np.flatnonzero(self.ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in ids:
            final_obs[i] = {key: value[i] for key, value in observation.items()}
        observation, fresh = self.batch.reset(ids)
        final = {key: value for key, value in info.items() if not key.startswith("_")}
        fresh = {key: np.where(ended, value, final[key]) for key, value in fresh.items()}
        info = masked(fresh, np.ones(self.num_envs, bool))
        info |= {"final_obs": final_obs, "_final_obs": ended}
        info |= {"final_info": masked(final, ended.copy()), "_final_info": ended.copy()}
        return observation, info

    def render(self):
        """A tuple of pictures, one a row, (480, 480, 3) uint8, where render_mode is "rgb_array"."""
        if not self.render_mode:
            return None
        return tuple(self.camera.render(self.batch.sim, row) for row in range(self.num_envs))

    def close_extras(self, **kwargs):
        self.camera.close()
        self.batch.close()

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of all episodes, for `set_state`."""
        return {**self.batch.get_state(), "ended": self.ended.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit, from a state of an environment made with the same settings."""
        self.batch.set_state(state)
        self.ended = state.get("ended", np.zeros(self.num_envs, bool)).copy()

    def __reduce__(self):
        return restored, (type(self), self.settings, self.get_state(), carried(self))


class GoalVectorEnv(RobotTaskVectorEnv):
    """A RobotTaskVectorEnv whose observations hold goals: hindsight replay may ask for the rewards of others."""

    def compute_reward(self, achieved_goal, desired_goal, info=None):
        """Rewards of goals with any leading axes, (..., g) -> (...,): a pure function, info is not looked at."""
        return self.batch.reward(np.asarray(achieved_goal), np.asarray(desired_goal))


def own_copy(arguments: dict[str, Any]) -> dict[str, Any]:
    """A constructor's arguments by name, safe from what the caller does with his."""
    return copy.deepcopy({name: value for name, value in arguments.items() if name not in ("self", "__class__")})


def first_row(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: value[0] for key, value in observation.items()}


def scalars(info: dict[str, np.ndarray]) -> dict[str, Any]:
    return {key: value[0].item() for key, value in info.items()}


def masked(info: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """An info of a vector environment: each value with the mask, (N,) bool, of the rows it speaks of."""
    return {**info, **{f"_{key}": rows for key in info}}


def carried(env) -> dict[str, Any]:
    """What of Gymnasium's own goes along with a pickled environment: its spec, seeds, and the spaces' generators."""
    names = ("spec", "_np_random", "_np_random_seed", "observation_space", "action_space")
    return {name: vars(env)[name] for name in names if name in vars(env)}


def restored(cls, settings, state, own):
    """An environment as it was when it was pickled."""
    env = cls(**settings)
    env.set_state(state)
    vars(env).update(own)
    return env


def has_goals(settings: dict[str, Any]) -> bool:
    """Whether rewards can be computed from an environment's observations: they hold goals, and goals are enough."""
    return settings.get("observation") != "image" and settings.get("reward") != "shaped"


def make(task: str | Task, **settings) -> RobotTaskEnv:
    """What `gymnasium.make` calls: settings are RobotTaskEnv's and the task's own, such as Reach's radius."""
    env = GoalEnv if has_goals(settings) else RobotTaskEnv
    return env(**sorted_settings(RobotTaskEnv, task, settings))


def make_vec(task: str | Task, **settings) -> RobotTaskVectorEnv:
    """What `gymnasium.make_vec` calls: settings are RobotTaskVectorEnv's and the task's own."""
    envs = GoalVectorEnv if has_goals(settings) else RobotTaskVectorEnv
    return envs(**sorted_settings(RobotTaskVectorEnv, task, settings))


# Gymnasium looks at a creator's metadata to see whether it must wrap it for render_mode="human" or "rgb_array_list".
make.metadata = RobotTaskEnv.metadata  # type: ignore[attr-defined]
