"""Promises that every registered environment keeps."""

import copy
import gc
import os
import pickle
import select
import signal
import sys
import threading
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import robodl_envs
from robodl_envs.gym_env import make, make_vec
from tests.envs.rollouts import EVERYTHING, batch_rollout, random_life, single_rollout

# A forked child runs callbacks in the order of their registration: this one is earlier than those of any environment
# made in this module.
COLLECTS_FIRST = threading.Event()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: COLLECTS_FIRST.is_set() and gc.collect())


# What is costly and can hardly differ between tasks runs for the one with the least and one with loose objects.
ONE_AND_ALL = ["reach", "push"]
SIZES = [(task, num, threads) for task in ONE_AND_ALL for num, threads in [(1, 1), (1, 2), (64, 1), (64, 2)]]
SIZES += [(task, 3, threads) for task in robodl_envs.task_names() for threads in (1, 2)]


@pytest.mark.parametrize(("task", "num", "threads"), SIZES)
def test_row_equals_single_env(task, control, num, threads):
    """Row i of a batch seeded s is the single env seeded s + i, to the last bit, through resets."""
    rows = batch_rollout(task, seed=7, steps=150, num=num, threads=threads, control=control)
    for i in {0, num // 2, num - 1}:
        np.testing.assert_array_equal(rows[:, i], single_rollout(task, seed=7 + i, steps=150, control=control))


def test_row_equals_single_env_with_everything_on(task, control):
    """Whatever its neighbours draw, through resets."""
    settings = {"steps": 110, "control": control, "randomize": EVERYTHING}
    for threads in (1, 2):
        rows = batch_rollout(task, seed=7, num=3, threads=threads, **settings)
        for i in range(3):
            np.testing.assert_array_equal(rows[:, i], single_rollout(task, seed=7 + i, **settings))


def test_gymnasium_check(task, control):
    """Gymnasium's checker passes without a warning."""
    env = gym.make(robodl_envs.task_id(task), control=control).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize("randomize", [None, EVERYTHING], ids=["plain", "randomize"])
def test_continuation_after_set_state(task, control, randomize, rng):
    """An episode goes on bit for bit from a saved state: in the same environment, a new one and a pickled one."""
    settings = {"num_envs": 3, "control": control, "max_episode_steps": 20, "randomize": randomize}
    settings["reward"] = "shaped"  # which hangs on the step before; the others follow from what is observed
    envs, other = make_vec(task, **settings), make_vec(task, **settings)
    envs.reset(seed=1)
    actions = rng.uniform(-1, 1, (70, *envs.action_space.shape))
    for action in actions[:30]:
        envs.step(action)
    state, twin = pickle.loads(pickle.dumps(envs.get_state())), pickle.loads(pickle.dumps(envs))
    expected = [envs.step(action) for action in actions[30:]]
    other.reset(seed=2)
    for goes_on in (envs, other):
        goes_on.set_state(state)
    for goes_on in (envs, other, twin):
        for action, (observation, reward, _, truncated, info) in zip(actions[30:], expected, strict=True):
            again = goes_on.step(action)
            for key in observation:
                np.testing.assert_array_equal(again[0][key], observation[key])
            np.testing.assert_array_equal(again[1], reward)
            np.testing.assert_array_equal(again[3], truncated)
            np.testing.assert_array_equal(again[4]["success_at_end"], info["success_at_end"])


def test_pickle_and_deepcopy_keep_the_episode(task):
    """A pickled or copied environment goes on where the original is."""
    env = make(task)
    env.reset(seed=4)
    env.step(env.action_space.sample())
    action = np.full(env.action_space.shape, 0.5)
    twins = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    expected = env.step(action)[0]
    for twin in twins:
        np.testing.assert_array_equal(twin.step(action)[0]["observation"], expected["observation"])


def test_reset_forgets_what_was_before(task, control, rng):
    """A seeded reset gives the same episode in a fresh environment and in one that lived through others."""
    fresh, used = make(task, control=control), make(task, control=control)
    used.reset(seed=99)
    for _ in range(70):
        used.step(rng.uniform(-1, 1, used.action_space.shape))
    first, _ = fresh.reset(seed=5)
    second, _ = used.reset(seed=5)
    for _ in range(10):
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])
        action = rng.uniform(-1, 1, used.action_space.shape)
        first, second = fresh.step(action)[0], used.step(action)[0]


