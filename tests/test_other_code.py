"""Other people's code: the documentation's example, and training (minutes each, `pytest -m slow`)."""

import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import robodl_envs

ENV_ID = "robodl_envs:robodl/Reach-v0"
EVALUATION_SEED = 10**6
ROBOTS_PAGE = Path(__file__).parents[1] / "docs" / "robots.md"


def test_the_documented_robot_works_as_pasted(tmp_path):
    """In a folder of its own: a class of at most 30 lines, and an expert that picks cubes."""
    page = ROBOTS_PAGE.read_text()
    for language, name in (("xml", "six.xml"), ("python", "six.py")):
        (tmp_path / name).write_text(re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)[1])
    program = (tmp_path / "six.py").read_text()
    assert len(program.partition("if __name__")[0].split("\n")) <= 30
    done = subprocess.run([sys.executable, "-W", "error", "six.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("success: 1.0\n", "")


def flat_env():
    return gym.wrappers.FlattenObservation(gym.make(ENV_ID))


@pytest.mark.slow
def test_ppo_of_stable_baselines3_learns_reach():
    """SB3's own PPO, policy and make_vec_env, with a horizon fit for 50 steps: 90 % within 300,000 steps."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    envs = make_vec_env(ENV_ID, n_envs=8, seed=0)
    model = PPO("MultiInputPolicy", envs, n_steps=256, gamma=0.9, seed=0, device="cpu")
    model.learn(299_000)  # whole rollouts of 2,048 steps: 299,008
    envs = gym.make_vec(robodl_envs.task_id("reach"), num_envs=100)
    observation, _ = envs.reset(seed=EVALUATION_SEED)
    for _ in range(50):
        observation, *_, info = envs.step(model.predict(observation, deterministic=True)[0])
    assert info["success_at_end"].mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_textbook_ppo_learns_reach_in_worker_processes(context):
    """A PPO loop over flat observations and AsyncVectorEnv, usual hyperparameters: 90 % within 300,000 steps."""
    envs = gym.vector.AsyncVectorEnv([flat_env] * 8, context=context)
    try:
        act = flat_ppo(envs, total=300_000)
    finally:
        envs.close()
    test = gym.vector.SyncVectorEnv([flat_env] * 100)
    observation, _ = test.reset(seed=EVALUATION_SEED)
    for _ in range(50):
        observation, *_, info = test.step(act(observation))
    assert info["success_at_end"].mean() >= 0.9


def flat_ppo(envs, total, steps=256, epochs=10, batch=64, gamma=0.99, lam=0.95, clip=0.2):
    """Textbook PPO with observation scaling; an episode that time ends is bootstrapped, as it should be.

    Returns:
        The mean action as a function of observations.
    """
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(1)
    envs = gym.wrappers.vector.NormalizeObservation(envs)
    num, inputs, outputs = envs.num_envs, envs.single_observation_space.shape[0], envs.single_action_space.shape[0]

    def network(out, gain):
        layers = [nn.Linear(inputs, 64), nn.Linear(64, 64), nn.Linear(64, out)]
        for layer, scale in zip(layers, (2**0.5, 2**0.5, gain), strict=True):
            nn.init.orthogonal_(layer.weight, scale)
            nn.init.zeros_(layer.bias)
        return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])

    actor, critic, log_std = network(outputs, 0.01), network(1, 1.0), nn.Parameter(torch.zeros(outputs))
    parameters = [*actor.parameters(), *critic.parameters(), log_std]
    optimizer = torch.optim.Adam(parameters, lr=3e-4, eps=1e-5)

    def distribution(observation):
        return torch.distributions.Normal(actor(observation), log_std.exp())

    observation = torch.tensor(envs.reset(seed=1)[0], dtype=torch.float32)
    ended = torch.zeros(num)
    for _ in range(total // (num * steps)):
        observations, actions, logp, reward, value, is_real = [], [], [], [], [], []
        for _ in range(steps):
            with torch.no_grad():
                policy = distribution(observation)
                action = policy.sample()
                value.append(critic(observation)[:, 0])
            observations.append(observation)
            actions.append(action)
            logp.append(policy.log_prob(action).sum(1))
            is_real.append(1.0 - ended)  # after an episode's end Gymnasium ignores one action and resets
            new, r, terminated, truncated, _ = envs.step(action.clamp(-1, 1).numpy())
            observation = torch.tensor(new, dtype=torch.float32)
            reward.append(torch.tensor(r, dtype=torch.float32))
            ended = torch.tensor(terminated | truncated, dtype=torch.float32)
        with torch.no_grad():
            value.append(critic(observation)[:, 0])
        is_real.append(1.0 - ended)
        advantage, trace = torch.zeros(steps, num), torch.zeros(num)
        for t in reversed(range(steps)):
            trace = reward[t] + gamma * value[t + 1] - value[t] + gamma * lam * is_real[t + 1] * trace
            advantage[t] = trace
        keep = torch.stack(is_real[:-1]).reshape(-1) > 0
        data = [torch.stack(x).flatten(0, 1)[keep] for x in (observations, actions, logp)]
        gain = advantage.reshape(-1)[keep]
        target = gain + torch.stack(value[:-1]).reshape(-1)[keep]
        for _ in range(epochs):
            for index in torch.randperm(len(gain)).split(batch):
                o, a, old = (x[index] for x in data)
                ratio = (distribution(o).log_prob(a).sum(1) - old).exp()
                g = (gain[index] - gain[index].mean()) / (gain[index].std() + 1e-8)
                loss = torch.max(-g * ratio, -g * ratio.clamp(1 - clip, 1 + clip)).mean()
                loss = loss + 0.25 * ((critic(o)[:, 0] - target[index]) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 0.5)
                optimizer.step()

    def act(flat):
        scaled = (flat - envs.obs_rms.mean) / np.sqrt(envs.obs_rms.var + envs.epsilon)
        with torch.no_grad():
            return actor(torch.tensor(scaled, dtype=torch.float32)).clamp(-1, 1).numpy()

    return act
