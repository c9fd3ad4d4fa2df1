"""Ridges and harmonics followed through a spectrogram: their frequency, amplitude and confidence over time."""
