"""The Gymnasium environments over BatchEnv: one arm, and many arms."""

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.spaces import Box, Dict, Space
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from robodl_envs import arrays
from robodl_envs.engine import BatchEnv
from robodl_envs.host_batch import HostBatch
from robodl_envs.registry import task_entry
from robodl_envs.rendering.scene_camera import SceneCamera
from robodl_envs.reset_arguments import checked_mask, row_seeds
from robodl_envs.robots.robot import Robot
from robodl_envs.rows import Rows, masked
from robodl_envs.scene import CONTROL_DT
from robodl_envs.settings import RENDER_MODES, EnvSettings, VectorEnvSettings, gives_tensors, signature
from robodl_envs.tasks.task import Task
from robodl_envs.tensor_rows import TensorRows
from robodl_envs.time_limits import follow_episode, scaled_limit

KEPT = ("spec", "_np_random", "_np_random_seed", "observation_space", "action_space", "id_limit")  # in a pickle


class Episodes:
    """Public members that both environments share, for training code and tools."""

    task: Task  # its settings are its attributes
    robot: Robot  # `robot.action_size` numbers of an action are its own, the rest are the task's
    model: mujoco.MjModel  # compiled, shared by all rows
    control_dt: float  # seconds of one step
    max_episode_steps: int  # steps after which an episode is truncated; sys.maxsize where there is no limit
    metadata: dict[str, Any]
    settings: Any  # EnvSettings, or VectorEnvSettings
    arguments: tuple[str | Task, dict[str, Any]]  # of the constructor
    state_columns: dict[str, slice]  # of each observable, by name, in the "observation" of `state_observation`

    def setup(self, settings: type[EnvSettings], task: str | Task, values: dict[str, Any]) -> tuple[Dict, Box]:
        """Make everything of settings by name, those of the task among them: a row's observation and action space."""
        self.arguments = copy.deepcopy((task, values))  # a task given by name is pickled as one
        self.settings, new_task = settings.split(task, values)
        self.batch = batch = self.settings.make_batch(new_task)
        self.task, self.robot, self.model, self.control_dt = batch.task, batch.robot, batch.model, batch.control_dt
        self.max_episode_steps, self.state_columns = batch.max_episode_steps, batch.state_columns
        self.render_mode, self.camera = self.settings.render_mode, SceneCamera(*scene_view(batch.robot, batch.task))
        self.metadata = {**self.metadata, "render_fps": max(1, round(1.0 / batch.control_dt))}
        low, high = batch.layout.low, batch.layout.high
        boxes: dict[str, Space] = {key: Box(low[columns], high[columns]) for key, columns in batch.layout.keys.items()}
        if batch.cameras is not None:
            boxes |= batch.cameras.image_spaces()
        return Dict(boxes), Box(-1.0, 1.0, (batch.action_size,), np.float32)

    @property
    def task_description(self) -> str:
        """The task in words, for policies that read an instruction: the first line of its docstring."""
        return (inspect.getdoc(self.task) or "").partition("\n")[0]

    def state_observation(self) -> dict[str, np.ndarray]:
        """The observation of observation="state" at this instant, without noise, (N, ...), whatever is observed."""
        return self.batch.state_observation()

    def goal_distance(self) -> np.ndarray:
        """Distances to the goals as last observed, (N,), in the unit of the goal's first observable."""
        return self.batch.goal_distance()

    def metrics(self) -> dict[str, np.ndarray]:
        """The task's own metrics of the episodes so far, (N,) each; empty for most tasks."""
        return self.batch.metrics()

    def get_state(self) -> dict[str, Any]:
        """An exact, picklable copy of all episodes, for `set_state`."""
        return self.batch.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on, to the last bit, from a state of an environment made with the same settings."""
        self.batch.set_state(state)

    def render_row(self, row: int) -> np.ndarray:
        cameras = self.batch.cameras
        return self.camera.render(
            self.batch.sim, row, None if cameras is None else arrays.to_numpy(cameras.background(row))
        )

    def close_extras(self, **kwargs) -> None:
        self.camera.close()
        self.batch.close()

    def __reduce__(self):
        kept = {name: vars(self)[name] for name in KEPT if name in vars(self)}
        return restored, (type(self), *self.arguments, self.get_state(), kept)


class RobotTaskEnv(Episodes, gymnasium.Env):
    """One arm doing one task.

    Observations are dicts. With observation="state" of float32 vectors: observation, achieved_goal, desired_goal.
    With "image" of images and of proprioception: joints, gripper, tool, and what else the task lets the arm know; where
    goals and objects are must be seen. With "image+state" of both images and the former vectors. Actions are the
    arm's, and in perception tasks an answer. info has is_success (of this instant), success_once (in this episode),
    success_at_end (lasting for the last 0.2 s), diverged, and the task's metrics of the episode.

    `make` gives a GoalEnv, which has compute_reward, where the observation holds goals.
    `gymnasium.make` adds the time limit from the registry, in seconds: 50 steps of 0.04 s are 100 of 0.02 s. Made
    directly, the environment has the one given here.

    Args:
        task: name of a registered task, or a Task, which is copied.
        settings: as EnvSettings has them, and the task's own, such as radius.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 25}
    __signature__ = signature(EnvSettings)

    id_limit: int | None = None  # steps of CONTROL_DT, the time limit of the id that it was made by

    def __init__(self, task: str | Task, **settings: Any):
        self.observation_space, self.action_space = self.setup(EnvSettings, task, settings)
        self.limits_follow = self.control_dt == CONTROL_DT  # whether the TimeLimits around it count as its episode does

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        seeds = row_seeds(seed, 1)
        super().reset(seed=seeds[0])
        observation, info = self.batch.reset(self.batch.all, seeds)
        return first_row(observation), scalars(info)

    def step(self, action):
        action = np.asarray(action)
        if action.shape != self.action_space.shape:
            raise ValueError(f"actions must have shape {self.action_space.shape}, got {action.shape}")
        if not self.limits_follow:
            follow_episode(int(self.batch.stats.elapsed[0]), self.id_limit, self.control_dt)
            self.limits_follow = True
        observation, reward, terminated, truncated, info = self.batch.step(action[None])
        return first_row(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]), scalars(info)

    def render(self):
        """An image, (480, 480, 3) uint8, where render_mode is "rgb_array"."""
        return self.render_row(0) if self.render_mode else None

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.limits_follow = False

    def close(self):
        self.close_extras()


