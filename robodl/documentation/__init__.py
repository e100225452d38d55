"""Documentation made from code and results: pages of environments, tables of measurements."""
