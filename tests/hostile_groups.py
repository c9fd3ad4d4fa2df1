"""The groups of the hostile corpus of recordings and tables, by name; each is a function that yields its cases."""

import hostile_riff
import hostile_streams
import hostile_text

RECORDINGS = {
    f"{module.__name__.removeprefix('hostile_')}-{name}": getattr(module, name)
    for module, names in (
        (hostile_riff, ("legal", "cuts", "sizes", "forms", "endless")),
        (hostile_streams, ("flac_legal", "flac_damaged", "flac_streams", "flac_claims", "vorbis", "opus")),
        (hostile_text, ("legal", "cells", "times", "slow", "no_text", "long_text")),
    )
    for name in names
}
