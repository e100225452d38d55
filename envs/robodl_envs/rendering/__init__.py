"""Rendering: images for learning by ray casting or OpenGL, and images of the scene for people.

RayRenderer and GlRenderer draw all cameras of an observation: `draw(ids, background)` gives rows ids as an array of
`ImageSpec.layout`, and `close()` frees what `draw` acquires, such as OpenGL contexts; the next `draw` acquires it anew.
They are made in `Component.bind`, so that the poses they bind are current when they draw.
"""
