"""Train a policy: python -m robodl.train env=reach

Writes runs/<env>/<run>/ (checkpoints, TensorBoard, result.json) and videos/<env>/<run>/policy.mp4 below the
working directory.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import robodl
from robodl import cli
from robodl.config import TrainConfig, imitation_config, settled

# Settings that may change in a resumed run.
RESUMABLE = ("total_timesteps", "device", "resume", "video_episodes", "test_episodes", "algo.anneal_to")


def main() -> None:
    argv = sys.argv[1:]
    resumes = any(word.startswith("resume=") for word in argv)
    cli.guarded(lambda: resume(argv) if resumes else start(argv))


def start(argv: Sequence[str]) -> None:
    from robodl.hydra_command import launch

    launch("config", TrainConfig, train, argv)


def train(cfg) -> float:
    """One training run of a composed configuration; returns the success rate of its best policy."""
    from robodl.hydra_command import job_label, job_number
    from robodl.runs.run_folder import Run, new_folder, save_config

    began = time.time() if job_number() else robodl.START_TIME
    cfg = settled(TrainConfig, cfg)
    model, test_envs = build(cfg)
    run = Run(new_folder(Path("runs") / cfg.env.task, cfg.name, job_label()))
    save_config(run.folder, cfg)
    return learn(run, cfg, model, test_envs, began, {})


def resume(argv: Sequence[str]) -> float:
    """Go on with a run, whose settings stay as they are but for those in RESUMABLE."""
    from robodl.learning.annealing import go_on
    from robodl.runs.run_folder import Run

    for word in argv:
        if (key := word.partition("=")[0]) not in RESUMABLE:
            only = ", ".join(RESUMABLE)
            raise cli.UsageError(f"a resumed run keeps its settings; only {only} may be given, got {key}")
    given = cli.values_of(TrainConfig, argv)
    with cli.settings_errors():
        run = Run.existing(given["resume"])
        earlier = run.config()
        cfg = settled(TrainConfig, earlier | given, warn=False)
        model, test_envs = build(cfg)
        left_off = run.load_training(model)
    if cfg.total_timesteps < model.num_timesteps:
        raise cli.UsageError(
            f"{run.folder} is at {model.num_timesteps:,} steps: total_timesteps must be as many or more"
        )
    line, total = left_off.get("learning_rate"), int(earlier["total_timesteps"])
    go_on(model, cfg.total_timesteps, total, line, given.get("algo.anneal_to"))
    return learn(run, cfg, model, test_envs, robodl.START_TIME, left_off)


def check(cfg, job: str | None = None) -> None:
    """Refuse a composed configuration that can't run, by making all that it asks for once: UsageError."""
    from robodl.runs.run_folder import free_folder

    cfg = settled(TrainConfig, cfg)
    model, test_envs = build(cfg)
    model.env.close()
    test_envs.close()
    free_folder(Path("runs") / cfg.env.task, cfg.name, job)


def build(cfg) -> tuple[Any, Any]:
    """A model with its environments, and those to evaluate in; UsageError if a setting is refused."""
    from stable_baselines3.common.utils import set_random_seed

    from robodl.evaluation.rollout import MAX_ROWS
    from robodl.imitation.demonstrations import check_teaching
    from robodl.learning.build import build_model, pick_device, set_torch_threads, training_envs
    from robodl.vec_env import make_envs

    if not cfg.total_timesteps and not cfg.algo.get("imitation_transitions"):
        raise cli.UsageError(
            "total_timesteps=0 is for imitation alone: give algo.imitation_transitions, or more total_timesteps"
        )
    set_torch_threads(cfg.torch_threads)
    set_random_seed(cfg.seed)
    with cli.settings_errors():
        device = pick_device(cfg.device)
        envs: Any = training_envs(cfg, cfg.num_envs, device)
        test_envs = make_envs(cfg, min(MAX_ROWS, cfg.eval_episodes), "Disabled")
        model = build_model(cfg, envs, device)
        check_teaching(model, cfg, envs.unwrapped.envs)
    return model, test_envs


