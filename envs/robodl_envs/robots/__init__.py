"""Robot arms, one file each, built with MjSpec from published numbers."""
