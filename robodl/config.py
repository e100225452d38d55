"""Every option of training and pretraining, and the checks of a composed configuration.

An option is a field: its name, type, default, bounds and help are said here and nowhere else. Values of groups, such as
`env` and `algo`, lie in conf/. Hydra composes both; `settled` makes of that what a run is made from.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from robodl.options import RenamedKeyWarning, UsageError, checked, group, option, options, walk

# Shared by several commands.
CONTROLS, REWARDS, OBSERVATIONS = ("joint", "tool"), ("dense", "sparse", "shaped"), ("state", "image", "image+state")
BACKENDS = ("cpu", "warp")
TIMESTEP: dict[str, Any] = {"help": "seconds of a step of MuJoCo, 0.0005 to 0.01: 0.008 is 1.6 times as fast"}
THREADS: dict[str, Any] = {"help": "simulation threads, 0 for one per core", "at_least": 0}
DEVICE: dict[str, Any] = {"help": "cpu, cuda, or auto: cuda where there is one"}
OUTPUT: dict[str, Any] = {"help": "file to write the numbers to, as JSON"}
RENAMED = {  # keys of version 0.1, which still work and warn
    "algo.clone": "algo.imitation_transitions",
    "algo.clone_rows": "algo.imitation_rows",
    "algo.clone_length": "algo.imitation_episode_steps",
    "algo.clone_steps": "algo.imitation_updates",
    "algo.clone_last": "algo.imitation_last_updates",
    "algo.clone_batch": "algo.imitation_batch_size",
    "algo.clone_keep": "algo.imitation_keep_episodes",
    "algo.clone_focus": "algo.imitation_error_weight",
    "algo.value_first": "algo.critic_warmup_steps",
}
RENAMED_TENSORS = {  # modules of its policies and encoders
    "eyes": "image_encoder",
    "ask": "query",
    "middle": "center",
    "glance": "glimpse_network",
}


@dataclass
class EnvConfig:
    task: str | None = option(help="registered task; env=<task> chooses it with its settings")


@dataclass
class RandomizeConfig:
    """Nothing of its own: robodl_envs.Randomize lists and checks the keys."""


@dataclass
class NetworkConfig:
    """The policy's and the critic's networks."""

    hidden: list[int] | None = option(help="sizes of the layers, such as [64,64]", at_least=1)
    activation: str | None = option(help="between layers; the algorithm's own if not given", choices=("tanh", "relu"))
    goal_frame: bool = option(
        False, help="PPO, SAC, TQC: see and act in a frame whose x axis points to a goal that is observed"
    )
    log_std_init: float | None = option(help="logarithm of the first exploration noise", at_least=-10, at_most=10)


@dataclass
class LearningConfig:
    """Arguments that several algorithms' classes have; what they mean there is Stable-Baselines3's to say."""

    learning_rate: float | None = option(help="of the optimiser", at_least=0)
    batch_size: int | None = option(help="transitions of an update", at_least=2)
    gamma: float | None = option(help="discount of a step", at_least=0, at_most=1)
    n_steps: int | None = option(help="PPO: steps of a rollout, a row; pixel_sac: of a return", at_least=1)
    n_epochs: int | None = option(help="PPO: passes over a rollout", at_least=1)
    gae_lambda: float | None = option(help="PPO: from one-step (0) to whole returns (1)", at_least=0, at_most=1)
    clip_range: float | None = option(help="PPO: how far an update may go", at_least=0, at_most=1)
    max_grad_norm: float | None = option(help="PPO: longest gradient", at_least=0)
    vf_coef: float | None = option(help="PPO: weight of the value function's loss", at_least=0)
    target_kl: float | None = option(help="PPO: divergence that ends the passes over a rollout", at_least=0)
    buffer_size: int | None = option(help="transitions that replay keeps", at_least=1)
    learning_starts: int | None = option(help="steps of random actions before the first update", at_least=0)
    train_freq: int | None = option(help="steps between updates", at_least=1)
    gradient_steps: int | None = option(help="updates at a time, -1 for as many as steps", at_least=-1)
    tau: float | None = option(help="how fast the target network follows", at_least=0, at_most=1)
    shift: int | None = option(help="pixel_sac: pixels by which images are moved at random", at_least=0)
    demonstration_share: float | None = option(help="pixel_sac: of each batch", at_least=0, at_most=1)


LOSSES = ("l1", "l2")  # mean absolute and mean squared errors


@dataclass
class ImitationConfig:
    """Imitation of the task's scripted expert or of a trained policy (DAgger), before the policy learns by itself."""

    transitions: int = option(0, help="that the expert labels; 0 for no imitation", at_least=0)
    teacher: str | None = option(help="run of observation=state, or zoo, to imitate; the task's expert if not given")
    rows: int = option(128, help="arms that act at once; each adds an episode a round", at_least=1)
    episode_steps: int = option(0, help="control steps of an episode, at most; 0 for the task's limit", at_least=0)
    updates: int = option(1_500, help="optimiser steps after each round", at_least=1)
    last_updates: int = option(1_500, help="optimiser steps after the last round", at_least=1)
    batch_size: int = option(512, help="transitions of an optimiser step", at_least=2)
    keep_episodes: int = option(0, help="latest episodes of a row that are learnt from; 0 for all", at_least=0)
    error_weight: float = option(0.0, help="draw a transition by 1 plus this times the policy's error", at_least=0)
    loss: str = option("l1", help="of actions; l2 learns means, which don't wait where l1 does", choices=LOSSES)
    state_weight: float = option(0.0, help="of a second loss: the state, told from what images show", at_least=0)


