"""A result as a page to look closer at: layers, hover, cross sections, waveform and sound in one HTML file."""
