"""Rendering: images for learning by ray casting or OpenGL, and images of the scene for people.

RayRenderer, GlRenderer and WarpRenderer draw all cameras of an observation: `draw(ids, background)` gives rows ids as
an array of `ImageSpec.layout`, or, as tensors, its bytes; and `close()` frees what `draw` acquires, such as OpenGL
contexts; the next `draw` acquires it anew. They are made in `Component.bind`, so that the poses they bind are current
when they draw.
"""