def learn(run, cfg, model, test_envs, began: float, left_off: dict[str, Any]) -> float:
    """From what was made to a table of results; left_off: the state that a resumed run stopped in."""
    from robodl.learning.checkpoints import Checkpoints
    from robodl.learning.stopping import Stopping
    from robodl.runs import report
    from robodl.runs.provenance import commit
    from robodl.runs.tensorboard import open_logger

    commit()  # of the code that learns, not of what the checkout is by its end

    with run.alone(), Stopping() as stop:
        model.set_logger(open_logger(run, cfg))
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        checkpoints = Checkpoints(run, cfg, test_envs, began, stop)
        checkpoints.init_callback(model)
        if left_off:
            checkpoints.restore(left_off)
        else:
            left_off = {"imitated": False}
            checkpoints.save(**left_off)  # a run can be resumed from its first second on
        report.say_start(run, cfg, model.device)
        try:
            seconds = fit(run, cfg, model, checkpoints, left_off)
            return finish(run, cfg, model, test_envs, seconds, checkpoints.curve)
        except KeyboardInterrupt:
            report.say_interrupted(run, cfg, checkpoints.last_checkpoint)
            raise


def fit(run, cfg, model, checkpoints, left_off: dict[str, Any]) -> float:
    """Imitate and learn, from where an earlier session left off; returns the seconds of all sessions."""
    from robodl.imitation.dagger import imitate
    from robodl.imitation.demonstrations import demonstrate
    from robodl.imitation.transition_store import TransitionStore
    from robodl.learning.critic_warmup import CriticWarmup
    from robodl.learning.live_progress import LiveProgress
    from robodl.learning.running_scale import RunningScale
    from robodl.learning.stagger import Stagger
    from robodl.learning.whitening import Whitening
    from robodl.runs import report

    if cfg.algo.get("demonstrations"):
        demonstrate(model, cfg)
    imitation, stopped = imitation_config(cfg.algo), left_off.get("imitation")
    if imitation.transitions:
        store = TransitionStore(run.imitation, stopped, lambda state: checkpoints.save(imitation=state))
        if stopped or not left_off.get("imitated", True):
            expert = cfg.algo.get("dataset") or imitation.teacher or "the scripted expert"
            print(f"imitating {expert}, {imitation.transitions:,} transitions", flush=True)
            last = imitation.last_updates / imitation.updates
            imitate(model, cfg, report.ImitationProgress(imitation.transitions, model.logger, last), store)
            checkpoints.save()
        store.delete()
    left = cfg.total_timesteps - model.num_timesteps
    if left <= 0 and checkpoints.last_evaluation >= model.num_timesteps:
        print(f"already at {model.num_timesteps:,} steps: give total_timesteps= to go on")
        return float(left_off["seconds"])
    live = LiveProgress(checkpoints, cfg.total_timesteps)
    try:
        if left > 0:
            algo = cfg.algo
            callbacks = [
                Whitening(),
                Stagger(algo.get("stagger", False)),
                RunningScale(algo.get("running_scale", False)),  # before checkpoints: part of what they save
                checkpoints,
                live,
                CriticWarmup(algo.get("critic_warmup_steps", 0)),
            ]
            model.learn(left, callbacks, reset_num_timesteps=model.num_timesteps == 0)
        checkpoints.finish()
    except (ValueError, RuntimeError) as error:  # PyTorch and the environments refuse what NaN weights give
        checkpoints.check_weights()
        if cli.raised_in("torch.distributions", error):
            checkpoints.fail_diverged("the distribution of actions")
        raise
    finally:
        live.stop()
    return checkpoints.seconds


def finish(run, cfg, model, test_envs, train_seconds: float, curve: list[list[float]]) -> float:
    """Test the best policy, draw it, and print the results; returns its success rate."""
    from robodl.evaluation.rollout import FIRST_SEED, evaluate_policy
    from robodl.learning.policy_files import load_policy
    from robodl.runs import report
    from robodl.runs.tensorboard import save_video

    print(f"testing the best policy on {cfg.test_episodes} fresh episodes", flush=True)
    with cli.settings_errors():
        policy, _ = load_policy(run.best, model.device)
    progress = report.counting("episodes", cfg.test_episodes)
    score = evaluate_policy(report.acting(policy), test_envs, cfg.test_episodes, FIRST_SEED + cfg.seed, progress)
    report.save_result(run, cfg, score, model.num_timesteps, train_seconds, curve)
    if cfg.video_episodes:
        print(f"drawing {cfg.video_episodes} of them", flush=True)
    video = save_video(run, cfg, policy, model.logger, model.num_timesteps)
    report.say_result(run, cfg, score, model.num_timesteps, train_seconds, video)
    model.logger.close()
    model.env.close()
    test_envs.close()
    return score.success_rate


if __name__ == "__main__":
    main()