def test_reward_is_compute_reward_of_the_goals(task):
    """The step's reward is compute_reward of the goals returned, bit for bit, for any leading axes."""
    for reward in ("dense", "sparse"):
        env = make(task, reward=reward)
        env.reset(seed=0)
        achieved, desired, rewards = [], [], []
        for _ in range(12):
            observation, value, _, _, info = env.step(env.action_space.sample())
            assert type(value) is float
            assert env.compute_reward(observation["achieved_goal"], observation["desired_goal"], info) == value
            achieved.append(observation["achieved_goal"])
            desired.append(observation["desired_goal"])
            rewards.append(value)
        achieved, desired = np.array(achieved), np.array(desired)
        np.testing.assert_array_equal(env.compute_reward(achieved, desired, [{}] * 12), rewards)
        grid = env.compute_reward(achieved.reshape(3, 4, -1), desired.reshape(3, 4, -1), {})
        np.testing.assert_array_equal(grid, np.reshape(rewards, (3, 4)))
        reached = env.compute_reward(desired, desired, None)
        np.testing.assert_array_equal(reached, np.zeros(12))  # at the goal no reward is lost


@pytest.mark.parametrize("fault", ["nan", "inf", "shape", "rank"])
def test_bad_actions_are_refused_and_harm_nothing(task, fault):
    """NaN, infinity and wrong shapes raise ValueError; the episode goes on as if they had not been."""
    env, twin = make(task), make(task)
    for e in (env, twin):
        e.reset(seed=3)
    size = env.action_space.shape[0]
    bad = {
        "nan": np.full(size, np.nan),
        "inf": np.r_[np.zeros(size - 1), np.inf],
        "shape": np.zeros(size + 1),
        "rank": np.zeros((1, size)),
    }[fault]
    with pytest.raises(ValueError, match=r"actions must (be finite|have shape)"):
        env.step(bad)
    action = np.full(size, 0.3)
    np.testing.assert_array_equal(env.step(action)[0]["observation"], twin.step(action)[0]["observation"])


def test_large_actions_act_as_if_clipped(task, control):
    env, twin = make(task, control=control), make(task, control=control)
    for e in (env, twin):
        e.reset(seed=3)
    size = env.action_space.shape[0]
    for _ in range(5):
        one, other = env.step(np.full(size, 1e6)), twin.step(np.ones(size))
        np.testing.assert_array_equal(one[0]["observation"], other[0]["observation"])
        assert one[1] == other[1]


def test_random_and_extreme_actions_stay_within_the_space(task, control):
    """10,000 random and extreme actions: every observation finite and in the space, nothing diverges."""
    envs, observations, rewards, diverged = random_life(task, control)
    for key, space in envs.single_observation_space.items():
        seen = observations[key]
        assert np.isfinite(seen).all() and (seen >= space.low).all() and (seen <= space.high).all()
        assert seen.dtype == space.dtype and seen.shape[2:] == space.shape
    assert np.isfinite(rewards).all() and (rewards <= 0).all()
    assert not diverged.any()


def test_no_element_of_the_observation_is_constant(task, control):
    """Over random actions, and those of the expert, who moves things that random ones hardly touch.

    Experts act by the tool; what a task adds to an observation is the same by either controller.
    """
    envs, observations, *_ = random_life(task, control)
    seen = observations["observation"].reshape(200 * 50, -1)
    if control == "joint":
        seen = seen[:, : sum(field.bounds.shape[1] for field in envs.batch.robot.fields())]
    else:
        envs = make_vec(task, num_envs=8)
        policy, observation = robodl_envs.make_policy("expert", envs), envs.reset(seed=0)[0]
        for _ in range(60):
            observation, *_ = envs.step(policy(observation))
            seen = np.concatenate([seen, observation["observation"]])
    assert (np.ptp(seen, axis=0) > 0).all()