@dataclass
class TeachingConfig:
    """Experts and hindsight, and settings that Stable-Baselines3's classes take in another form."""

    anneal: bool = option(False, help="lower the learning rate over the run, to anneal_to")
    anneal_to: float = option(0.0, help="learning rate at the end; when resuming, from what it is now", at_least=0)
    her: int = option(0, help="goals that hindsight relabels for a transition; 0 for none", at_least=0)
    her_energy: bool = option(
        False, help="hindsight: draw episodes by the work done in them on what is moved to the goal, not alike"
    )
    noise: float = option(0.0, help="standard deviation of exploration noise", at_least=0)
    demonstrations: int = option(0, help="transitions of an expert, for replay", at_least=0)
    dataset: str | None = option(help="Minari dataset to take demonstrations or imitation from")
    running_scale: bool = option(False, help="PPO: scale vectors by all that was seen so far")
    stagger: bool = option(False, help="first episodes of different lengths, so that rows are at all stages at once")
    critic_warmup_steps: int = option(0, help="PPO after imitation: steps that train the critic alone", at_least=0)
    imitation: ImitationConfig = group(ImitationConfig, "imitation_")


@dataclass
class AlgoConfig(TeachingConfig, LearningConfig, NetworkConfig):
    _target_: str | None = option(help="class of Stable-Baselines3 or robodl; algo=<name> chooses it with its settings")


@dataclass
class RobotConfig:
    name: str | None = option(help="registered robot; robot=<name> chooses it")


@dataclass
class EncoderName:
    name: str | None = option(help="network that images go through; encoder=<name> chooses it")


@dataclass
class EncoderConfig(EncoderName):
    weights: str | None = option(help="file of robodl.pretrain to start from")
    frozen: bool = option(False, help="whether the weights stay as they are")


@dataclass
class TrainEnvConfig:
    """Nothing of its own: tasks list and check their settings."""


@dataclass
class EnvironmentConfig:
    """Options of the environments that a run is made with."""

    env: EnvConfig = group(EnvConfig, open=True, help="a setting of the task: see docs/environments")
    robot: RobotConfig = group(RobotConfig)
    randomize: RandomizeConfig = group(RandomizeConfig, open=True, help="how much something varies: see Randomize")
    cameras: list[str] | None = option(help="images, such as [front,wrist_depth]; the task's own if not given")
    image_size: int | list[int] = option(32, help="pixels, or [height,width]")
    renderer: str = option("ray", help="ray casts rays; gl draws with OpenGL", choices=("ray", "gl"))
    control: str = option("tool", help="what an action moves", choices=CONTROLS)
    reward: str = option("dense", help="sparse is 0 at the goal; shaped, the speed of approach", choices=REWARDS)
    control_dt: float = option(0.04, help="seconds of a step of the environment, a multiple of timestep")
    timestep: float = option(0.004, **TIMESTEP)
    seed: int = option(0, help="of everything that is random", at_least=0)
    device: str = option("auto", **DEVICE)
    threads: int = option(0, **THREADS)
    name: str | None = option(help="of the run's folder, instead of date, time and id")


