"""Baselines for CI: recorded, repeated and compared within tolerances."""
