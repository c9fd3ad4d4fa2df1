"""What a training is asked for, and the lengths that follow from the clips."""

import math
from dataclasses import dataclass, field

from ...config.lengths import LEAST_WINDOW, Length
from ...config.loading import Config
from ...errors import InputError
from ...stft.modes import CONSTANT, FIXED_HOP, FREQUENCY
from ...text import quoted
from ...training.fit import Budget
from ...training.run import Setup
from ...training.spectrogram import FEATURES, LOG
from ...training.task import CLASSIFY

_SUPPORT = 0.064  # s; the power of two nearest to it
_HOPS = 8  # a support
_LEAST = 32  # a support: the shortest learnt window
_FIXED = 5  # windows to compare with, an octave apart


@dataclass(frozen=True)
class TrainSettings:
    """The settings of ``dstft train``.

    config: its sections ``signal``, ``transform`` and ``run`` are used.
    task: one of TASKS. seeds: number of trainings with the learnt window. fixed: lengths to compare with, "none", or None for five.
    budget: of each training. dropout: of the default network. features: one of FEATURES. model: package.module:factory, or None.
    clip: s, or None. resample: Hz, or None. workers: threads that read. label_pattern, label_column: as in find_examples.
    """

    config: Config
    task: str = CLASSIFY
    seeds: int = 5
    fixed: str | None = None
    budget: Budget = field(default_factory=lambda: Budget(20, 32, 2e-3, 0.01))
    dropout: float = 0.3
    features: str = LOG
    model: str | None = None
    clip: float | None = None
    resample: float | None = None
    workers: int = 1
    label_pattern: str | None = None
    label_column: str | None = None

    def check(self) -> None:
        """Raises InputError for settings that cannot work, before any clip is read."""
        transform, signal = self.config.transform, self.config.signal
        if transform.mode not in (CONSTANT, FREQUENCY):
            raise InputError(
                f"--mode {transform.mode}: a training learns one window for all clips, {CONSTANT} or {FREQUENCY}"
            )
        if transform.hop_mode != FIXED_HOP:
            raise InputError("transform.hop_mode: a training needs frames that do not move")
        if signal.channel is not None and str(signal.channel).strip() == "all":
            raise InputError(
                "--channel all: a training reads one channel of each clip; give its number, its name or mix"
            )
        if self.features not in FEATURES:
            raise InputError(f"--features {quoted(self.features)}: choose one of {', '.join(FEATURES)}")
        _fixed_words(self.fixed)
        for name, value in (("--clip", self.clip), ("--resample", self.resample)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} {value:g}: it must be more than 0")


def make_setup(settings: TrainSettings, rate: float, samples: int) -> Setup:
    """The lengths of a run in samples.

    rate: Hz. samples: of each clip.

    Raises InputError where they contradict each other.
    """
    transform = settings.config.transform
    support = transform.support.samples(rate, samples)
    if support is None:
        support = 2 ** round(math.log2(max(8.0, min(_SUPPORT * rate, samples))))
    support = 2 * round(support / 2)
    hop = transform.hop.samples(rate, support) or max(1, support // _HOPS)
    hop = max(1, round(hop))
    theta = transform.theta.samples(rate, support)
    theta_min = transform.theta_min.samples(rate, support) or max(float(LEAST_WINDOW), support / _LEAST)
    theta_min = theta_min if theta is None else min(theta, theta_min)
    for name, value in (("--theta", theta), ("--theta-min", theta_min)):
        if value is not None and not LEAST_WINDOW <= value <= support:
            raise InputError(
                f"{name}: {value:g} samples; it must be between {LEAST_WINDOW} and the support, {support} samples"
            )
    fixed = _fixed_lengths(settings.fixed, rate, support)
    return Setup(support, hop, theta_min, theta, transform.mode, transform.window, settings.features, fixed)


def _fixed_lengths(text: str | None, rate: float, support: int) -> tuple[float, ...]:
    if text is None:
        return tuple(support / 2**i for i in reversed(range(_FIXED)) if support / 2**i >= LEAST_WINDOW)
    lengths = []
    for word, own in _fixed_words(text):
        length = own.samples(rate, support)
        if length is None or not LEAST_WINDOW <= length <= support:
            raise InputError(
                f"--fixed {word}: a window of {LEAST_WINDOW} samples to the support, {support} samples ({1e3 * support / rate:.4g} ms), "
                "is possible; a larger --support allows longer ones"
            )
        lengths.append(length)
    if len(set(lengths)) < len(lengths):
        raise InputError(f"--fixed {quoted(text)}: two of the lengths are the same")
    return tuple(sorted(lengths))


def _fixed_words(text: str | None) -> list[tuple[str, Length]]:
    """The lengths of --fixed, each as it was written and as a length; none for "none" and for None."""
    if text is None or text.strip().lower() == "none":
        return []
    words = [word for word in map(str.strip, text.split(",")) if word]
    if not words:
        raise InputError(f"--fixed {quoted(text)}: give lengths such as 10,20,30 or 5ms,10ms, or none")
    try:
        return [(word, Length.parse(word)) for word in words]
    except InputError as error:
        raise InputError(f"--fixed: {error}") from None