@dataclass
class TrainConfig(EnvironmentConfig):
    """Options of `python -m robodl.train`."""

    algo: AlgoConfig = group(AlgoConfig, open=True, help="any other argument of the algorithm's class")
    encoder: EncoderConfig = group(EncoderConfig)
    train_env: TrainEnvConfig = group(
        TrainEnvConfig,
        open=True,
        help="a setting of the task, or max_episode_steps, for training alone, not tests",
    )
    observation: str = option("state", help="what the policy sees", choices=OBSERVATIONS)
    frame_stack: int = option(1, help="images of so many steps, up to now, that the policy sees", at_least=1)
    total_timesteps: int = option(1_000_000, help="steps of all rows together; 0 for imitation alone", at_least=0)
    num_envs: int = option(64, help="rows", at_least=1)
    backend: str = option("cpu", help="warp trains on a GPU, in thousands of rows; tests stay on cpu", choices=BACKENDS)
    torch_threads: int = option(1, help="more slow small networks down beside simulation threads", at_least=1)
    eval_every: int = option(20_000, help="steps between evaluations", at_least=1)
    eval_episodes: int = option(100, help="episodes of each evaluation", at_least=1)
    test_episodes: int = option(500, help="fresh episodes after training", at_least=1)
    checkpoint_every: int = option(0, help="steps between checkpoints; 0: eval_every, 2 % of the time", at_least=0)
    video_episodes: int = option(3, help="episodes in the video at the end; 0 for none", at_least=0)
    resume: str | None = option(help="run folder to go on with")


def own_algo_keys() -> list[str]:
    """Keys of `algo` that are not, or not of every class, arguments of the algorithm's class."""
    return ["_target_", *options(NetworkConfig), *options(TeachingConfig)]


def imitation_config(algo: Mapping[str, Any]) -> ImitationConfig:
    """The settings of imitation among the settled keys of `algo`."""
    given = {field.name: f"imitation_{field.name}" for field in fields(ImitationConfig)}
    return ImitationConfig(**{name: algo[key] for name, key in given.items() if key in algo})


def modern(values: Mapping[str, Any], warn: bool) -> dict[str, Any]:
    """Values by key, where keys of an earlier version have today's names."""
    found = dict(values)
    for old in [key for key in values if key in RENAMED]:
        if warn:
            warnings.warn(f"{old} is called {RENAMED[old]} now", RenamedKeyWarning, stacklevel=2)
        found[RENAMED[old]] = found.pop(old)
    return found


def with_current_names(tensors: dict[str, Any]) -> dict[str, Any]:
    """Tensors by today's names, of which any part between dots may have changed since version 0.1."""
    return {".".join(RENAMED_TENSORS.get(part, part) for part in name.split(".")): t for name, t in tensors.items()}


def nests(schema: type) -> list[str]:
    """The groups whose keys have a dot: env, algo and so on."""
    return [prefix.removesuffix(".") for prefix, *_ in walk(schema) if prefix.endswith(".")]


def defaults(schema: type) -> dict[str, Any]:
    """A configuration in which nothing is chosen yet: groups are empty, all else has its default."""
    empty: dict[str, Any] = {name: {} for name in nests(schema)}
    return empty | {key: each.default for key, each in options(schema).items() if "." not in key}


def settled(schema: type, cfg: DictConfig | Mapping[str, Any], warn: bool = True) -> DictConfig:
    """A composed configuration with checked values in their types; UsageError for what is not right."""
    content: Any = OmegaConf.to_container(cfg, resolve=True) if isinstance(cfg, DictConfig) else cfg
    groups = nests(schema)
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if key in groups and not isinstance(value, dict):
            raise UsageError(f"{key} must be names with values, got {value!r}")
        flat |= {f"{key}.{name}": each for name, each in value.items()} if key in groups else {key: value}
    found = OmegaConf.create(defaults(schema))
    for key, value in checked(schema, modern(flat, warn)).items():
        OmegaConf.update(found, key, value, merge=False)
    return found


def environment(task: str, robot: str = "panda", **values: Any) -> DictConfig:
    """A configuration of an environment alone: other values are defaults."""
    return settled(TrainConfig, {"env": {"task": task}, "robot": {"name": robot}} | values)
