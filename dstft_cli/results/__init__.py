"""The outcome of a run, and its folder on disk: written and read."""
