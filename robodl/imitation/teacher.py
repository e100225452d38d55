"""Teachers of imitation: the task's scripted expert, or a policy that was trained on what the simulator knows."""

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from robodl.config import imitation_config
from robodl.learning.policy_files import load_policy
from robodl.learning.zoo import zoo_stem
from robodl.runs.run_folder import Run
from robodl.sb3_internals import policy_actions
from robodl_envs.experts.policy import Policy, student_observable_policy

SAME_AS_TEACHER = ("robot", "control", "control_dt")  # besides the task: what decides on the meaning of an action


def teacher_policy(cfg: DictConfig, envs: Any, device: torch.device) -> Policy:
    """The policy that labels states, of what observation="state" shows: in environments of a run's configuration.

    Raises:
        KeyError, ValueError: see make_policy; there is no such trained policy, or it is of other actions.
    """
    teacher = imitation_config(cfg.algo).teacher
    if teacher is None:
        return student_observable_policy(envs.unwrapped.batch)
    stem = zoo_stem(cfg.env["task"], cfg.robot["name"]) if teacher == "zoo" else Run.existing(teacher).best
    if not stem.with_suffix(".json").is_file():
        raise ValueError(f"algo.imitation_teacher={teacher} has no best policy yet: it has not been evaluated once")
    policy, own = load_policy(Path(stem), device)
    if own.observation != "state":
        raise ValueError(
            f"algo.imitation_teacher={teacher} learnt with observation={own.observation}: a teacher needs 'state', "
            "which it gets whatever the learner sees"
        )
    if own.env["task"] != cfg.env["task"]:
        raise ValueError(f"algo.imitation_teacher={teacher} is of {own.env['task']}, not of {cfg.env['task']}")
    for key in SAME_AS_TEACHER:
        if own[key] != cfg[key]:
            there, here = (str(each[key]).replace("'", "") for each in (own, cfg))
            raise ValueError(f"algo.imitation_teacher={teacher} has {key}={there}, not {here}")
    return lambda observation: policy_actions(policy, observation)
