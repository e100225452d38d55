"""What happens beside learning: evaluations, checkpoints, live progress."""

import sys
import time
from typing import Any

import gymnasium
import numpy as np
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from robodl.evaluation.rollout import FIRST_SEED, SELECTION_SEED_OFFSET, Score, evaluate_policy
from robodl.learning.build import save_policy
from robodl.learning.vec_env import channels_first
from robodl.runs.report import show_eyes
from robodl.runs.run_folder import Run


class Checkpoints(BaseCallback):
    """Evaluates every `eval_every` steps, keeps the best policy, and saves all that a resumed run needs.

    It acts between rollouts, when no state is half-way: before the first one, then whenever a step count is due,
    and once more when training ends.
    """

    def __init__(self, run: Run, cfg: DictConfig, envs: gymnasium.vector.VectorEnv, began: float):
        super().__init__()
        self.run, self.cfg, self.envs = run, cfg, envs
        self.began = began  # s, time.time() at the start of the program, less what a resumed run took before
        self.every = cfg.checkpoint_every or cfg.eval_every
        self.best: tuple[float, float] = (-1.0, 0.0)  # success rate, then nearness: minus the mean distance
        self.success_rate = float("nan")
        # Step counts of the last time; what a cloned policy can do is worth knowing before it learns on.
        self.evaluated, self.saved = -cfg.eval_every if cfg.algo.get("clone") else 0, 0

    def extra(self) -> dict[str, Any]:
        marks = {"evaluated": self.evaluated, "saved": self.saved}
        return {"best": np.array(self.best), "seconds": self.seconds, **marks}

    @property
    def seconds(self) -> float:
        """Wall-clock of training so far, over all sessions of the run."""
        return time.time() - self.began

    def restore(self, extra: dict[str, Any]) -> None:
        success_rate, nearness = extra["best"]
        self.best = (float(success_rate), float(nearness))
        self.evaluated, self.saved = int(extra["evaluated"]), int(extra["saved"])
        self.began -= float(extra["seconds"])

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.evaluated + self.cfg.eval_every:
            self.evaluate()
        if self.num_timesteps >= self.saved + self.every:
            self.save()

    def _on_rollout_end(self) -> None:
        inner: Any = self.training_env.unwrapped
        self.logger.record("rollout/diverged", inner.diverged)

    def finish(self) -> None:
        """Evaluate and save the final state, unless that was just done."""
        if self.num_timesteps > self.evaluated:
            self.evaluate()
        self.save()

    def evaluate(self) -> None:
        seed = FIRST_SEED + self.cfg.seed + SELECTION_SEED_OFFSET
        score = evaluate_policy(self.act, self.envs, self.cfg.eval_episodes, seed)
        self.evaluated = self.num_timesteps
        self.success_rate = score.success_rate
        log_score(self.logger, score)
        if self.cfg.observation != "state":
            show_eyes(self.model.policy, self.envs, seed, self.logger, self.num_timesteps)
        self.logger.dump(self.num_timesteps)
        rank = (score.success_rate, -float(score.distance.mean()))
        if rank > self.best:
            self.best = rank
            self.write(self.run.best)

    def save(self, **more: Any) -> None:
        """Save the policy and the state of training; more: of what `restore` does not need."""
        self.saved = self.num_timesteps
        self.write(self.run.last)
        self.run.save_training(self.model, {**self.extra(), **more})

    def write(self, stem) -> None:
        facts = {"num_timesteps": self.num_timesteps, "success_rate": self.success_rate}
        save_policy(stem, self.model, self.cfg, facts)
        self.model.save(stem.with_name(f"{stem.name}_sb3.zip"))

    def act(self, observation):
        return self.model.predict(channels_first(observation), deterministic=True)[0]


def log_score(logger, score: Score) -> None:
    low, high = score.interval
    logger.record("eval/success_rate", score.success_rate)
    logger.record("eval/success_low", low)
    logger.record("eval/success_high", high)
    logger.record("eval/success_once", float(score.success_once.mean()))
    for name, value in score.reported_metrics.items():
        logger.record(f"eval/{name}", value)
    logger.record("eval/return", float(score.returns.mean()))
    logger.record("eval/diverged", score.diverged)


class ValueFirst(BaseCallback):
    """Lets PPO learn only to judge what a cloned policy does, for some steps, before it changes what it does.

    Advantages of a value function that knows nothing yet would spoil the policy.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps
        self.waits: list[nn.Parameter] = []  # what acts, as far as it learns at all

    def _on_training_start(self) -> None:
        policy = self.model.policy
        if self.steps and isinstance(policy, ActorCriticPolicy):
            parts = (policy.features_extractor, policy.mlp_extractor.policy_net, policy.action_net)
            own = [parameter for part in parts for parameter in part.parameters() if parameter.requires_grad]
            self.waits = [*own, policy.log_std]

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        for parameter in self.waits:
            parameter.requires_grad_(self.num_timesteps >= self.steps)

    def _on_training_end(self) -> None:
        for parameter in self.waits:
            parameter.requires_grad_(True)


class Live(BaseCallback):
    """Progress for people: a bar on a terminal, a line at each evaluation elsewhere."""

    def __init__(self, checkpoints: Checkpoints, total: int):
        super().__init__()
        self.checkpoints, self.total = checkpoints, total
        self.console = Console()
        self.bar: Progress | None = None
        self.began, self.first, self.shown = time.monotonic(), 0, -1

    def _on_training_start(self) -> None:
        self.began, self.first = time.monotonic(), self.num_timesteps
        if sys.stdout.isatty():
            columns = (
                TextColumn("{task.completed:>9,} / {task.total:,} steps"),
                BarColumn(),
                TextColumn("success {task.fields[success]}"),
                TextColumn("{task.fields[speed]:>7,.0f} steps/s"),
                TimeRemainingColumn(),
            )
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task("", total=self.total, success="  -  ", speed=0.0)
            self.bar.start()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self.show()

    def show(self) -> None:
        done, rate = self.num_timesteps, self.checkpoints.success_rate
        speed = (done - self.first) / max(time.monotonic() - self.began, 1e-9)  # since the last evaluation
        success = "  -  " if np.isnan(rate) else f"{rate:5.1%}"
        if self.bar is not None:
            self.bar.update(self.task, completed=done, success=success, speed=speed)
        elif self.checkpoints.evaluated > self.shown and not np.isnan(rate):
            left = max(self.total - done, 0) / max(speed, 1e-9)
            pace = f"  {speed:,.0f} steps/s  {left:.0f} s left" if done > self.first else ""
            print(f"{done:>10,} / {self.total:,} steps  success {success}{pace}", flush=True)
        if (
            self.checkpoints.evaluated > self.shown
        ):  # what went before, such as SAC's warm-up, says little of what comes
            self.shown, self.began, self.first = self.checkpoints.evaluated, time.monotonic(), done

    def stop(self) -> None:
        """Show the last state and give the terminal back."""
        self.show()
        if self.bar is not None:
            self.bar.stop()
