"""Image encoders: networks, supervised pretraining, and what a policy attends to."""
