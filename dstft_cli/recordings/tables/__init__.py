"""Columns of numbers in text files: layout, names, sampling rate, values."""
