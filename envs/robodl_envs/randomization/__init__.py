"""Domain randomisation: what may vary from episode to episode."""
