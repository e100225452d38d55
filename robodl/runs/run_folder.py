"""A run's folder: what lies where in it, and the state that lets training go on.

checkpoints/best.*     the policy that did best in the periodic evaluations, see robodl.learning.policy_files
checkpoints/last.*     the policy of the last checkpoint
checkpoints/last.npz   everything else training needs to go on from there: arrays only, nothing pickled
checkpoints/imitation/ transitions that a policy imitates, until it has, see robodl.imitation.transition_store
checkpoints/*_sb3.zip  the same policies as Stable-Baselines3 writes them, for people who use it directly
tb/                    TensorBoard
result.json            the final numbers
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from stable_baselines3.common.base_class import BaseAlgorithm

from robodl.runs.atomic_write import replacing
from robodl.runs.sb3_internals import flatten, restore_training, training_state, unflatten


class Run:
    """The folder of one training run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.checkpoints = folder / "checkpoints"
        self.best, self.last = self.checkpoints / "best", self.checkpoints / "last"
        self.transitions = self.checkpoints / "imitation"
        self.tensorboard = folder / "tb"
        self.result = folder / "result.json"

    @classmethod
    def existing(cls, folder: str | Path) -> "Run":
        """The run of a folder that training left; ValueError with what is missing if it is none."""
        run = cls(Path(folder))
        for parent in run.folder.parents:
            if (parent / "checkpoints" / "last.json").is_file():
                raise ValueError(f"{folder} lies in a run folder; give the folder, {parent}")
        if not run.folder.is_dir():
            raise ValueError(f"no run folder at {folder}")
        for path in (run.last.with_suffix(".json"), run.last.with_suffix(".safetensors")):
            if not path.is_file():
                raise ValueError(f"{folder} is no run folder: it has no {path.relative_to(run.folder)}")
        return run

    def check_resumable(self) -> None:
        """ValueError unless everything that training goes on from is here."""
        if not self.last.with_suffix(".npz").is_file():
            raise ValueError(f"{self.folder} can't be resumed: it has no checkpoints/last.npz")

    def best_step(self) -> int:
        """The step count of the best policy."""
        return int(json.loads(self.best.with_suffix(".json").read_text())["num_timesteps"])

    def config(self) -> DictConfig:
        """The configuration that the run was started with."""
        try:
            return OmegaConf.create(json.loads(self.last.with_suffix(".json").read_text())["config"])
        except (ValueError, KeyError) as error:
            raise ValueError(f"{self.last}.json is damaged: {error}") from error

    def video(self, task: str) -> Path:
        return Path("videos") / task / self.folder.resolve().name / "policy.mp4"

    def save_training(self, model: BaseAlgorithm, extra: dict[str, Any]) -> None:
        """Write what `load_training` needs besides the policy, at once or not at all."""
        with replacing(self.last.with_suffix(".npz")) as path, path.open("wb") as file:
            np.savez(file, **flatten({**training_state(model), "extra": extra}))  # type: ignore[arg-type]

    def load_training(self, model: BaseAlgorithm) -> dict[str, Any]:
        """Put a fresh model into the state that was saved; returns `extra`."""
        with np.load(self.last.with_suffix(".npz"), allow_pickle=False) as file:
            state = unflatten({name: file[name] for name in file.files})
        restore_training(model, state)
        return state.get("extra", {})
