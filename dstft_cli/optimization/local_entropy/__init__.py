"""The loss ``local-entropy``: at every place the window length that shows its surroundings sharpest."""
