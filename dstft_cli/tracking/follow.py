"""From spectrograms to the track that is asked for."""

from collections.abc import Sequence

from .harmonic import harmonic_track
from .limits import with_limits
from .plane import TrackedPlane
from .ridges import ridge_tracks
from .track import HARMONIC, Track, Tracking
from .watching import Watch


def follow(planes: Sequence[TrackedPlane], tracking: Tracking, watch: Watch) -> tuple[Track, TrackedPlane]:
    """The track, and the spectrogram under the windows that suit it best.

    planes: of the same frames, each under other windows.
    tracking: what is asked for.
    watch: told how far it is.

    Raises InputError for settings that clash with each other or with the planes.
    """
    limited = with_limits(tracking, planes)
    if tracking.method == HARMONIC:
        return harmonic_track(planes, limited, watch, None in (tracking.fmin, tracking.fmax))
    return ridge_tracks(planes, limited, watch)
