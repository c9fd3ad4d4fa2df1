"""The differentiable STFT: windows, frames, transform, window bank, inverse, layer."""
