"""Recordings read into signals: audio files and tables of text."""
