"""Whether an eye sees that several window lengths draw a picture narrower than the best constant window does.

Streaks and patches of other grain are seen before a small gain is: the limits are those at which readers of real recordings
preferred one picture to the other.
"""

from ...results.metrics import Narrowing

_SEEN_GAIN = 0.2  # nats: what a local criterion gains over the plane is seen from here on
_SEEN_MEAN, _SEEN_CALM = 0.14, 0.065  # of the width, by which the mean place becomes narrower, see _RESTLESS
_SEEN_NARROWER, _SEEN_SHARE = 0.17, 0.4  # of the width, by which the narrower places do, and of the energy, at them
_SEEN_SHARE_REGIONS = 0.05  # of the energy, likewise, where lengths leave the constant one only in regions
_SEEN_MUCH, _SEEN_MUCH_SHARE = 0.38, 0.0025  # of the width and of the energy, likewise, at the much narrower places
_SEEN_MUCH_CALM = 0.35  # of the width, likewise, where window lengths change as calmly as ``_STREAKY``
_FEW, _MANY = 0.05, 0.25  # of the energy at much narrower places: in small patches, and in a good part of the picture
_WIDER = 0.1  # of the energy at narrower places: if wider places have more, they are seen instead
_RESTLESS = 0.3  # octaves a unit: lengths that change faster are seen before a small gain is
_STREAKY = 0.11  # likewise, where lengths leave the constant one only in regions
_SEEN_REGIONS = 0.1  # of the width, by which the energy as a whole becomes narrower in those regions


def is_seen(found: Narrowing, gain: float, calmed: bool) -> bool:
    """True where a picture becomes much narrower in the mean or at a few places; where its lengths change calmly, less will do.

    found: the comparison with the best constant window.
    gain: nats by which the loss over the plane falls, where lengths vary over one axis: these leave no patches. Else 0.
    calmed: True where lengths leave the constant one only in regions. These must be calmer still, or gain much: at however many
        places, or for the energy as a whole.
    """
    limit, most, least = (_STREAKY, 1.0, _SEEN_SHARE_REGIONS) if calmed else (_RESTLESS, _FEW, _SEEN_SHARE)
    calm, parts = found.restlessness <= limit, found.wider_share <= _WIDER * found.share
    some = found.narrower >= _SEEN_NARROWER and found.share >= least
    enough = _SEEN_MUCH_CALM if found.restlessness <= _STREAKY else _SEEN_MUCH
    few = found.much_narrower >= enough and _SEEN_MUCH_SHARE <= found.much_share <= most
    much = found.overall >= _SEEN_MEAN and (found.restlessness <= _RESTLESS or found.much_share >= _MANY)
    much |= parts and (few or (calm and (some or found.overall >= _SEEN_CALM)))
    much |= parts and calmed and found.narrower * found.share >= _SEEN_REGIONS
    return found.overall >= 0 and (much or gain >= _SEEN_GAIN)


def regions_may_do_better(found: Narrowing, lost: bool) -> bool:
    """True where lengths that leave the constant one only in regions may do better than the lengths compared.

    Lengths whose gain is not seen may be too restless for it, or may gain much at some places. Lengths whose gain is seen may owe it
    to few places and yet change elsewhere: in noise these changes look like slits.

    found: the comparison of the lengths with the best constant window.
    lost: True where their gain is not seen.
    """
    if lost:
        return found.restlessness > _RESTLESS or found.much_share >= _SEEN_MUCH_SHARE
    return found.restlessness > _STREAKY and found.overall < _SEEN_CALM and found.share < _SEEN_SHARE
