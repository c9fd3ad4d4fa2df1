"""Tracks as tables: read, compared, written as labels, drawn as lines."""