def test_returned_arrays_belong_to_the_caller(task):
    """Spoiling an observation or info changes neither earlier nor later ones."""
    env, twin = make_vec(task, num_envs=2), make_vec(task, num_envs=2)
    kept, _ = env.reset(seed=0)
    before = copy.deepcopy(kept)
    twin.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    for _ in range(3):
        observation, reward, _, _, info = env.step(action)
        expected = twin.step(action)
        for key in observation:
            np.testing.assert_array_equal(observation[key], expected[0][key])
            observation[key][:] = np.nan
        np.testing.assert_array_equal(info["is_success"], expected[4]["is_success"])
        info["success_once"][:] = True
        reward[:] = np.nan
    for key in kept:
        np.testing.assert_array_equal(kept[key], before[key])


def test_unseeded_episodes_differ_and_global_state_is_untouched(task):
    before = np.random.get_state()[1].copy()
    env = make(task)
    starts = [env.reset(seed=0)[0], env.reset()[0], env.reset()[0]]
    assert len({b"".join(value.tobytes() for value in start.values()) for start in starts}) == 3
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_autoreset_modes(task, mode):
    """Rows begin anew as Gymnasium's mode says, and every mode draws the same next episode."""
    envs = make_vec(task, num_envs=3, max_episode_steps=4, autoreset_mode=mode)
    assert envs.metadata["autoreset_mode"] is mode
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(3):
        *_, truncated, _ = envs.step(action)
        assert not truncated.any()
    last, _, _, truncated, info = envs.step(action)
    assert truncated.all()
    if mode is AutoresetMode.SAME_STEP:
        observation = last
        assert info["_final_obs"].all() and info["_final_info"].all()
        assert info["final_obs"][1].keys() == observation.keys()
        assert {"success_once", "success_at_end", "_success_at_end"} <= info["final_info"].keys()
    elif mode is AutoresetMode.NEXT_STEP:
        observation, reward, _, truncated, _ = envs.step(action)
        assert not truncated.any() and (reward == 0).all()
    else:
        mask = np.array([True, False, True])
        observation, _ = envs.reset(options={"reset_mask": mask})
        for key in last:
            np.testing.assert_array_equal(observation[key][1], last[key][1])
        observation, _ = envs.reset(options={"reset_mask": ~mask})
    single = make(task)
    for i in range(3):
        single.reset(seed=i)
        for key, value in single.reset()[0].items():
            np.testing.assert_array_equal(observation[key][i], value)


def test_diverged_row_is_flagged_and_alone(task):
    """A row that explodes truncates with its last finite observation; its neighbours do not notice."""
    envs, twin = make_vec(task, num_envs=3), make_vec(task, num_envs=3)
    for e in (envs, twin):
        e.reset(seed=0)
    action = np.full(envs.action_space.shape, 0.2)
    last = envs.step(action)[0]
    twin.step(action)
    for poison in (np.nan, 1e9):
        envs.batch.sim.qvel[1] = poison
        observation, reward, _, truncated, info = envs.step(action)
        expected = twin.step(action)[0]
        assert info["diverged"].tolist() == truncated.tolist() == [False, True, False]
        for key in observation:
            assert np.isfinite(observation[key]).all()
            np.testing.assert_array_equal(observation[key][1], last[key][1])
            np.testing.assert_array_equal(observation[key][[0, 2]], expected[key][[0, 2]])
        assert np.isfinite(reward).all()
        for _ in range(3):  # NEXT_STEP: row 1 begins anew, and goes on
            last, _, _, truncated, info = envs.step(action)
            twin.step(action)
            assert np.isfinite(last["observation"]).all()
            assert not info["diverged"].any() and not truncated.any()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_batch_goes_on_in_a_forked_child(task):
    """A vector environment made and used before a fork steps in the child as it would have in the parent."""
    envs = make_vec(task, num_envs=4, threads=2)
    envs.reset(seed=0)
    action = np.full(envs.action_space.shape, 0.4)
    envs.step(action)
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(send, envs.step(action)[0]["observation"].tobytes())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        got = pipe.read()
    os.waitpid(child, 0)
    assert got == envs.step(action)[0]["observation"].tobytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("at_once", [True, False], ids=["before all else", "later"])
