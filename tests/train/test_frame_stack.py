"""Stacks of the latest images of each row: episodes, training, evaluation, files."""

import json

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from robodl.frame_stack import FrameStack
from robodl.vision.image_views import color_images
from robodl_envs import make_vec
from tests.train.conftest import assert_resumes_exactly, run
from tests.train.test_image_training import IMAGES, PPO, SAC, TINY

SETTINGS = {"observation": "image", "cameras": ["front", "side_depth"], "image_size": 8, "renderer": "ray"}
CHANNELS = {"front": 3, "side_depth": 1}
COUNT, STEPS, LIMIT = 3, 11, 4


def stacked(num, mode, **settings):
    return FrameStack(make_vec("reach", num_envs=num, autoreset_mode=mode, **SETTINGS, **settings), COUNT)


def expected_stacks(images):
    """Stacks of an episode's images, (T, height, width, channels), from the definition."""
    return [np.concatenate([images[max(0, t - k)] for k in (2, 1, 0)], axis=-1) for t in range(len(images))]


def split_action(num, t):
    """Actions that move each row elsewhere."""
    return np.stack([np.sin([t + row, 2.0 * row, t]) for row in range(num)])


@pytest.mark.warp
@pytest.mark.slow
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_stacks_of_tensors(mode):
    """Those of the same environment's images, by the definition, final images and a saved state included."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("mujoco_warp")
    settings = {"backend": "warp", "device": "cpu", "max_episode_steps": LIMIT}
    envs, plain = stacked(2, mode, **settings), stacked(2, mode, **settings).env
    step = lambda env, t: env.step(torch.tensor(split_action(2, t), dtype=torch.float32))  # noqa: E731
    seen = [plain.reset(seed=20)[0]]
    first, state = envs.reset(seed=20)[0], None
    assert torch.equal(first["front"], torch.cat([seen[0]["front"]] * COUNT, dim=-1))
    for t in range(STEPS):
        state = envs.get_state() if t == 6 else state
        observation, *_, info = step(envs, t)
        own, *_, own_info = step(plain, t)
        final = own_info.get("final_obs", own)
        if mode == AutoresetMode.NEXT_STEP and t % (LIMIT + 1) == LIMIT:
            seen = []
        seen.append(final)
        expected = torch.cat([seen[max(0, len(seen) - 1 - k)]["front"] for k in (2, 1, 0)], dim=-1)
        assert torch.equal(info.get("final_obs", observation)["front"], expected), t
        if "final_obs" in info:
            seen = [own]
            assert torch.equal(observation["front"], torch.cat([own["front"]] * COUNT, dim=-1))
    envs.set_state(state)
    for t in range(6, STEPS):
        again = step(envs, t)[0]
    assert all(torch.equal(again[key], observation[key]) for key in again)


def single_episodes(seed, row):
    """The episodes of a single environment that acts as a row of a batch, each a list of observations."""
    env = make_vec("reach", num_envs=1, autoreset_mode="Disabled", **SETTINGS)
    episodes, t = [], 0
    while t < STEPS:
        observation, _ = env.reset(seed=seed + row if not episodes else None)
        episode = [observation]
        for _ in range(LIMIT):
            episode.append(env.step(split_action(3, t)[row : row + 1])[0])
            t += 1
        episodes.append({key: expected_stacks([each[key][0] for each in episode]) for key in CHANNELS})
    env.close()
    return episodes


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_a_row_is_a_single_environment_with_the_stack(mode):
    """To the bit, over several episodes: no image leaks into the next, and final observations have their own."""
    envs = stacked(3, mode, max_episode_steps=LIMIT)
    assert envs.single_observation_space["front"].shape == (8, 8, 9)
    assert envs.single_observation_space["side_depth"].shape == (8, 8, 3)
    rows = [single_episodes(20, row) for row in range(3)]
    observation, _ = envs.reset(seed=20)
    episode, step, t = 0, 0, 0
    while t < STEPS:
        assert envs.observation_space.contains(observation)
        for row in range(3):
            for key in CHANNELS:
                np.testing.assert_array_equal(observation[key][row], rows[row][episode][key][step])
        observation, _, _, truncated, info = envs.step(split_action(3, t))
        t, step = t + 1, step + 1
        assert truncated.all() == (step == LIMIT)
        if step == LIMIT:
            if mode == AutoresetMode.SAME_STEP:
                last = info["final_obs"]
            else:
                last = [{key: observation[key][row] for key in CHANNELS} for row in range(3)]
                observation = envs.step(split_action(3, t))[0]  # begins the next episode
            for row in range(3):
                for key in CHANNELS:
                    np.testing.assert_array_equal(last[row][key], rows[row][episode][key][LIMIT])
            episode, step = episode + 1, 0
    envs.close()


def test_only_the_rows_of_a_reset_begin_anew():
    """The stacks of others, and what a caller does to what it was given, stay out of it."""
    envs = stacked(3, AutoresetMode.DISABLED)
    envs.reset(seed=0)
    for t in range(3):
        last = envs.step(split_action(3, t))[0]
    before = {key: last[key].copy() for key in CHANNELS}
    for key in CHANNELS:
        last[key][:] = 7
    observation, _ = envs.reset(options={"reset_mask": np.array([False, True, False])})
    for key, channels in CHANNELS.items():
        np.testing.assert_array_equal(observation[key][[0, 2]], before[key][[0, 2]])
        newest = observation[key][1, ..., -channels:]
        np.testing.assert_array_equal(observation[key][1], np.concatenate([newest] * COUNT, axis=-1))
        assert (before[key][0, ..., :channels] != before[key][0, ..., -channels:]).any()  # the arm has moved
    envs.close()


def test_a_saved_state_has_the_stacks():
    envs, other = (stacked(2, AutoresetMode.SAME_STEP, max_episode_steps=LIMIT) for _ in range(2))
    envs.reset(seed=0)
    for t in range(2):
        envs.step(split_action(2, t))
    other.reset(seed=9)
    other.set_state(envs.get_state())
    for t in range(5):
        one, two = envs.step(split_action(2, t))[0], other.step(split_action(2, t))[0]
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])
    envs.close()
    other.close()


def test_people_see_the_latest_image_of_a_stack():
    """In videos and in TensorBoard, of each modality."""
    names = {"cameras": ["front", "side_depth", "front_segmentation"]}
    envs = FrameStack(make_vec("reach", num_envs=2, **{**SETTINGS, **names}), COUNT)
    plain = make_vec("reach", num_envs=2, **{**SETTINGS, **names})
    envs.reset(seed=0)
    plain.reset(seed=0)
    for t in range(2):
        stacks, latest = envs.step(split_action(2, t))[0], plain.step(split_action(2, t))[0]
    found, expected = color_images(stacks, row=1), color_images(latest, row=1)
    assert list(found) == list(expected) and len(found) == 3
    for name, image in expected.items():
        np.testing.assert_array_equal(found[name], image)
    envs.close()
    plain.close()


IMITATION = ("imitation_transitions=256", "imitation_rows=16", "imitation_updates=10", "imitation_last_updates=10")


@pytest.mark.parametrize(
    "algo",
    [
        pytest.param((*PPO, *(f"algo.{word}" for word in IMITATION)), id="imitation", marks=pytest.mark.slow),
        pytest.param((*SAC, "algo.demonstrations=200"), id="demonstrations", marks=pytest.mark.slow),
    ],
)
def test_trains_and_resumes_exactly(algo, tmp_path):
    """Half a run, then resumed, ends in the bits of a whole one; the policy evaluates from its files as it did."""
    cameras = "cameras=[front,side_depth,front_segmentation]"
    words = ("env=reach", *IMAGES, *TINY, *algo, cameras, "frame_stack=3")
    tensors = assert_resumes_exactly(words, 512, tmp_path)
    assert any(tensor.ndim == 4 and tensor.shape[1] == 9 + 3 * 5 for tensor in tensors.values())  # front's channels
    run("robodl.evaluate", "run=runs/reach/whole", "episodes=4", "output=score.json", cwd=tmp_path)
    score, result = (
        json.loads((tmp_path / name).read_text()) for name in ("score.json", "runs/reach/whole/result.json")
    )
    assert score["return"] == result["return"]  # of the same four episodes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["frame_stack=3", "observation=state"], "frame_stack=3 is of images, which observation=state has none of"),
        (["frame_stack=0", "observation=image"], "frame_stack must be an integer of at least 1, got 0"),
        (["frame_stack=11", "observation=image"], "as many channels as pixels"),
    ],
)
def test_what_cannot_be_stacked_is_refused(words, message, tmp_path):
    done = run("robodl.train", "env=reach", *words, cwd=tmp_path, check=False)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
