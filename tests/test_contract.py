"""Promises that every registered environment keeps."""

import copy
import gc
import os
import pickle
import select
import signal
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import robodl_envs
from robodl_envs.gym_env import make, make_vec
from tests.envs.rollouts import batch_rollout, single_rollout


@pytest.mark.parametrize("num", [1, 3, 64])
@pytest.mark.parametrize("threads", [1, 2])
def test_row_equals_single_env(task, control, num, threads):
    """Row i of a batch seeded s is the single env seeded s + i, to the last bit, through resets."""
    rows = batch_rollout(task, seed=7, steps=300, num=num, threads=threads, control=control)
    for i in {0, num // 2, num - 1}:
        np.testing.assert_array_equal(rows[:, i], single_rollout(task, seed=7 + i, steps=300, control=control))


def test_gymnasium_check(task, control):
    """Gymnasium's checker passes without a warning."""
    env = gym.make(robodl_envs.task_id(task), control=control).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)


def test_continuation_after_set_state(task, control, rng):
    """An episode goes on bit for bit from a saved state, in the same environment and in a new one."""
    envs = make_vec(task, num_envs=3, control=control, max_episode_steps=50)
    envs.reset(seed=1)
    actions = rng.uniform(-1, 1, (130, *envs.action_space.shape))
    for action in actions[:30]:
        envs.step(action)
    state = pickle.loads(pickle.dumps(envs.get_state()))
    expected = [envs.step(action) for action in actions[30:]]
    other = make_vec(task, num_envs=3, control=control, max_episode_steps=50)
    for goes_on in (envs, other):
        goes_on.set_state(state)
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


def test_random_and_extreme_actions_stay_within_the_space(task, control, rng):
    """10,000 random and extreme actions: every observation finite and in the space, nothing diverges."""
    envs = make_vec(task, num_envs=50, control=control, max_episode_steps=50)
    envs.reset(seed=0)
    for step in range(200):
        action = rng.uniform(-1, 1, envs.action_space.shape)
        action = np.sign(action) if step % 4 < 2 else action
        observation, reward, _, _, info = envs.step(action.astype(np.float32))
        assert observation in envs.observation_space
        assert np.isfinite(reward).all() and (reward <= 0).all()
        assert not info["diverged"].any()


def test_no_element_of_the_observation_is_constant(task, control, rng):
    envs = make_vec(task, num_envs=8, control=control, max_episode_steps=50)
    seen = [envs.reset(seed=0)[0]["observation"]]
    seen += [envs.step(rng.uniform(-1, 1, envs.action_space.shape))[0]["observation"] for _ in range(60)]
    assert (np.ptp(np.concatenate(seen), axis=0) > 0).all()


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
    goals = [env.reset(seed=0)[0]["desired_goal"], env.reset()[0]["desired_goal"], env.reset()[0]["desired_goal"]]
    assert len({goal.tobytes() for goal in goals}) == 3
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
        np.testing.assert_array_equal(observation["desired_goal"][1], last["desired_goal"][1])
        observation, _ = envs.reset(options={"reset_mask": ~mask})
    single = make(task)
    for i in range(3):
        single.reset(seed=i)
        np.testing.assert_array_equal(observation["desired_goal"][i], single.reset()[0]["desired_goal"])


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
def test_garbage_of_the_parent_does_not_hang_a_forked_child(task):
    """Collecting a used vector environment in a child would wait for threads that no fork copies."""
    gc.collect()
    gc.disable()
    try:
        envs = make_vec(task, num_envs=4, threads=2)
        envs.reset(seed=0)
        del envs  # components refer to each other: memory goes only when the collector comes
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            gc.collect()
            os.write(send, b"collected")
            os._exit(0)
    finally:
        gc.enable()
    os.close(send)
    ready, _, _ = select.select([receive], [], [], 20)
    if not ready:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert ready and os.read(receive, 100) == b"collected"
    os.close(receive)


CONTEXTS = ["forkserver", "spawn"] + (["fork"] if sys.platform == "linux" else [])


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
    envs = make_vec(task, num_envs=2, radius=5.0)  # everywhere is at the goal
    envs.reset(seed=0)
    action = np.zeros(envs.action_space.shape)
    for _ in range(6):
        *_, info = envs.step(action)
    assert info["success_at_end"].all()
    envs.batch.sim.qvel[1] = np.nan
    *_, info = envs.step(action)
    assert info["is_success"].tolist() == info["success_at_end"].tolist() == [True, False]
