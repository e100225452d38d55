"""PPO on tensors: the updates of Stable-Baselines3's, learning and exact resumption on MuJoCo Warp's CPU device."""

import json

import numpy as np
import pytest
from stable_baselines3 import PPO

from robodl.evaluation.rollout import evaluate_policy
from robodl.imitation.dagger import imitate
from robodl.imitation.transition_store import TransitionStore
from robodl.learning.build import build_model, pick_device, training_envs
from robodl.learning.device_ppo import DevicePPO
from robodl.runs.report import acting
from robodl.vec_env import make_envs
from tests.train.conftest import imitation_words, model_of, run

torch = pytest.importorskip("torch")
pytest.importorskip("mujoco_warp")
pytestmark = pytest.mark.warp
DEVICE = ["backend=warp", "device=cpu"]
SMALL = ["algo.n_steps=8", "algo.batch_size=64", "algo.n_epochs=3", "num_envs=16"]


def filled(model, rollout):
    """Put a rollout into a model's buffer: of tensors, or of arrays."""
    buffer, on_device = model.rollout_buffer, isinstance(model, DevicePPO)
    buffer.reset()
    for obs, actions, rewards, starts, values, log_probs in rollout["steps"]:
        arrays = (obs, actions, rewards, starts) if on_device else to_arrays(obs, actions, rewards, starts)
        buffer.add(*arrays, values, log_probs)
    dones = rollout["dones"] if on_device else rollout["dones"].numpy()
    buffer.compute_returns_and_advantage(rollout["last_values"], dones)


def to_arrays(obs, *others):
    return {key: value.numpy() for key, value in obs.items()}, *(value.numpy() for value in others)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="state"),
        pytest.param(["observation=image", "cameras=[front]"], id="image", marks=pytest.mark.slow),
    ],
)
def test_updates_are_those_of_stable_baselines3(words, composed):
    """From the same rollout, the same weights, to 1e-5, after three epochs of minibatches."""
    models = []
    for more in ([], DEVICE):
        cfg = composed("env=reach", "algo=ppo", *SMALL, *words, *more)
        models.append(build_model(cfg, training_envs(cfg, 16), pick_device("cpu")))
    ours, theirs = models[1], models[0]
    assert type(ours) is DevicePPO and type(theirs) is PPO
    ours.policy.load_state_dict(theirs.policy.state_dict())
    generator, steps = torch.Generator().manual_seed(0), []
    for _ in range(8):
        obs = {
            key: torch.randint(0, 256, (16, *box.shape), generator=generator).to(torch.uint8)
            if len(box.shape) == 3
            else torch.randn(16, *box.shape, generator=generator)
            for key, box in ours.observation_space.spaces.items()
        }
        with torch.no_grad():
            actions, values, log_probs = ours.policy(obs)
        rewards = torch.randn(16, generator=generator)
        starts = (torch.rand(16, generator=generator) < 0.2).float()
        steps.append((obs, actions, rewards, starts, values, log_probs))
    rollout = {"steps": steps, "dones": starts > 0, "last_values": values}
    before = {name: weight.clone() for name, weight in ours.policy.state_dict().items()}
    for model in models:
        model._setup_learn(1)
        filled(model, rollout)
        np.random.seed(0)
        model.train()
    np.testing.assert_allclose(
        ours.rollout_buffer.advantages.T.flatten(), theirs.rollout_buffer.advantages.flatten(), atol=1e-5
    )
    changed = 0.0
    for name, weight in theirs.policy.state_dict().items():
        torch.testing.assert_close(ours.policy.state_dict()[name], weight, atol=1e-5, rtol=1e-5)
        changed = max(changed, float((weight - before[name]).abs().max()))
    assert changed > 1e-4
    logged = [model.logger.name_to_value for model in models]
    for name in (
        "policy_gradient_loss",
        "value_loss",
        "entropy_loss",
        "approx_kl",
        "clip_fraction",
        "explained_variance",
    ):
        assert logged[1][f"train/{name}"] == pytest.approx(logged[0][f"train/{name}"], abs=1e-4), name


@pytest.mark.slow
def test_reach_is_learnt_on_the_device(tmp_path):
    """To 95 % on the CPU's backend, and a resumed run ends in the bits of an undisturbed one."""
    words = ["env=reach", *DEVICE, "video_episodes=0", "test_episodes=200", "eval_episodes=50", "eval_every=16384"]
    run("robodl.train", *words, "name=whole", cwd=tmp_path)
    result = json.loads((tmp_path / "runs/reach/whole/result.json").read_text())
    assert result["success_rate"] >= 0.95


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_same_bits(tmp_path):
    words = ["env=reach", *DEVICE, "video_episodes=0", "test_episodes=5", "eval_episodes=5", "eval_every=2048"]
    run("robodl.train", *words, "name=whole", "total_timesteps=4096", cwd=tmp_path)
    run("robodl.train", *words, "name=half", "total_timesteps=2048", cwd=tmp_path)
    run("robodl.train", "resume=runs/reach/half", "total_timesteps=4096", cwd=tmp_path)
    whole, half = (tmp_path / f"runs/reach/{name}/checkpoints/last.safetensors" for name in ("whole", "half"))
    assert whole.read_bytes() == half.read_bytes()


@pytest.mark.slow
def test_imitation_on_the_device(composed):
    """DAgger on tensors teaches to reach, after two rounds; what it stores is tested in test_transition_store."""
    words = imitation_words(transitions=2 * 128 * 50, updates=200, last_updates=200, batch_size=128)
    cfg = composed("env=reach", "algo=ppo", "algo.hidden=[64,64]", *DEVICE, *words)
    model, states = model_of(cfg), []
    imitate(model, cfg, store=TransitionStore(save=states.append))
    assert [state["done"] for state in states] == [50, 100]
    test_envs = make_envs(composed("env=reach"), 50, "Disabled")
    assert evaluate_policy(acting(model.policy), test_envs, 50, seed=5).success_rate > 0.9
