"""Episodes of a policy, and the statistics that results are made of."""
