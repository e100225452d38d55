"""Promises that every environment keeps, as checks of any registered task on a robot, of other packages too."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from robodl_envs import Policy, make, make_policy, make_vec, task_id

NUM, SEED = 4, 3  # rows, and the seed that they begin with
SAVES = 4  # of a state, along an episode
RANDOMIZE = {"mass": 0.2, "friction": 0.2, "state_noise": 0.01, "action_latency": 1}
Settings = dict[str, Any]  # task, robot, control: what `make` takes


class BrokenPromiseError(Exception):
    """An environment does not keep a promise; the text says where."""


def contract() -> dict[str, Callable[[Settings], None]]:
    """Checks by what they promise; each raises BrokenPromiseError, or what the environment raises."""
    return {
        "the same seed and actions give the same bits": same_bits,
        "row i of a batch seeded s is the single environment seeded s + i": rows_are_singles,
        "a seeded reset forgets what was before": reset_forgets,
        "a saved state goes on to the same bits (all that changes is in `saved`)": saved_state_is_exact,
        "a pickled environment goes on to the same bits": pickle_is_exact,
        "observations lie within their space": observations_fit,
        "the reward is compute_reward of the goals, for any leading axes": rewards_are_pure,
        "no reward is better than at the goal, where it is zero": goal_is_best,
        "actions beyond their bounds act as if clipped": actions_are_clipped,
        "an action with NaN is refused and harms nothing": nan_is_refused,
        "Gymnasium's checker passes": gymnasium_passes,
    }


def envs_of(settings: Settings, num: int = NUM, **more: Any):
    """A vector environment of a task, with its id's time limit."""
    return make_vec(**{"num_envs": num, "threads": 1, "max_episode_steps": time_limit(settings), **settings, **more})


def begun(settings: Settings, seed: int = SEED, **more: Any):
    """A vector environment of a task, after a seeded reset."""
    envs = envs_of(settings, **more)
    envs.reset(seed=seed)
    return envs


def time_limit(settings: Settings) -> int:
    """The time limit of a task's id, control steps."""
    return int(gymnasium.spec(task_id(settings["task"])).max_episode_steps or 50)


def actions_of(settings: Settings, seed: int = SEED) -> np.ndarray:
    """Actions, (steps, N, size), for an episode that begins with this seed, and some of the next.

    Half of the rows act as the task's expert would, if it has one, so that what it does, such as touching a spot that
    is to be remembered, happens; the others act at random.
    """
    envs = begun(settings, seed)
    rng, policy = np.random.default_rng(seed), expert_or_random(envs)
    actions = []
    for _ in range(time_limit(settings) + 10):
        action = np.clip(policy(envs.state_observation()), -1.0, 1.0)
        action[1::2] = rng.uniform(-1.0, 1.0, action[1::2].shape)
        actions.append(action.astype(np.float32))
        envs.step(actions[-1])
    return np.stack(actions)


