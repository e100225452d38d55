"""A run's folder: policies, checkpoints, results, videos and reports."""
