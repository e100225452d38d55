"""Promises that every environment keeps, as checks of any registered task on a robot, of other packages too."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from robodl_envs import make, make_policy, make_vec, task_id

NUM = 4  # rows
STEPS = 40
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
    """A vector environment with short episodes, so that resets are among the steps."""
    return make_vec(**{"num_envs": num, "threads": 1, "max_episode_steps": STEPS // 2, **settings, **more})


def actions_of(env: Any, seed: int = 0, steps: int = STEPS) -> np.ndarray:
    """Random actions, (steps, N, size); row i's depend on seed + i alone."""
    num = getattr(env, "num_envs", 1)
    size = env.action_space.shape[-1]
    rows = [np.random.default_rng(seed + i).uniform(-1.0, 1.0, (steps, size)) for i in range(num)]
    return np.stack(rows, axis=1).astype(np.float32)


def played(envs: Any, actions: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """What each step returns, as arrays by name, (N, ...)."""
    for action in actions:
        observation, reward, terminated, truncated, info = envs.step(action)
        told = {key: value for key, value in info.items() if not key.startswith("_")}
        yield {**observation, **told, "reward": reward, "terminated": terminated, "truncated": truncated}


def compare(expected: Iterator[dict[str, Any]], found: Iterator[dict[str, Any]]) -> None:
    """BrokenPromiseError where two plays differ."""
    for step, (one, other) in enumerate(zip(expected, found, strict=True)):
        for key, value in one.items():
            if not np.array_equal(value, other[key], equal_nan=np.asarray(value).dtype.kind == "f"):
                rows = np.flatnonzero(np.any(np.atleast_2d(np.asarray(value != other[key]).T), axis=0))
                raise BrokenPromiseError(f"{key} differs in step {step}, rows {rows.tolist()}")


def same_bits(settings: Settings) -> None:
    plays = []
    for _ in range(2):
        envs = envs_of(settings, randomize=RANDOMIZE)
        envs.reset(seed=3)
        plays.append(played(envs, actions_of(envs)))
    compare(*plays)


def rows_are_singles(settings: Settings) -> None:
    envs = envs_of(settings)
    envs.reset(seed=3)
    actions = actions_of(envs)
    together = list(played(envs, actions))
    for row in (0, NUM - 1):
        alone = envs_of(settings, num=1)
        alone.reset(seed=3 + row)
        own = ({key: value[row : row + 1] for key, value in step.items()} for step in together)
        compare(own, played(alone, actions[:, row : row + 1]))


def reset_forgets(settings: Settings) -> None:
    new, used = envs_of(settings), envs_of(settings)
    used.reset(seed=9)
    for _ in played(used, actions_of(used, seed=5)):
        pass
    for envs in (new, used):
        envs.reset(seed=3)
    compare(played(new, actions_of(new)), played(used, actions_of(used)))


def saved_state_is_exact(settings: Settings) -> None:
    limit = gymnasium.spec(task_id(settings["task"])).max_episode_steps
    envs, other = (envs_of(settings, randomize=RANDOMIZE, reward="shaped", max_episode_steps=limit) for _ in range(2))
    act = expert_or_random(envs)
    envs.reset(seed=3)
    other.reset(seed=8)
    for _ in range(SAVES):  # along the expert's way, so that what it does is among what must be saved
        for _ in range(STEPS // 4):
            envs.step(act())
        state, actions = pickle.loads(pickle.dumps(envs.get_state())), actions_of(envs, steps=6)
        other.set_state(state)
        compare(played(envs, actions), played(other, actions))
        envs.set_state(state)


def expert_or_random(envs: Any) -> Callable[[], np.ndarray]:
    """Actions of a task's expert, in the state as it is; random ones where it has none, or acts by other controls."""
    try:
        policy = make_policy("expert", envs)
    except (KeyError, ValueError):
        policy = make_policy("random", envs)
    return lambda: policy(envs.state_observation())


def pickle_is_exact(settings: Settings) -> None:
    envs = envs_of(settings)
    envs.reset(seed=3)
    actions = actions_of(envs)
    for _ in played(envs, actions[: STEPS // 4]):
        pass
    twin = pickle.loads(pickle.dumps(envs))
    compare(played(envs, actions[STEPS // 4 :]), played(twin, actions[STEPS // 4 :]))


def observations_fit(settings: Settings) -> None:
    envs = envs_of(settings)
    observation, _ = envs.reset(seed=3)
    spaces = envs.observation_space
    for step, values in enumerate([observation, *played(envs, np.sign(actions_of(envs)))]):
        for key, space in spaces.spaces.items():
            if not space.contains(values[key]):
                raise BrokenPromiseError(f"{key} leaves its space in step {step}")


def rewards_are_pure(settings: Settings) -> None:
    for reward in ("dense", "sparse"):
        envs: Any = envs_of(settings, reward=reward, max_episode_steps=None)
        envs.reset(seed=3)
        steps = list(played(envs, actions_of(envs, steps=6)))
        achieved, desired, rewards = (
            np.stack([step[key] for step in steps]) for key in ("achieved_goal", "desired_goal", "reward")
        )
        if not np.array_equal(envs.compute_reward(achieved, desired, None), rewards):
            raise BrokenPromiseError(f"compute_reward differs from the steps' with reward={reward}")


def goal_is_best(settings: Settings) -> None:
    envs: Any = envs_of(settings)
    envs.reset(seed=3)
    steps = list(played(envs, actions_of(envs)))
    achieved, desired = (np.concatenate([step[key] for step in steps]) for key in ("achieved_goal", "desired_goal"))
    if (envs.compute_reward(achieved, desired) > 0.0).any():
        raise BrokenPromiseError("a reward is above zero")
    if np.any(envs.compute_reward(desired, desired) != 0.0):
        raise BrokenPromiseError("the reward at the goal is not zero")


def actions_are_clipped(settings: Settings) -> None:
    envs, twin = envs_of(settings), envs_of(settings)
    for each in (envs, twin):
        each.reset(seed=3)
    actions = 3.0 * actions_of(envs)
    compare(played(envs, actions), played(twin, np.clip(actions, -1.0, 1.0)))


def nan_is_refused(settings: Settings) -> None:
    envs, twin = envs_of(settings), envs_of(settings)
    for each in (envs, twin):
        each.reset(seed=3)
    try:
        envs.step(np.full(envs.action_space.shape, np.nan, np.float32))
    except ValueError:
        compare(played(envs, actions_of(envs)), played(twin, actions_of(twin)))
    else:
        raise BrokenPromiseError("an action of NaN is taken")


def gymnasium_passes(settings: Settings) -> None:
    check_env(make(**settings, max_episode_steps=STEPS).unwrapped, skip_render_check=True)


def success_rates(settings: Settings, episodes: int = 50) -> dict[str, float | None]:
    """Success rates of the expert, random and zero actions in the id's time limit; None where there is no expert."""
    from robodl.evaluation.rollout import FIRST_SEED, evaluate_policy

    limit = gymnasium.spec(task_id(settings["task"])).max_episode_steps
    rates: dict[str, float | None] = {}
    for name in ("expert", "random", "zero"):
        envs = make_vec(**settings, num_envs=episodes, max_episode_steps=limit, autoreset_mode="Disabled")
        try:
            policy = make_policy(name, envs)
        except (KeyError, ValueError):
            rates[name] = None
            continue
        rates[name] = evaluate_policy(policy, envs, episodes, FIRST_SEED).success_rate
    return rates


def check(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Each promise, and how it is broken; None where it is kept."""
    for promise, function in contract().items():
        try:
            function(settings)
        except (BrokenPromiseError, AssertionError) as error:  # the latter are Gymnasium's
            yield promise, " ".join(str(error).split())
        else:
            yield promise, None
