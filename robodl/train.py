"""Train a policy: python -m robodl.train env=reach

Writes runs/<env>/<run>/ (checkpoints, TensorBoard, result.json) and videos/<env>/<run>/policy.mp4 below the
working directory.
"""

import sys
import time

CLOCK = [time.time()]  # when the program began: a user waits for imports too; a multirun's later jobs begin their own

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from robodl import cli  # noqa: E402


def main() -> None:
    cli.show_hydra_errors()
    cli.guarded(lambda: compose(sys.argv[1:]))


def compose(argv: list[str]) -> None:
    from robodl.config import TrainConfig, launch, resumed

    launch("config", train, resumed(argv), TrainConfig)


def train(cfg) -> None:
    """One training run, from a composed configuration to a table of results."""
    from gymnasium.vector import AutoresetMode
    from hydra.core.hydra_config import HydraConfig
    from stable_baselines3.common.utils import set_random_seed

    from robodl.config import settle
    from robodl.evaluation.rollout import FIRST_SEED, MAX_ROWS, evaluate_policy
    from robodl.imitation.dagger import imitate
    from robodl.imitation.demonstrations import demonstrate
    from robodl.imitation.settings import imitation_config
    from robodl.imitation.transition_store import STATE_KEY, TransitionStore, saved_state
    from robodl.learning.build import build_model, pick_device, training_envs
    from robodl.learning.checkpoints import Checkpoints
    from robodl.learning.critic_warmup import CriticWarmup
    from robodl.learning.live_progress import LiveProgress
    from robodl.learning.policy_files import load_policy
    from robodl.learning.torch_threads import set_torch_threads
    from robodl.learning.vec_env import make_envs
    from robodl.runs import report
    from robodl.runs.run_folder import Run

    cfg = settle(cfg, HydraConfig.get().overrides.task)
    began = CLOCK.pop() if CLOCK else time.time()
    run = Run(Path(cfg.resume or HydraConfig.get().runtime.output_dir))
    set_torch_threads(cfg.torch_threads)
    set_random_seed(cfg.seed)
    device = pick_device(cfg.device)

    envs = training_envs(cfg, cfg.num_envs)
    test_envs = make_envs(cfg, min(MAX_ROWS, cfg.eval_episodes), AutoresetMode.DISABLED)
    model = build_model(cfg, envs, device)
    model.set_logger(report.open_logger(run, cfg))
    checkpoints = Checkpoints(run, cfg, test_envs, began)
    checkpoints.init_callback(model)
    left_off: dict[str, Any] = run.load_training(model) if cfg.resume else {}
    if cfg.resume:
        checkpoints.restore(left_off)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    live = LiveProgress(checkpoints, cfg.total_timesteps)
    report.say_start(run, cfg, device)

    try:
        if cfg.algo.get("demonstrations"):
            demonstrate(model, cfg)
        if cfg.algo.get("clone"):
            state, settings = saved_state(left_off), imitation_config(cfg.algo)
            store = TransitionStore(run.transitions, state, lambda state: checkpoints.save(**{STATE_KEY: state}))
            if not cfg.resume or state:
                expert = cfg.algo.get("dataset") or "the scripted expert"
                print(f"imitating {expert}, {settings.transitions:,} transitions", flush=True)
                last_round_factor = settings.last_updates / settings.updates
                imitate(model, cfg, report.Imitating(settings.transitions, model.logger, last_round_factor), store)
                checkpoints.save()
            store.delete()
        left = cfg.total_timesteps - model.num_timesteps
        if left > 0:
            model.learn(
                left,
                callback=[checkpoints, live, CriticWarmup(cfg.algo.get("value_first", 0))],
                reset_num_timesteps=not cfg.resume,
            )
            checkpoints.finish()
        elif checkpoints.last_evaluation < model.num_timesteps:  # a clone that learns no further
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
    score = evaluate_policy(report.acting(policy), test_envs, cfg.test_episodes, FIRST_SEED + cfg.seed)
    report.save_result(run, cfg, score, model.num_timesteps, train_seconds)
    if cfg.video_episodes:
        print(f"drawing {cfg.video_episodes} of them")
    video = report.save_video(run, cfg, policy, model.logger, model.num_timesteps)
    report.say_result(run, cfg, score, model.num_timesteps, train_seconds, video)
    model.logger.close()
    envs.close()
    test_envs.close()


if __name__ == "__main__":
    main()
