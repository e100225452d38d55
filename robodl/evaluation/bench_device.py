"""Speed of environments on MuJoCo Warp: whole steps, and the simulator's alone."""

import statistics
import time
from collections.abc import Callable
from typing import Any

REPEATS = 5
STEPS_AT_ONCE = 10  # between two looks at the clock, for which the device must have finished
GPU_ROWS, CPU_ROWS = [1024, 4096, 16384], [64]


def bench_device(options, device: Any) -> list[dict[str, Any]]:
    """Measure the environments of every number of rows and print a table; returns its rows.

    Actions are random and on the device before a step; autoreset, rewards and infos are included. Raw are the steps of
    the simulator alone, in turns with the environment's.
    """
    import torch

    rows = options.num_envs or (CPU_ROWS if device.type == "cpu" else GPU_ROWS)
    of_images = options.observation != "state"
    images = f", {len(options.cameras)} images of {options.image_size}x{options.image_size}" if of_images else ""
    print(f"{options.env} on MuJoCo Warp, {device}{images}")
    print("   rows     steps/s  raw steps/s  of raw  memory MB")
    results = []
    for num in rows:
        result = measure(options, num, device)
        results.append(result)
        print(
            f"{num:>7}{result['steps_per_s']:>12,.0f}{result['raw_steps_per_s']:>13,.0f}{result['ratio']:>8.3f}"
            f"{result['memory_mb']:>11,.0f}",
            flush=True,
        )
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return results


def measure(options, num: int, device: Any) -> dict[str, Any]:
    """One row of the table."""
    import torch

    from robodl_envs import make_vec

    settings: dict[str, Any] = {"robot": options.robot, "control": options.control or "tool"}
    settings |= {"timestep": options.timestep, "observation": options.observation}
    if options.observation != "state":
        settings |= {"cameras": options.cameras, "image_size": options.image_size}
    free = memory_in_use(device)
    envs: Any = make_vec(
        options.env,
        num_envs=num,
        backend="warp",
        device=str(device),
        max_episode_steps=50,
        autoreset_mode="SameStep",
        **settings,
    )
    envs.reset(seed=0)
    actions = 2.0 * torch.rand(num, *envs.single_action_space.shape, device=device) - 1.0
    sim, nstep = envs.batch.sim, envs.batch.nstep
    turns: list[Callable[[], Any]] = [lambda: envs.step(actions), lambda: sim.step(nstep)]
    for turn in turns:  # kernels are compiled and graphs captured
        turn()
    memory = memory_in_use(device) - free
    rates = [[num * rate(turn, options.seconds / 2.0, device) for turn in turns] for _ in range(REPEATS)]
    envs.close()
    ours, raw = (statistics.median(column) for column in zip(*rates, strict=True))
    return {
        "backend": "warp",
        "device": str(device),
        "num_envs": num,
        "steps_per_s": ours,
        "raw_steps_per_s": raw,
        "ratio": statistics.median(one / other for one, other in rates),
        "memory_mb": memory / 1e6,
    }


def rate(work: Callable[[], Any], seconds: float, device: Any) -> float:
    """Measure how often a second something is done, the device having finished it."""
    steps, begin = 0, time.perf_counter()
    while (now := time.perf_counter()) - begin < seconds:
        for _ in range(STEPS_AT_ONCE):
            work()
        steps += STEPS_AT_ONCE
        wait_for(device)
        now = time.perf_counter()
    return steps / (now - begin)


def wait_for(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def memory_in_use(device: Any) -> int:
    """Bytes in use on a GPU, by everything; 0 for the CPU."""
    import torch

    if device.type != "cuda":
        return 0
    free, total = torch.cuda.mem_get_info(device)
    return total - free
