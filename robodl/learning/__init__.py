"""From a configuration to a model that learns: vector environments, algorithms, networks and callbacks."""
