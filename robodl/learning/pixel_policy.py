"""The policy of pixel SAC: one image encoder for actor and critics, and layer norm in the critics."""

from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.sac.policies import MultiInputPolicy
from torch import nn


class PixelPolicy(MultiInputPolicy):
    """SAC's policy with one encoder, which the critic trains; actor and target critic use its features."""

    def _build(self, lr_schedule: Schedule) -> None:
        self.critic = self.make_critic(features_extractor=None)
        for q_network in self.critic.q_networks:
            insert_layer_norm(q_network)
        encoder = self.critic.features_extractor
        self.actor = self.make_actor(features_extractor=encoder)
        self.critic_target = self.make_critic(features_extractor=encoder)
        for q_network in self.critic_target.q_networks:
            insert_layer_norm(q_network)
        self.critic_target.load_state_dict(self.critic.state_dict())
        self.critic_target.set_training_mode(False)
        of_actor = [p for name, p in self.actor.named_parameters() if not name.startswith("features_extractor")]
        rate = lr_schedule(1)
        self.actor.optimizer = self.optimizer_class(of_actor, lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]
        of_critic = [p for p in self.critic.parameters() if p.requires_grad]  # a frozen encoder's don't
        self.critic.optimizer = self.optimizer_class(of_critic, lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]


def insert_layer_norm(q_network: nn.Module) -> None:
    """Insert layer norm after each hidden linear layer of a critic's network, in place."""
    assert isinstance(q_network, nn.Sequential)
    layers: list[nn.Module] = []
    for layer in q_network:
        layers.append(layer)
        if isinstance(layer, nn.Linear) and layer.out_features > 1:
            layers.append(nn.LayerNorm(layer.out_features))
    for k, layer in enumerate(layers):
        if k < len(q_network):
            q_network[k] = layer
        else:
            q_network.append(layer)
