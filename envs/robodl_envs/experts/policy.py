"""Policies that need no learning: scripted experts, which prove that tasks can be done, and floors to compare with.

An expert is a function of the state, by name, and of the robot; it says where the tool should go. It keeps no memory:
it can take over in any state, and its row i never depends on other rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from robodl_envs.arrays import Array, cast, clip, concat, did_you_mean, row_ids, zeros
from robodl_envs.engine import BatchEnv
from robodl_envs.host_batch import HostBatch
from robodl_envs.observation import ByObservable
from robodl_envs.random_streams import RandomStreams
from robodl_envs.registry import imported, task_entry, task_name

Policy = Callable[[dict[str, Array]], Array]  # observations, (N, ...) -> actions, (N, k) in [-1, 1]
State = dict[str, Array]  # (N, k) by name: the state's observables, "achieved" and "desired"
POLICIES = ("expert", "random", "zero")


@dataclass
class Move:
    """Goal of an expert's next motion.

    Args:
        to: (N, 3) m, where the tool should go, world frame.
        grip: (N,), 1 open to -1 shut, in tasks where the fingers move.
        rotation: (N, 3) rad, rotation vector to the wanted orientation, in tasks where the tool rotates.
        answer: (N, size) in [-1, 1], the task's share of the action, in perception tasks.
    """

    to: Array
    grip: Array | None = None
    rotation: Array | None = None
    answer: Array | None = None


Expert = Callable[[State, Any], Move]


class Baseline(NamedTuple):
    """A policy without learning that uses images: a function of (observation, batch), as "module:function"."""

    function: str
    cameras: tuple[str, ...]  # names of the images that it needs


KALMAN = Baseline("robodl_envs.experts.kalman:kalman", ("wrist", "wrist_depth", "wrist_segmentation"))
BASELINES: dict[str, dict[str, Baseline]] = {"track": {"kalman": KALMAN}}


def make_policy(name: str, env, seed: int = 0) -> Policy:
    """A policy by name for an environment of ours, single or vector.

    Args:
        name: "expert", the task's own; "random", uniform actions; "zero", none; or one of the task's BASELINES.
        env: that it is to act in. Observations are batched, (N, ...), whatever env is. With images the expert looks at
            the state of env itself.
        seed: of the random policy, whose actions depend on it and on the seed of the row's episode alone.

    Raises:
        KeyError: there is no such policy, or no expert for the task.
        ValueError: the expert acts by control="tool" only; so may a baseline, which needs images too.
    """
    batch = env.unwrapped.batch
    if isinstance(batch, HostBatch):
        return batch.policy(policy_of(name, batch.device_batch, seed))
    return policy_of(name, batch, seed)


def policy_of(name: str, batch: BatchEnv, seed: int) -> Policy:
    """A policy by name, as make_policy's, on a batch's own arrays."""
    if name == "expert":
        return expert_policy(batch)
    if name == "zero":
        return lambda observation: zeros(batch.sim.qpos, batch.num, batch.action_size)
    if name == "random":
        return random_policy(batch, seed)
    baselines = BASELINES.get(str(task_name(batch.task)), {})
    if name not in baselines:
        known = (*POLICIES, *baselines)
        raise KeyError(f"no policy named {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")
    if batch.sim.backend != "cpu":
        raise ValueError(f"the policy {name} works on NumPy's arrays alone: give backend='cpu'")
    baseline = imported(baselines[name].function)
    return lambda observation: baseline(observation, batch)


def student_observable_policy(batch: BatchEnv | HostBatch) -> Policy:
    """The policy that imitation learns from, of observation="state": one that knows no more than images show."""
    name = task_name(batch.task)
    return expert_policy(batch, task_entry(name).student_observable_expert if name else None)


def expert_policy(batch: BatchEnv | HostBatch, expert: str | Expert | None = None) -> Policy:
    """An expert, by default that of a batch's task, as a policy of observation="state"."""
    if isinstance(batch, HostBatch):
        return batch.policy(expert_policy(batch.device_batch, expert))
    name, robot, columns = task_name(batch.task), batch.robot, batch.state_columns
    function = imported(expert or (name and task_entry(name).expert))
    if function is None:
        raise KeyError(f"no expert for {type(batch.task).__name__}: register_task and register_expert take one")
    if robot.control != "tool":
        raise ValueError(f"experts act by control='tool', got control={robot.control!r}")

    def policy(observation: dict[str, Array]) -> Array:
        if batch.observation != "state" and "achieved_goal" not in observation:
            observation = batch.state_observation()
        vector = cast(observation["observation"], "float64")
        state: State = ByObservable({name: vector[:, place] for name, place in columns.items()})
        state |= {"achieved": observation["achieved_goal"], "desired": observation["desired_goal"]}
        return as_action(function(state, robot), state, robot)

    return policy


def as_action(move: Move, state: State, robot) -> Array:
    """Actions, (N, k), that bring the controller's target, not only the tool, to where the expert wants it."""
    controller = robot.controller
    parts = [(move.to - state["tool"] - state["target_offset"]) / (controller.SPEED * robot.control_dt)]
    if move.rotation is not None:
        parts.append((move.rotation - state["target_rotation"]) / (controller.ROTATION_SPEED * robot.control_dt))
    if move.grip is not None:
        parts.append(move.grip[:, None])
    if move.answer is not None:
        parts.append(move.answer)
    return clip(concat(parts, axis=1), -1.0, 1.0)


def random_policy(batch: BatchEnv, seed: int) -> Policy:
    """Uniform actions, from a stream a row that begins anew with each of its episodes."""
    streams = EpisodeStreams(batch, seed)
    return lambda observation: streams.now().uniform(batch.all, [-1.0] * batch.action_size, 1.0)


class EpisodeStreams:
    """A stream of random numbers a row for a policy: a function of its episode and a seed, not of other rows."""

    def __init__(self, batch: BatchEnv, seed: int):
        self.batch, self.seed, self.streams = batch, seed, RandomStreams(batch.num, batch.sim.qpos)

    @property
    def elapsed(self) -> Array:
        """Control steps of each row's episode so far, (N,)."""
        return self.batch.stats.elapsed

    def now(self) -> RandomStreams:
        """The streams in this step, to be called once in each; those of episodes that begin are begun anew."""
        begun = row_ids(self.elapsed == 0)
        self.streams.seed_from(begun, self.batch.rng, self.seed)
        return self.streams
