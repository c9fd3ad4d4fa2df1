"""Annotations of recordings: boxes over time and frequency from Raven, Audacity and Praat."""
