"""Scripted experts and baselines: one file a task."""
