"""Train a policy: python -m robodl.train env=reach

Writes runs/<env>/<run>/ (checkpoints, TensorBoard, result.json) and videos/<env>/<run>/policy.mp4 below the
working directory.
"""

import sys
import time

CLOCK = [time.time()]  # when the program began: a user waits for imports too; a sweep's later jobs begin their own

from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

from robodl import cli  # noqa: E402

RESUMABLE = ("total_timesteps", "device", "resume", "video_episodes", "test_episodes")  # may change in a resumed run


class Parts(NamedTuple):
    """Environments and model of a run, made before anything is written."""

    envs: Any
    test_envs: Any
    model: Any
    device: Any


def main() -> None:
    cli.guarded(lambda: command(sys.argv[1:]))


def command(argv: Sequence[str]) -> None:
    if any(word.startswith("resume=") for word in argv):
        resume(argv)
    else:
        from robodl.config import TrainConfig
        from robodl.hydra_command import launch

        launch("config", TrainConfig, train, argv)


def train(cfg) -> float:
    """One training run of a composed configuration; returns the success rate of its best policy."""
    from robodl.config import TrainConfig, settled
    from robodl.hydra_command import job_number, task_words
    from robodl.runs.run_folder import Run, new_folder, save_config

    began = CLOCK.pop() if CLOCK else time.time()
    cfg = settled(TrainConfig, cfg)
    check_name(cfg, job_number())
    parts = build(cfg)
    run = Run(new_folder(Path("runs") / cfg.env.task, cfg.name, job_number()))
    save_config(run.folder, cfg, task_words())
    return learn(run, cfg, parts, began, {})


def resume(argv: Sequence[str]) -> float:
    """Go on with a run, whose settings stay as they are but for those in RESUMABLE."""
    from robodl.config import TrainConfig, settled
    from robodl.options import options
    from robodl.runs.run_folder import Run

    known, given = options(TrainConfig), {}
    for word in argv:
        if word in ("-m", "--multirun"):
            raise cli.UsageError("runs are resumed one at a time, without -m")
        key, text = cli.split(word)
        if key not in RESUMABLE:
            only = ", ".join(RESUMABLE)
            raise cli.UsageError(f"a resumed run keeps its settings; only {only} may be given, got {key}")
        given[key] = known[key].checked(cli.value_of(known[key], text))
    with cli.settings_errors():
        run = Run.existing(given["resume"])
        run.check_resumable()
        cfg = settled(TrainConfig, run.config() | given, warn=False)
    parts = build(cfg)
    with cli.settings_errors():
        left_off = run.load_training(parts.model)
    return learn(run, cfg, parts, CLOCK.pop(), left_off)


def check(cfg, job: int | None = None) -> None:
    """Refuse a composed configuration that can't run, by making all that it asks for once: UsageError."""
    from robodl.config import TrainConfig, settled

    cfg = settled(TrainConfig, cfg)
    check_name(cfg, job)
    parts = build(cfg)
    parts.envs.close()
    parts.test_envs.close()


def check_name(cfg, job: int | None) -> None:
    from robodl.runs.run_folder import check_free

    check_free(Path("runs") / str(cfg.env.get("task")), cfg.name, job)


def build(cfg) -> Parts:
    """Environments and model; UsageError if the configuration's settings are refused."""
    from gymnasium.vector import AutoresetMode
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
        envs = training_envs(cfg, cfg.num_envs)
        test_envs = make_envs(cfg, min(MAX_ROWS, cfg.eval_episodes), AutoresetMode.DISABLED)
        model = build_model(cfg, envs, device)
        inner: Any = envs.unwrapped
        check_teaching(model, cfg, inner.envs)
    return Parts(envs, test_envs, model, device)


def learn(run, cfg, parts: Parts, began: float, left_off: dict[str, Any]) -> float:
    """From what was made to a table of results; left_off: the state that a resumed run stopped in."""
    from robodl.config import imitation_config
    from robodl.evaluation.rollout import FIRST_SEED, evaluate_policy
    from robodl.imitation.dagger import imitate
    from robodl.imitation.demonstrations import demonstrate
    from robodl.imitation.transition_store import TransitionStore
    from robodl.learning.checkpoints import Checkpoints
    from robodl.learning.critic_warmup import CriticWarmup
    from robodl.learning.live_progress import LiveProgress
    from robodl.learning.policy_files import load_policy
    from robodl.runs import report
    from robodl.runs.progress import ImitationProgress
    from robodl.runs.tensorboard import open_logger, save_video

    model, device = parts.model, parts.device
    model.set_logger(open_logger(run, cfg))
    checkpoints = Checkpoints(run, cfg, parts.test_envs, began)
    checkpoints.init_callback(model)
    if left_off:
        checkpoints.restore(left_off)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    live = LiveProgress(checkpoints, cfg.total_timesteps)
    report.say_start(run, cfg, device)

    try:
        if cfg.algo.get("demonstrations"):
            demonstrate(model, cfg)
        imitation, stopped = imitation_config(cfg.algo), left_off.get("imitation")
        if imitation.transitions:
            store = TransitionStore(run.imitation, stopped, lambda state: checkpoints.save(imitation=state))
            if stopped or not left_off:
                expert = cfg.algo.get("dataset") or "the scripted expert"
                print(f"imitating {expert}, {imitation.transitions:,} transitions", flush=True)
                last = imitation.last_updates / imitation.updates
                imitate(model, cfg, ImitationProgress(imitation.transitions, model.logger, last), store)
                checkpoints.save()
            store.delete()
        left = cfg.total_timesteps - model.num_timesteps
        if left > 0:
            model.learn(
                left,
                callback=[checkpoints, live, CriticWarmup(cfg.algo.get("critic_warmup_steps", 0))],
                reset_num_timesteps=not left_off,
            )
            checkpoints.finish()
        elif checkpoints.last_evaluation < model.num_timesteps:  # a policy that imitates and learns no further
            checkpoints.finish()
        else:
            print(f"already at {model.num_timesteps:,} steps: give total_timesteps= to go on")
    except KeyboardInterrupt:
        live.stop()
        report.say_interrupted(run, checkpoints.last_checkpoint)
        raise
    live.stop()
    train_seconds = checkpoints.seconds

    print(f"testing the best policy on {cfg.test_episodes} fresh episodes")
    policy, _ = load_policy(run.best, device)
    score = evaluate_policy(report.acting(policy), parts.test_envs, cfg.test_episodes, FIRST_SEED + cfg.seed)
    report.save_result(run, cfg, score, model.num_timesteps, train_seconds)
    if cfg.video_episodes:
        print(f"drawing {cfg.video_episodes} of them")
    video = save_video(run, cfg, policy, model.logger, model.num_timesteps)
    report.say_result(run, cfg, score, model.num_timesteps, train_seconds, video)
    model.logger.close()
    parts.envs.close()
    parts.test_envs.close()
    return score.success_rate


if __name__ == "__main__":
    main()
