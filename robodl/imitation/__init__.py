"""Learning from experts: DAgger, demonstrations and datasets."""
