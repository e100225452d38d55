"""Perception tasks: an arm moves a camera, and the policy says what it sees."""
