"""Whitening before learning by reward: by the first images that all rows show."""

from typing import Any

import torch
from stable_baselines3.common.callbacks import BaseCallback

from robodl.vision.encoder import Encoder


class Whitening(BaseCallback):
    """Tell encoders that whiten images what to whiten by, before the first step: it stays the same from then on.

    Imitation and pretraining have told theirs already.
    """

    def _on_step(self) -> bool:
        return True

    def _on_training_start(self) -> None:
        model: Any = self.model
        encoders = [module.image_encoder for module in model.policy.modules() if isinstance(module, Encoder)]
        for encoder in encoders:
            if encoder is not None and not encoder.is_fitted:
                images = {key: torch.as_tensor(model._last_obs[key], device=model.device) for key in encoder.space}
                encoder.fit_whitening(images, torch.arange(model.n_envs))
