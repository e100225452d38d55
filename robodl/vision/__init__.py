"""Image encoders: networks, supervised pretraining, and saliency."""
