"""Three ways to draw: `gl`, OpenGL for learning; `pretty`, OpenGL for people; `rays`, ray casting without OpenGL."""
