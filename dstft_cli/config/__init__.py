"""The configuration: its keys, YAML files and presets, lengths with units, and the time-frequency grid they give."""
