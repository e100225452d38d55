"""Teachers of imitation: the task's scripted expert, or a policy that was trained on what the simulator knows."""

from typing import Any

import torch
from omegaconf import DictConfig

from robodl.config import imitation_config
from robodl.learning.contenders import best_stem, difference
from robodl.learning.policy_files import load_policy
from robodl.learning.zoo import zoo_stem
from robodl.options import UsageError
from robodl.runs.run_folder import Run
from robodl.sb3_internals import policy_actions
from robodl_envs.experts.policy import Policy, student_observable_policy

SAME_AS_TEACHER = ("robot", "control", "control_dt")  # besides the task: what decides on the meaning of an action


def teacher_policy(cfg: DictConfig, envs: Any, device: torch.device) -> Policy:
    """The policy that labels states, of what observation="state" shows: in environments of a run's configuration.

    Raises:
        KeyError, ValueError: see make_policy.
        UsageError: there is no such trained policy, or it is of other actions.
    """
    teacher = imitation_config(cfg.algo).teacher
    if teacher is None:
        return student_observable_policy(envs.unwrapped.batch)
    if teacher == "zoo":
        stem = zoo_stem(cfg.env["task"], cfg.robot["name"], "state")
    else:
        stem = best_stem(Run.existing(teacher), "go on with it until it has, resume=<run>")
    policy, own = load_policy(stem, device)
    name = f"algo.imitation_teacher={teacher}"
    if own.observation != "state":
        raise UsageError(
            f"{name} learnt with observation={own.observation}: a teacher needs state, which it gets whatever the "
            "learner sees"
        )
    if own.env["task"] != cfg.env["task"]:
        raise UsageError(f"{name} is of {own.env['task']}, not of {cfg.env['task']}")
    for key in SAME_AS_TEACHER:
        if differs := difference(key, cfg, own):
            here, there = differs
            raise UsageError(f"{name} has {key}={there}, not {here}")
    return lambda observation: policy_actions(policy, observation)
