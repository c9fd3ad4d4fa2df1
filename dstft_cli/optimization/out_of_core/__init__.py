"""Runs whose time-frequency plane does not fit in memory: block by block, on disk."""