class RobotTaskVectorEnv(Episodes, Rows, gymnasium.vector.VectorEnv):
    """Many arms doing one task on a thread pool.

    Row i of an environment reset with seed s is the single environment reset with seed s + i, to the last bit.
    Infos are arrays, (N,), each with the mask "_<key>" of the rows it speaks of, as in gymnasium.vector.

    Args:
        task: name of a registered task, or a Task, which is copied.
        settings: as VectorEnvSettings has them, and the task's own.
    """

    metadata = {"render_modes": RENDER_MODES, "render_fps": 25, "autoreset_mode": AutoresetMode.NEXT_STEP}
    __signature__ = signature(VectorEnvSettings)
    closed = True  # there is nothing to close until it is made: old versions of Gymnasium close what is refused

    def __init__(self, task: str | Task, **settings: Any):
        self.single_observation_space, self.single_action_space = self.setup(VectorEnvSettings, task, settings)
        self.num_envs, self.autoreset_mode = self.settings.num_envs, self.settings.autoreset_mode
        self.metadata["autoreset_mode"] = self.autoreset_mode
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.ended = self.nowhere()  # rows whose episode is over
        self.closed = False

    def reset(self, *, seed: int | Sequence[int | None] | None = None, options: dict | None = None):
        """Begin new episodes in all rows, or in those of options["reset_mask"], (N,) bool."""
        rows = checked_mask(options, self.num_envs)
        ids = np.flatnonzero(rows)
        seeds = row_seeds(seed, self.num_envs)
        observation, info = self.batch.reset(ids, [seeds[i] for i in ids])
        self.ended &= ~rows
        return observation, masked(info, rows.copy())

    def step(self, actions):
        reset_mask = self.ended if self.autoreset_mode == AutoresetMode.NEXT_STEP and self.ended.any() else None
        observation, reward, terminated, truncated, info = self.batch.step(actions, reset_mask)
        self.ended = terminated | truncated
        info = masked(info, np.ones(self.num_envs, bool))
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self.ended.any():
            observation, info = self.reset_ended(observation, info)
            self.ended = self.nowhere()
        return observation, np.asarray(reward, np.float64), terminated, truncated, info

    def reset_ended(self, observation, info):
        """Begin anew in the rows that ended: their last observation and info move to final_obs and final_info."""
        ended, ids = self.ended, np.flatnonzero(self.ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for i in ids:
            final_obs[i] = {key: value[i] for key, value in observation.items()}
        observation, new = self.batch.reset(ids)
        final = {key: value for key, value in info.items() if not key.startswith("_")}
        new = {key: np.where(ended, value, final[key]) for key, value in new.items()}
        info = masked(new, np.ones(self.num_envs, bool))
        info |= {"final_obs": final_obs, "_final_obs": ended}
        info |= {"final_info": masked(final, ended.copy()), "_final_info": ended.copy()}
        return observation, info

    def render(self):
        """A tuple of images, one a row, (480, 480, 3) uint8, where render_mode is "rgb_array"."""
        if not self.render_mode:
            return None
        return tuple(self.render_row(row) for row in range(self.num_envs))

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "ended": arrays.copy(self.ended)}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.ended = arrays.copy(arrays.array(state.get("ended", self.nowhere()), self.nowhere()))

    def nowhere(self):
        """No row, (N,) bool."""
        return np.zeros(self.num_envs, bool)


