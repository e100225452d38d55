"""A second loss of imitation from images: the error of the simulator's state, told from an encoder's features."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from robodl.imitation.behaviour_cloning import encoder_of
from robodl.vision.encoder import MIN_STD
from robodl_envs.arrays import Array, concat

HIDDEN = 128
MOST = 4.0  # standard deviations, beyond which a number counts as no farther


def flat_state(observation: dict[str, Array]) -> Array:
    """A state observation's numbers, (N, k), in the order of their names."""
    return concat([observation[name] for name in sorted(observation)])


class StateLoss(nn.Module):
    """The error of a state told from an encoder's features: labels, which cost nothing here, of all that is in view.

    An action says little of what was not seen: an expert that waits until it stands right teaches a policy that can't
    tell whether it does to wait for ever. The network that tells the state is no part of the policy.

    Args:
        policy: whose encoder is to see; it is watched until `remove`.
        size: numbers of a state.
        weight: of this loss besides imitation's.
        seed: of the network's first weights.
    """

    def __init__(self, policy: Any, size: int, weight: float, seed: int):
        super().__init__()
        self.weight, self.features = weight, torch.empty(0)
        encoder = encoder_of(policy)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = [nn.Linear(encoder.features_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, size)]
        self.network = nn.Sequential(*layers).to(policy.device)
        self.hook = encoder.register_forward_hook(self.watch)

    def watch(self, encoder: nn.Module, inputs: Any, features: torch.Tensor) -> None:
        self.features = features

    def remove(self) -> None:
        """Watch the encoder no longer."""
        self.hook.remove()

    def set_states(self, states: np.ndarray) -> None:
        """Set the states, (n, k), that `forward` chooses from, to be told scaled to a standard deviation of 1."""
        scaled = (states - states.mean(axis=0)) / (states.std(axis=0) + MIN_STD)
        device = next(self.parameters()).device
        self.targets = torch.as_tensor(scaled, dtype=torch.float32, device=device).clip(-MOST, MOST)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The weighted mean absolute error of states, (B,) of them, whose features the encoder has just made."""
        return self.weight * functional.l1_loss(self.network(self.features), self.targets[ids])

    def saved(self) -> dict[str, np.ndarray]:
        """The network's weights, to be given to `restore`."""
        return {name: value.cpu().numpy().copy() for name, value in self.network.state_dict().items()}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        self.network.load_state_dict({name: torch.as_tensor(value) for name, value in saved.items()})
