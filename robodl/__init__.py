"""Training for robodl_envs: Hydra-configured commands around Stable-Baselines3."""