class GoalRewards:
    """compute_reward, for environments whose observations hold goals: hindsight replay asks for rewards of others."""

    batch: BatchEnv | HostBatch

    def compute_reward(self, achieved_goal, desired_goal, info=None):
        """Rewards of goals with any leading axes, (..., g) -> (...,): a pure function, info is ignored."""
        return self.batch.of_goals(achieved_goal, desired_goal)


class GoalEnv(GoalRewards, RobotTaskEnv, gymnasium.Env):  # skrl looks for gymnasium's class among these alone
    """A RobotTaskEnv whose observations hold goals."""


class GoalVectorEnv(GoalRewards, RobotTaskVectorEnv, gymnasium.vector.VectorEnv):
    """A RobotTaskVectorEnv whose observations hold goals."""


class TensorVectorEnv(TensorRows, RobotTaskVectorEnv, gymnasium.vector.VectorEnv):
    """A RobotTaskVectorEnv of torch tensors; see TensorRows."""


class GoalTensorVectorEnv(GoalRewards, TensorVectorEnv, gymnasium.vector.VectorEnv):
    """A TensorVectorEnv whose observations hold goals."""


def scene_view(robot: Robot, task: Task) -> tuple[tuple[float, float, float], float]:
    """The point, m, that `render` shows in the middle, and its distance from there: farther for a longer scene."""
    (x, y, z), distance = robot.scene_view
    more = task.scene_box()[1][0] - robot.workspace[1][0]  # m, ahead
    return (x + 0.5 * more, y, z), distance + 1.2 * more


def first_row(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key: value[0] for key, value in observation.items()}


def scalars(info: dict[str, np.ndarray]) -> dict[str, Any]:
    return {key: value[0].item() for key, value in info.items()}


def restored(cls, task, settings, state, gymnasium_state):
    """An environment as it was when it was pickled."""
    env = cls(task, **settings)
    env.set_state(state)
    vars(env).update(gymnasium_state)
    return env


def has_goals(settings: dict[str, Any]) -> bool:
    """Test whether rewards can be computed from an environment's observations: they hold goals, which are enough."""
    return settings.get("observation") != "image" and settings.get("reward") != "shaped"


def make(task: str | Task, **settings: Any) -> RobotTaskEnv:
    """Make a single environment: settings are EnvSettings' and the task's, such as radius."""
    return (GoalEnv if has_goals(settings) else RobotTaskEnv)(task, **settings)


def make_vec(task: str | Task, **settings: Any) -> RobotTaskVectorEnv:
    """Make a vector environment: settings are VectorEnvSettings' and the task's."""
    if gives_tensors(settings):
        return (GoalTensorVectorEnv if has_goals(settings) else TensorVectorEnv)(task, **settings)
    return (GoalVectorEnv if has_goals(settings) else RobotTaskVectorEnv)(task, **settings)


def make_id(task: str, **settings) -> RobotTaskEnv:
    """Make the environment of an id, for `gymnasium.make`, whose time limit is in seconds."""
    env = make(task, **settings)
    env.id_limit = task_entry(task).max_episode_steps
    return env


def make_vec_id(task: str, **settings) -> RobotTaskVectorEnv:
    """Make the vector environment of an id, for `gymnasium.make_vec`, whose time limit is in seconds."""
    limit = task_entry(task).max_episode_steps
    if settings.get("max_episode_steps") == limit:
        settings["max_episode_steps"] = scaled_limit(limit, settings.get("control_dt", CONTROL_DT))
    return make_vec(task, **settings)


# Gymnasium looks at a creator's metadata to see whether it must wrap it for render_mode="human" or "rgb_array_list".
make_id.metadata = RobotTaskEnv.metadata  # type: ignore[attr-defined]
