"""What `robodl.pages` writes: a page for each environment, from its code and from measured results."""
