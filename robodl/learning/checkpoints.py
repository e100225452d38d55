"""Evaluations and checkpoints during training."""

import time
from pathlib import Path
from typing import Any, NoReturn

import gymnasium
import numpy as np
from omegaconf import DictConfig
from stable_baselines3.common.callbacks import BaseCallback

from robodl.atomic_write import FileSet, together
from robodl.cli import fail
from robodl.config import imitation_config
from robodl.evaluation.rollout import FIRST_SEED, SELECTION_SEED_OFFSET, Score, evaluate_policy
from robodl.learning.annealing import line_of
from robodl.learning.policy_files import save_policy
from robodl.learning.stopping import Stopping
from robodl.runs.report import acting
from robodl.runs.run_folder import Run
from robodl.runs.tensorboard import log_saliency

TIME_SHARE = 0.02  # of the time, at most, that goes into checkpoints where their interval is left to us


class Checkpoints(BaseCallback):
    """Evaluate every `eval_every` steps, keep the best policy, and save what a resumed run needs.

    This happens between rollouts, when no state is half-way: before the first one, whenever the step count is due, and
    once more when training ends. A checkpoint is due every `checkpoint_every` steps; if that is 0, with an evaluation,
    unless the last one took more than TIME_SHARE of the time since: a replay buffer may hold a gigabyte.

    Args:
        envs: to evaluate in, made with AutoresetMode.DISABLED.
        start_time: time.time() at the start of the program.
        stop: what a signal asks through for a stop, which a checkpoint precedes.
    """

    def __init__(self, run: Run, cfg: DictConfig, envs: gymnasium.vector.VectorEnv, start_time: float, stop: Stopping):
        super().__init__()
        self.stop = stop
        self.run, self.cfg, self.envs = run, cfg, envs
        self.start_time = start_time  # less the seconds of a resumed run's earlier sessions
        self.best_rank: tuple[float, float] = (-1.0, 0.0)  # success rate, then minus the mean distance
        self.success_rate = float("nan")
        self.curve: list[list[float]] = []  # of each evaluation: steps, seconds since the start, success rate
        # Step counts of the last evaluation and the last checkpoint. A policy is evaluated after imitation, at step 0.
        self.last_evaluation = -cfg.eval_every if imitation_config(cfg.algo).transitions else 0
        self.last_checkpoint = 0
        self.save_seconds, self.saved_time = 0.0, time.monotonic()  # what the last checkpoint took, and its end

    @property
    def seconds(self) -> float:
        """Wall-clock time of training so far, over all sessions of the run."""
        return time.time() - self.start_time

    def state(self) -> dict[str, Any]:
        """State that `restore` needs."""
        steps = {"evaluated": self.last_evaluation, "saved": self.last_checkpoint}
        so_far = {"best": self.best_rank, "seconds": self.seconds, "curve": np.reshape(self.curve, (-1, 3))}
        return {**so_far, "learning_rate": line_of(self.model), **steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the `state` of a run that is resumed."""
        self.best_rank = (float(state["best"][0]), float(state["best"][1]))
        self.last_evaluation, self.last_checkpoint = int(state["evaluated"]), int(state["saved"])
        curve = np.asarray(state.get("curve", ())).reshape(-1, 3).tolist()
        self.curve = [[int(steps), seconds, rate] for steps, seconds, rate in curve]
        self.start_time -= float(state["seconds"])

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.stop.signal is not None:
            self.save()
            self.stop.interrupt()
        if self.num_timesteps >= self.last_evaluation + self.cfg.eval_every:
            self.evaluate()
        if self.is_due():
            self.save()

    def is_due(self) -> bool:
        """Test whether it is time for a checkpoint."""
        steps = self.num_timesteps - self.last_checkpoint
        if self.cfg.checkpoint_every:
            return steps >= self.cfg.checkpoint_every
        return steps >= self.cfg.eval_every and time.monotonic() - self.saved_time >= self.save_seconds / TIME_SHARE

    def _on_rollout_end(self) -> None:
        inner: Any = self.training_env.unwrapped
        self.logger.record("rollout/diverged", inner.diverged)

    def finish(self) -> None:
        """Evaluate and save the final state, unless it has been evaluated."""
        if self.num_timesteps > self.last_evaluation:
            self.evaluate()
        self.save()

    def evaluate(self) -> None:
        """Evaluate the policy, and save it if it is the best so far."""
        self.check_weights()
        seed = FIRST_SEED + self.cfg.seed + SELECTION_SEED_OFFSET
        score = evaluate_policy(acting(self.model), self.envs, self.cfg.eval_episodes, seed)
        self.last_evaluation = self.num_timesteps
        self.success_rate = score.success_rate
        self.curve.append([self.num_timesteps, round(self.seconds, 1), score.success_rate])
        log_score(self.logger, score)
        if self.cfg.observation != "state":
            log_saliency(self.model.policy, self.envs, seed, self.logger, self.num_timesteps)
        self.logger.dump(self.num_timesteps)
        rank = (score.success_rate, -float(score.distance.mean()))
        if rank > self.best_rank:
            self.best_rank = rank
            with together() as files:
                self.save_policy(files, self.run.best)

    def save(self, **more: Any) -> None:
        """Save the policy and the state of training, with `more` arrays in it."""
        self.check_weights()
        began = time.monotonic()
        self.last_checkpoint = self.num_timesteps
        with together(earlier=lambda path: path.with_name(path.name.replace("last", "before", 1))) as files:
            self.run.save_training(files, self.model, {**self.state(), **more})
            self.save_policy(files, self.run.last)
        self.saved_time = time.monotonic()
        self.save_seconds = self.saved_time - began

    def check_weights(self) -> None:
        """End the program, with what was saved kept, if a weight of the policy is not finite."""
        wrong = [name for name, weight in self.model.policy.named_parameters() if not weight.isfinite().all()]
        if wrong:
            self.fail_diverged(f"{len(wrong)} tensors of the policy, {wrong[0]} first,")

    def fail_diverged(self, what: str) -> NoReturn:
        """End the program with exit code 1 and a line that says what became NaN or infinite, and when."""
        when = f"between {self.last_checkpoint:,} and {self.model.num_timesteps:,} steps"
        way_out = "checkpoints/last is from before; a lower algo.learning_rate may help"
        fail(f"{what} became NaN or infinite {when}; {way_out}", code=1)

    def save_policy(self, files: FileSet, stem: Path) -> None:
        facts = {"num_timesteps": self.num_timesteps, "success_rate": self.success_rate}
        save_policy(files, stem, self.model, self.cfg, facts)


def log_score(logger, score: Score) -> None:
    """Record a score under eval/."""
    low, high = score.interval
    values = {
        "success_rate": score.success_rate,
        "success_low": low,
        "success_high": high,
        "success_once": float(score.success_once.mean()),
        **score.reported_metrics,
        "return": float(score.returns.mean()),
        "diverged": score.diverged,
    }
    for name, value in values.items():
        logger.record(f"eval/{name}", value)
