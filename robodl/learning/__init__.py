"""Learning: environments and models from a configuration, algorithms, callbacks and policy files."""
