"""Layers built from flat settings, as tests vary them."""

from dstft_cli import DSTFT, Hops

_OF_HOPS = {"hop": "hop", "hop_mode": "mode", "hop_min": "hop_min", "overlap": "overlap"}
_OF_HOPS |= {"num_frames": "num_frames", "frame_positions": "frame_positions"}


def build_layer(support: int, hop: float | None = None, **settings) -> DSTFT:
    """A DSTFT; settings of Hops (``hop_mode`` for its mode) stand beside those of the layer."""
    hops = {name: settings.pop(key) for key, name in _OF_HOPS.items() if key in settings}
    return DSTFT(support, Hops(**{"hop": hop, **hops}), **settings)
