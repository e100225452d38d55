"""Promises of every registered environment: same seed, same bits, in batches, after saved states, copies and forks."""

import copy
import gc
import os
import pickle
import sys
import threading

import gymnasium as gym
import numpy as np
import pytest

import robodl_envs
from robodl_envs.gym_env import make, make_vec
from tests.envs.forks import in_forked_child, needs_fork
from tests.envs.rollouts import ALL_STATE_NOISE, assert_rows_equal_single_envs

# A forked child runs callbacks in the order of their registration: this one is earlier than those of any environment
# made in this module.
COLLECT_FIRST = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: COLLECT_FIRST.is_set() and gc.collect())

# The simplest task, and one with a free body; all other tasks are `slow` where they can hardly differ.
REPRESENTATIVE = ["reach", "push"]
TASKS = [
    *REPRESENTATIVE,
    *(pytest.param(name, marks=pytest.mark.slow) for name in robodl_envs.task_names() if name not in REPRESENTATIVE),
]
SIZES = [(name, num, threads) for name in REPRESENTATIVE for num, threads in [(1, 1), (1, 2), (64, 1), (64, 2)]]
SIZES += [(name, 3, 2) for name in robodl_envs.task_names()]
SIZES += [pytest.param(name, 3, 1, marks=pytest.mark.slow) for name in robodl_envs.task_names()]


