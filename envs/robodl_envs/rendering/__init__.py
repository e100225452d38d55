"""Rendering: images for learning by ray casting or OpenGL, and images of the scene for people."""
