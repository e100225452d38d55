"""The Hydra configuration tree of robodl, shipped inside the package."""
