"""Robot arms: an MJCF file and a Python file each."""
