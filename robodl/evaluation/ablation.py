"""Ablations of a policy's motion and of its images: what each is worth."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from robodl_envs import Policy

MOTIONS = ("own", "still", "random")
SIGHTS = ("own", "noise")
HOLD_STEPS = 6  # that random motion keeps its direction


def replace_motion(policy: "Policy", envs: Any, motion: str, seed: int) -> "Policy":
    """Keep a policy's outputs for the task, and move the arm as `motion` says.

    Args:
        envs: that it acts in, an environment of ours, single or vector.
        motion: "own", as the policy does; "still", not at all; or "random", in directions that are each kept for some
            steps: a function of the row's episode and of the seed.
    """
    from robodl_envs.arrays import to_numpy
    from robodl_envs.experts.policy import EpisodeStreams

    if motion == "own":
        return policy
    batch, size = envs.unwrapped.batch, envs.unwrapped.robot.action_size
    streams, moves = EpisodeStreams(batch, seed), np.zeros((batch.num, size))

    def replaced(observation: dict[str, np.ndarray]) -> np.ndarray:
        if motion == "random":
            turns = np.flatnonzero(to_numpy(streams.elapsed) % HOLD_STEPS == 0)
            moves[turns] = to_numpy(streams.now().uniform(turns, [-1.0] * size, 1.0))
        action = np.array(policy(observation))
        action[:, :size] = moves
        return action

    return replaced


def replace_images(policy: "Policy", envs: Any, sight: str, seed: int) -> "Policy":
    """Give a policy its "own" images, or "noise".

    Noise is uniform in each image's range, new in each step, a function of the row's episode and of the seed.
    """
    from robodl_envs import MAX_DEPTH, SEGMENTATION_CLASSES, image_modality
    from robodl_envs.arrays import to_numpy
    from robodl_envs.experts.policy import EpisodeStreams

    if sight == "own":
        return policy
    streams, rows = EpisodeStreams(envs.unwrapped.batch, seed), np.arange(envs.unwrapped.batch.num)

    def blinded(observation: dict[str, np.ndarray]) -> "np.ndarray":
        stream, seen = streams.now(), dict(observation)
        for name, image in observation.items():
            if image.ndim == 4:
                high = {"depth": MAX_DEPTH, "segmentation": len(SEGMENTATION_CLASSES)}.get(image_modality(name)[1], 256)
                unit = to_numpy(stream.unit(rows, image[0].size)).reshape(image.shape)
                seen[name] = (high * unit).astype(image.dtype)
        return policy(seen)

    return blinded