@pytest.mark.parametrize(("task", "num", "threads"), SIZES)
def test_row_equals_single_env(task, control, num, threads):
    """Row i of a batch seeded s is the single env seeded s + i, to the last bit, through resets."""
    rows = {0, num // 2, num - 1}
    assert_rows_equal_single_envs(task, 7, num, rows, steps=45, threads=threads, control=control)


@pytest.mark.parametrize("threads", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_row_equals_single_env_with_randomization(task, control, threads):
    """Whatever random numbers the other rows draw, through resets."""
    settings = {"steps": 45, "control": control, "randomize": ALL_STATE_NOISE}
    assert_rows_equal_single_envs(task, 7, 3, threads=threads, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("randomize", [None, ALL_STATE_NOISE], ids=["plain", "randomize"])
def test_row_equals_single_env_over_long_episodes(task, control, randomize):
    """150 steps, with episodes of 50."""
    settings = {"steps": 150, "max_episode_steps": 50, "control": control, "randomize": randomize}
    assert_rows_equal_single_envs(task, 7, 3, **settings)


@pytest.mark.parametrize("randomize", [None, ALL_STATE_NOISE], ids=["plain", "randomize"])
def test_continuation_after_set_state(task, control, randomize, rng):
    """A saved state continues bit for bit: in the same environment, a new one and a pickled one, through resets."""
    settings = {"num_envs": 3, "control": control, "max_episode_steps": 8, "randomize": randomize}
    settings["reward"] = "shaped"  # which depends on the step before; other rewards follow from the observation
    envs, other = make_vec(task, **settings), make_vec(task, **settings)
    envs.reset(seed=1)
    actions = rng.uniform(-1, 1, (30, *envs.action_space.shape))
    for action in actions[:13]:
        envs.step(action)
    state, unpickled = pickle.loads(pickle.dumps(envs.get_state())), pickle.loads(pickle.dumps(envs))
    expected = [envs.step(action) for action in actions[13:]]
    other.reset(seed=2)
    for restored in (envs, other):
        restored.set_state(state)
    for restored in (envs, other, unpickled):
        for action, (observation, reward, _, truncated, info) in zip(actions[13:], expected, strict=True):
            again = restored.step(action)
            for key in observation:
                np.testing.assert_array_equal(again[0][key], observation[key])
            np.testing.assert_array_equal(again[1], reward)
            np.testing.assert_array_equal(again[3], truncated)
            np.testing.assert_array_equal(again[4]["success_at_end"], info["success_at_end"])


def test_pickled_and_copied_environments_continue_the_episode(task):
    env = make(task)
    env.reset(seed=4)
    env.step(env.action_space.sample())
    action = np.full(env.action_space.shape, 0.5)
    copies = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    expected = env.step(action)[0]
    for other in copies:
        np.testing.assert_array_equal(other.step(action)[0]["observation"], expected["observation"])


def test_copies_keep_what_gymnasium_added(task):
    env = gym.make(robodl_envs.task_id(task)).unwrapped
    env.reset(seed=3)
    env.action_space.seed(5)
    other = copy.deepcopy(env)
    assert other.spec == env.spec and other.np_random_seed == 3
    np.testing.assert_array_equal(other.action_space.sample(), env.action_space.sample())


def test_states_of_other_settings_are_refused(task):
    """A state of other settings or another number of rows raises, and nothing has changed."""
    env = make(task)
    env.reset(seed=0)
    before = pickle.dumps(env.get_state())
    for other in (make(task, control="joint"), make_vec(task, num_envs=3)):
        other.reset(seed=1)
        with pytest.raises(ValueError, match="the state is of another environment"):
            env.set_state(other.get_state())
    assert pickle.dumps(env.get_state()) == before


def test_a_seeded_reset_does_not_depend_on_earlier_episodes(task, control, rng):
    """A new environment and a used one give the same episode."""
    new, used = make(task, control=control), make(task, control=control)
    used.reset(seed=99)
    for _ in range(40):
        used.step(rng.uniform(-1, 1, used.action_space.shape))
    expected, _ = new.reset(seed=5)
    observation, _ = used.reset(seed=5)
    for _ in range(10):
        for key in expected:
            np.testing.assert_array_equal(expected[key], observation[key])
        action = rng.uniform(-1, 1, used.action_space.shape)
        expected, observation = new.step(action)[0], used.step(action)[0]


def test_unseeded_episodes_differ_and_global_state_is_untouched(task):
    before = np.random.get_state()[1].copy()
    env = make(task)
    starts = [env.reset(seed=0)[0], env.reset()[0], env.reset()[0]]
    assert len({b"".join(value.tobytes() for value in start.values()) for start in starts}) == 3
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@needs_fork
def test_a_forked_child_continues_the_episode(task):
    """A vector environment made and used before a fork steps in the child as it would have in the parent."""
    envs = make_vec(task, num_envs=4, threads=2)
    envs.reset(seed=0)
    action = np.full(envs.action_space.shape, 0.4)
    envs.step(action)

    def continued():
        return envs.step(action)[0]["observation"].tobytes()

    assert in_forked_child(continued) == continued()


@needs_fork
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("collect_first", [True, False], ids=["before other callbacks", "later"])
def test_garbage_of_the_parent_does_not_hang_a_forked_child(task, collect_first):
    """Collecting a used vector environment in a child would wait for threads that no fork copies."""

    def collected():
        gc.collect()
        return b"collected"

    gc.collect()
    gc.disable()
    try:
        envs = make_vec(task, num_envs=4, threads=2)
        envs.reset(seed=0)
        del envs  # components refer to each other: only the collector frees their memory
        COLLECT_FIRST.set() if collect_first else COLLECT_FIRST.clear()
        received = in_forked_child(collected, seconds=20)
    finally:
        gc.enable()
        COLLECT_FIRST.clear()
    assert received == b"collected"


CONTEXTS = ["forkserver", "spawn"] + (["fork"] if sys.platform == "linux" else [])


@pytest.mark.parametrize("task", ["push", pytest.param("reach", marks=pytest.mark.slow)])
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_async_vector_env_equals_ours(task, context):
    """Gymnasium's worker processes return the rows of our vector environment."""
    env_id = f"robodl_envs:{robodl_envs.task_id(task)}"
    envs = gym.vector.AsyncVectorEnv([lambda: gym.make(env_id)] * 2, context=context)
    ours = make_vec(task, num_envs=2)
    try:
        observation, _ = envs.reset(seed=3)
        expected, _ = ours.reset(seed=3)
        for _ in range(3):
            np.testing.assert_array_equal(observation["observation"], expected["observation"])
            action = np.full(ours.action_space.shape, 0.1, np.float32)
            observation, expected = envs.step(action)[0], ours.step(action)[0]
    finally:
        envs.close()
