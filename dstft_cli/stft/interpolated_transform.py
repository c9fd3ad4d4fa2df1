"""The transform at any θ as a weighted sum of transforms at a few window lengths (nodes), forward and adjoint.

Windows that vary over both axes then cost one FFT for each node among those of a frame instead of one sum for each bin. A few frames
at a time are in work, so that the memory stays bounded and most of it in the caches.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..system.devices import chunk_bytes
from .frames import Frames
from .log_interpolation import cubic_weights, node_count, node_lengths
from .windows import Window


class InterpolatedTransform:
    """A linear map from signals (N,) to S (F, T), by cubic interpolation in log θ between log-spaced window lengths.

    bounds: least and greatest window length in samples.
    window: the window family.
    density: nodes an octave.
    """

    def __init__(self, bounds: tuple[float, float], window: Window, density: float):
        low, high = min(bounds[0], bounds[1] * 2**-0.1), bounds[1]
        self.window = window
        self.lengths = node_lengths(low, high, node_count(low, high, density))
        self._log_low, self._per_octave = math.log2(low), (len(self.lengths) - 1) / math.log2(high / low)

    def forward(self, signal: Tensor, theta: Tensor, frames: Frames) -> Tensor:
        """S of a signal, (F, T) complex.

        signal: (N,) real.
        theta: window lengths in samples, within the bounds, (1 or F, 1 or T).
        frames: T frames of L samples.
        """
        samples = frames.gather(frames.padded(signal[None]))[0]
        phases = frames.phases(signal.dtype)
        out = signal.new_empty(len(frames), frames.support // 2 + 1, dtype=signal.dtype.to_complex())
        for here, reads, windows in self._blocks(theta, frames, signal.dtype):
            tapered = signal.new_empty(reads.count, frames.support)
            for frame, (rows, nodes) in zip(samples[here], reads.of_frames(), strict=True):
                torch.mul(windows(rows, nodes), frame, out=tapered[rows])
            spectra = torch.fft.rfft(tapered)
            torch.mul(reads.gathered(spectra), phases(here), out=out[here])
        return out.T

    def adjoint(self, spectrum: Tensor, theta: Tensor, frames: Frames, samples: int) -> Tensor:
        """Σ_mn Re(S[m, n]* a_mn) with a_mn the atom at each point: from S to samples, (samples,).

        spectrum: S, (F, T) complex.
        theta, frames: as for ``forward``.
        samples: N.
        """
        dtype = spectrum.real.dtype
        halves = torch.full((frames.support // 2 + 1,), 0.5, dtype=dtype, device=spectrum.device)
        halves[0] = halves[-1] = 1.0  # the inverse real FFT counts the inner bins twice
        turn = frames.phases(dtype).conjugate(halves)
        on_samples = torch.zeros(len(frames), frames.support, dtype=dtype, device=spectrum.device)
        for here, reads, windows in self._blocks(theta, frames, dtype):
            spectra = reads.spread(spectrum.T[here] * turn(here))
            tapered = torch.fft.irfft(spectra, n=frames.support, norm="forward")
            for frame, (rows, nodes) in zip(on_samples[here], reads.of_frames(), strict=True):
                torch.sum(tapered[rows].mul_(windows(rows, nodes)), 0, out=frame)
        return frames.scatter(on_samples[None], samples)[0]

    def _blocks(self, theta: Tensor, frames: Frames, dtype: torch.dtype) -> Iterator[tuple[slice, "_Reads", Callable]]:
        """Slices of frames, how their bins read spectra, and a function of rows and nodes to the windows of these spectra."""
        taps, lengths = frames.taps(dtype), torch.tensor(self.lengths, dtype=dtype, device=theta.device)[:, None]
        alike = self.window.value(taps, lengths) if len(taps) == 1 else None
        row = len(lengths) * (frames.support // 2 + 1) * theta.element_size()  # complex, at about half of the nodes
        size = max(1, chunk_bytes(theta.device) // row)
        whole = theta.expand(frames.support // 2 + 1, len(frames)).T
        for first in range(0, len(frames), size):
            here = slice(first, min(first + size, len(frames)))
            position = (whole[here].log2().contiguous() - self._log_low).mul_(self._per_octave)  # counted in nodes
            reads = _Reads(position, len(lengths))
            if alike is None:
                frame, node = reads.pairs()
                own = self.window.value(taps[here].index_select(0, frame), lengths.index_select(0, node))
                yield here, reads, lambda rows, nodes, own=own: own[rows]
            else:
                yield here, reads, lambda rows, nodes: alike[nodes]


class _Reads:
    """How the bins of some frames read spectra: of each frame those at all nodes from the least to the greatest that it needs.

    position: log θ of each bin counted in nodes, (T, F).
    nodes: how many there are.

    ``count`` is the number P of spectra, frame after frame.
    """

    def __init__(self, position: Tensor, nodes: int):
        node = position.to(torch.int64).clamp_(1, nodes - 3)
        t = position - node
        least, most = node.aminmax(dim=1)
        ends = (most - least + 4).cumsum(0)
        starts = ends - (most - least + 4)
        self.count, self._bins = int(ends[-1]), position.shape[1]
        self._rows = [slice(*pair) for pair in zip(starts.tolist(), ends.tolist(), strict=True)]
        self._nodes = [slice(*pair) for pair in zip((least - 1).tolist(), (most + 3).tolist(), strict=True)]
        self.weights = cubic_weights(t)
        # A bin reads the spectrum before its position and the three that follow: one index serves all four.
        first = (starts - least)[:, None] + node
        self._index = first.mul_(self._bins).add_(torch.arange(self._bins, device=node.device)).view(-1)

    def of_frames(self) -> Iterator[tuple[slice, slice]]:
        """The spectra of each frame, and their nodes."""
        return zip(self._rows, self._nodes, strict=True)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """The frame and the node of each spectrum, (P,) int64."""
        pairs = [(i, node) for i, nodes in enumerate(self._nodes) for node in range(nodes.start, nodes.stop)]
        frame, node = torch.tensor(pairs, device=self._index.device).T
        return frame, node

    def gathered(self, spectra: Tensor) -> Tensor:
        """S of the frames, (T, F), from the spectra, (P, F)."""
        flat, total = spectra.view(-1), 0.0
        for j, weight in enumerate(self.weights):
            total = total + flat[j * self._bins :].index_select(0, self._index).view(weight.shape) * weight
        return total

    def spread(self, values: Tensor) -> Tensor:
        """The adjoint of ``gathered``: from (T, F) complex to (P, F)."""
        flat = values.new_zeros(self.count * self._bins)
        for j, weight in enumerate(self.weights):
            flat[j * self._bins :].scatter_(0, self._index, (values * weight).reshape(-1))
        return flat.view(-1, self._bins)
