"""Learning from experts: DAgger, behaviour cloning, demonstrations and datasets."""