def played(envs: Any, actions: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """Yield what each step returns, as arrays by name, (N, ...)."""
    for action in actions:
        observation, reward, terminated, truncated, info = envs.step(action)
        told = {key: value for key, value in info.items() if not key.startswith("_")}
        yield {**observation, **told, "reward": reward, "terminated": terminated, "truncated": truncated}


def play(envs: Any, actions: np.ndarray) -> None:
    for action in actions:
        envs.step(action)


def compare(expected: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> None:
    """BrokenPromiseError where two plays differ."""
    for step, (one, other) in enumerate(zip(expected, found, strict=True)):
        for key, value in one.items():
            if not np.array_equal(value, other[key], equal_nan=np.asarray(value).dtype.kind == "f"):
                rows = np.flatnonzero(np.any(np.atleast_2d(np.asarray(value != other[key]).T), axis=0))
                raise BrokenPromiseError(f"{key} differs in step {step}, rows {rows.tolist()}")


def same_bits(settings: Settings) -> None:
    actions = actions_of(settings)
    compare(*(played(begun(settings, randomize=RANDOMIZE), actions) for _ in range(2)))


def rows_are_singles(settings: Settings) -> None:
    actions = actions_of(settings)
    together = list(played(begun(settings), actions))
    for row in range(NUM):
        expected = ({key: value[row : row + 1] for key, value in step.items()} for step in together)
        compare(expected, played(begun(settings, SEED + row, num=1), actions[:, row : row + 1]))


def reset_forgets(settings: Settings) -> None:
    new, used = envs_of(settings), begun(settings, seed=9)
    play(used, actions_of(settings, seed=9)[:-11])
    resets = [envs.reset(seed=SEED) for envs in (new, used)]
    compare(*([{**observation, **info}] for observation, info in resets))
    actions = actions_of(settings)
    compare(played(new, actions), played(used, actions))


def saved_state_is_exact(settings: Settings) -> None:
    envs, other = (begun(settings, seed, randomize=RANDOMIZE, reward="shaped") for seed in (SEED, 8))
    actions = actions_of(settings)
    for k in range(SAVES):
        first, end = k * len(actions) // SAVES, (k + 1) * len(actions) // SAVES
        play(envs, actions[first : end - 6])
        ahead = actions[end - 6 : end]
        other.set_state(pickle.loads(pickle.dumps(envs.get_state())))
        compare(played(envs, ahead), played(other, ahead))


def expert_or_random(envs: Any) -> Policy:
    """A task's expert; random actions where it has none, or acts by other controls."""
    try:
        return make_policy("expert", envs)
    except (KeyError, ValueError):
        return make_policy("random", envs)


def pickle_is_exact(settings: Settings) -> None:
    envs, actions = begun(settings), actions_of(settings)
    middle = 2 * len(actions) // 3
    play(envs, actions[:middle])
    twin = pickle.loads(pickle.dumps(envs))
    compare(played(envs, actions[middle:]), played(twin, actions[middle:]))


def observations_fit(settings: Settings) -> None:
    envs, actions = envs_of(settings), actions_of(settings)
    observation, _ = envs.reset(seed=SEED)
    for step, values in enumerate([observation, *played(envs, np.sign(actions))]):
        for key, space in envs.observation_space.spaces.items():
            if not space.contains(values[key]):
                raise BrokenPromiseError(f"{key} leaves its space in step {step}")


def rewards_are_pure(settings: Settings) -> None:
    actions = actions_of(settings)[:-11]
    for reward in ("dense", "sparse"):
        envs = begun(settings, reward=reward)
        steps = list(played(envs, actions))
        achieved, desired, rewards = (
            np.stack([step[key] for step in steps]) for key in ("achieved_goal", "desired_goal", "reward")
        )
        if not np.array_equal(envs.compute_reward(achieved, desired, None), rewards):
            raise BrokenPromiseError(f"compute_reward differs from the steps' with reward={reward}")


def goal_is_best(settings: Settings) -> None:
    envs = begun(settings)
    steps = list(played(envs, actions_of(settings)))
    achieved, desired = (np.concatenate([step[key] for step in steps]) for key in ("achieved_goal", "desired_goal"))
    if (envs.compute_reward(achieved, desired) > 0.0).any():
        raise BrokenPromiseError("a reward is above zero")
    if np.any(envs.compute_reward(desired, desired) != 0.0):
        raise BrokenPromiseError("the reward at the goal is not zero")


def actions_are_clipped(settings: Settings) -> None:
    actions = 3.0 * actions_of(settings)
    compare(played(begun(settings), actions), played(begun(settings), np.clip(actions, -1.0, 1.0)))


def nan_is_refused(settings: Settings) -> None:
    envs = begun(settings)
    try:
        envs.step(np.full(envs.action_space.shape, np.nan, np.float32))
    except ValueError:
        actions = actions_of(settings)[:10]
        compare(played(envs, actions), played(begun(settings), actions))
    else:
        raise BrokenPromiseError("an action of NaN is taken")


def gymnasium_passes(settings: Settings) -> None:
    check_env(make(**settings, max_episode_steps=time_limit(settings)).unwrapped, skip_render_check=True)


def check(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Each promise, and how it is broken; None where it is kept."""
    for promise, function in contract().items():
        try:
            function(settings)
        except (BrokenPromiseError, AssertionError) as error:  # the latter are Gymnasium's
            yield promise, " ".join(str(error).split())
        else:
            yield promise, None
