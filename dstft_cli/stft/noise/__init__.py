"""The noise in a spectrogram."""
