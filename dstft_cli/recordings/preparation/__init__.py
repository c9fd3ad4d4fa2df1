"""What is done to samples before the analysis: levels in a physical unit, whitening, filters."""