def test_garbage_of_the_parent_does_not_hang_a_forked_child(task, at_once):
    """Collecting a used vector environment in a child would wait for threads that no fork copies."""
    gc.collect()
    gc.disable()
    try:
        envs = make_vec(task, num_envs=4, threads=2)
        envs.reset(seed=0)
        del envs  # components refer to each other: memory goes only when the collector comes
        receive, send = os.pipe()
        COLLECTS_FIRST.set() if at_once else COLLECTS_FIRST.clear()
        child = os.fork()
        if child == 0:
            gc.collect()
            os.write(send, b"collected")
            os._exit(0)
    finally:
        gc.enable()
        COLLECTS_FIRST.clear()
    os.close(send)
    ready, _, _ = select.select([receive], [], [], 20)
    if not ready:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert ready and os.read(receive, 100) == b"collected"
    os.close(receive)


CONTEXTS = ["forkserver", "spawn"] + (["fork"] if sys.platform == "linux" else [])


@pytest.mark.parametrize("task", ONE_AND_ALL)
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_async_vector_env(task, context):
    """Gymnasium's worker processes see the rows that a loop in one process would."""
    env_id = f"robodl_envs:{robodl_envs.task_id(task)}"
    envs = gym.vector.AsyncVectorEnv([lambda: gym.make(env_id)] * 2, context=context)
    ours = make_vec(task, num_envs=2)
    try:
        theirs, _ = envs.reset(seed=3)
        expected, _ = ours.reset(seed=3)
        for _ in range(3):
            np.testing.assert_array_equal(theirs["observation"], expected["observation"])
            action = np.full(ours.action_space.shape, 0.1, np.float32)
            theirs, expected = envs.step(action)[0], ours.step(action)[0]
    finally:
        envs.close()


def test_made_by_gymnasium(task):
    """make and make_vec give the registry's time limit, ours by another number, and both faces the same goals."""
    env = gym.make(robodl_envs.task_id(task), max_episode_steps=3)
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3] for _ in range(3)]
    assert ends == [False, False, True]
    envs = gym.make_vec(robodl_envs.task_id(task), num_envs=2)
    assert envs.batch.max_episode_steps == gym.spec(robodl_envs.task_id(task)).max_episode_steps
    env.close()
    env.close()
    envs.close()


def test_foreign_states_are_refused_whole(task):
    """A state of other settings or another number of rows raises, and nothing has changed."""
    env = make(task)
    env.reset(seed=0)
    strangers = [make(task, control="joint"), make_vec(task, num_envs=3)]
    before = pickle.dumps(env.get_state())
    for stranger in strangers:
        stranger.reset(seed=1)
        with pytest.raises(ValueError, match="the state is of"):
            env.set_state(stranger.get_state())
    assert pickle.dumps(env.get_state()) == before


def test_copies_keep_what_gymnasium_gave(task):
    env = gym.make(robodl_envs.task_id(task)).unwrapped
    env.reset(seed=3)
    env.action_space.seed(5)
    twin = copy.deepcopy(env)
    assert twin.spec == env.spec and twin.np_random_seed == 3
    np.testing.assert_array_equal(twin.action_space.sample(), env.action_space.sample())


def test_a_diverged_row_succeeds_in_nothing(task):
    """Even one that was at its goal when it exploded."""
    envs = make_vec(task, num_envs=2)
    envs.task.success = lambda achieved, desired: np.ones(len(achieved), bool)  # everywhere is at the goal
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(6):
        *_, info = envs.step(action)
    assert info["success_at_end"].all()
    envs.batch.sim.qvel[1] = np.nan
    *_, info = envs.step(action)
    assert info["is_success"].tolist() == info["success_at_end"].tolist() == [True, False]
