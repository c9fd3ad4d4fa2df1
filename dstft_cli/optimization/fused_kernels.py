"""Compiled loops over rows of a plane: they read a window bank, sum what the loss entropy is made of, and form its gradient.

Numba compiles them when they are first called, in two seconds, and keeps them on disk for later processes. Each call works
on rows ``first`` to ``last`` - 1 of C-contiguous float32 arrays and lets other threads run meanwhile. Inner loops run over slices
from 0 on, or read at unsigned places: a place that may be negative costs a test.
"""

import math

import numpy as np
from numba import njit

_F, _I, _U, _PAIR = np.float32, np.int32, np.uintp, np.int64
_TILE = 128  # bins whose temporaries stay in the first cache
_FAINT = _F(np.finfo(np.float32).tiny ** 0.5)  # squares of lesser magnitudes are no normal floats
_LEAST = _F(1e-30)  # of a magnitude in a logarithm
_ONE, _HALF, _THIRD, _SIXTH, _LOG_2 = _F(1), _F(1 / 2), _F(1 / 3), _F(1 / 6), _F(math.log(2))
_ROOT_HALF, _MANTISSA_BITS = _I(_F(math.sqrt(0.5)).view(_I)), _I(23)


def _log_series() -> tuple:
    """Coefficients of P, highest power first: log(1 + m) = m - m²/2 + m³ P(m) for 1/√2 <= 1 + m < √2, to single precision."""
    angles = (np.arange(64) + 0.5) * np.pi / 64
    m = 0.0607 + 0.3536 * np.cos(angles)
    powers = np.polyfit(m, (np.log1p(m) - m + m**2 / 2) / m**3, 8)
    return tuple(_F(power) for power in powers)


_P = _log_series()

# NaN and infinity keep their meaning, since a descent ends on them.
_compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})


@_compiled
def _log(value):
    bits = _F(value).view(_I)
    power = _I(_I(bits - _ROOT_HALF) >> _MANTISSA_BITS)
    m = _I(bits - _I(power << _MANTISSA_BITS)).view(_F) - _ONE
    p = (((_P[0] * m + _P[1]) * m + _P[2]) * m + _P[3]) * m + _P[4]
    p = (((p * m + _P[5]) * m + _P[6]) * m + _P[7]) * m + _P[8]
    return m + m * m * (m * p - _HALF) + _F(power) * _LOG_2


@_compiled
def sum_rows(first, last, values, near, nodes, log_theta, log_min, per_octave, epsilon, change, logs, inverse, sums):
    """Read |S|, and sum it in each row.

    values: S at B nodes uniform in log θ, (F, T, B), each as one integer of 64 bits.
    near, nodes: kept from call to call: the four values that each point read last, (F, T, 4), and which they are, (F, T) int16, 0
        at first. Few points leave them in a step, and a read in one piece takes half the time.
    log_theta: log2 of window lengths in samples, (F, T), within the nodes.
    log_min, per_octave: log2 of the first node's length in samples, and the nodes in an octave.
    epsilon: smoothing of the total variation, in octaves.
    change, logs, inverse: written, (F, T): ∂|S|/∂(log2 θ), log |S|, and 1 over the square root of the total variation.
    sums: written, (F, 3) float64: Σ|S|, Σ |S| log |S| and the total variation.
    """
    rows, columns = log_theta.shape
    corners, part, size = np.empty((4, _TILE), _PAIR), np.empty(_TILE, _F), np.empty(_TILE, _F)
    beside = np.empty(_TILE + 2, _F)
    for row in range(first, last):
        above, below = log_theta[max(row - 1, 0)], log_theta[min(row + 1, rows - 1)]
        total, product, variation = 0.0, 0.0, 0.0
        for start in range(0, columns, _TILE):
            end = min(start + _TILE, columns)
            count, tile = end - start, log_theta[row, start:end]
            at_nodes, kept, which = values[row, start:end], near[row, start:end], nodes[row, start:end]
            slopes, roots, tile_logs = change[row, start:end], inverse[row, start:end], logs[row, start:end]
            _read(tile, log_min, per_octave, at_nodes, kept, which, corners, part)
            _magnitude(corners.view(_F), part, per_octave, size, slopes)
            tile_total, tile_product = _F(0), _F(0)
            for i in range(count):
                log = _log(size[i] if size[i] > _LEAST else _LEAST)
                tile_total += size[i]
                tile_product += size[i] * log
                tile_logs[i] = log
            total += tile_total
            product += tile_product
            beside[0], beside[count + 1] = log_theta[row, max(start - 1, 0)], log_theta[row, min(end, columns - 1)]
            beside[1 : count + 1] = tile
            variation += _variation(tile, beside, above[start:end], below[start:end], epsilon, roots)
        sums[row, 0], sums[row, 1], sums[row, 2] = total, product, variation


@_compiled
def _read(log_theta, log_min, per_octave, values, near, nodes, corners, part):
    """S at the four nodes about each length of a tile, (4, n), and the part of the way from the second to the third, (n,)."""
    most = _I(values.shape[1] - 3)
    for i in range(len(log_theta)):
        position = (log_theta[i] - log_min) * per_octave
        node = min(max(_I(position), _I(1)), most)
        part[i] = position - _F(node)
        if node != nodes[i]:
            nodes[i] = node
            for j in range(4):
                near[i, j] = values[i, _U(node - 1) + _U(j)]
        for j in range(4):
            corners[j, i] = near[i, j]


@_compiled
def _magnitude(corners, part, per_octave, size, slopes):
    """|S| of a tile and ∂|S|/∂(log2 θ), (n,), from real and imaginary parts of S at four nodes, (4, 2n)."""
    for i in range(len(slopes)):
        t, j = part[i], 2 * i
        re, re_slope = _cubic(corners[0, j], corners[1, j], corners[2, j], corners[3, j], t)
        im, im_slope = _cubic(corners[0, j + 1], corners[1, j + 1], corners[2, j + 1], corners[3, j + 1], t)
        size[i] = np.sqrt(re * re + im * im)
        divisor = size[i] if size[i] > _FAINT else _FAINT
        slopes[i] = (re * re_slope + im * im_slope) * (per_octave / divisor)


@_compiled
def _variation(log_theta, beside, above, below, epsilon, roots):
    """The total variation of a tile; beside: the same lengths with one more at either end. roots: written, as ``inverse`` is."""
    total = _F(0)
    for i in range(len(log_theta)):
        here = log_theta[i]
        left, right, up, down = beside[i] - here, beside[i + 2] - here, above[i] - here, below[i] - here
        square = left * left + right * right + up * up + down * down + epsilon * epsilon
        roots[i] = _ONE / np.sqrt(square)
        total += max(square * roots[i] - epsilon, _F(0))
    return total


@_compiled
def _cubic(before, here, after, beyond, t):
    """The cubic through values at -1, 0, 1, 2, and its slope, at t."""
    first = after - _THIRD * before - _HALF * here - _SIXTH * beyond
    second = _HALF * (before + after) - here
    third = _SIXTH * (beyond - before) + _HALF * (here - after)
    inner = second + third * t
    outer = first + inner * t
    return here + outer * t, outer + (inner + third * t) * t


@_compiled
def slope_rows(first, last, log_theta, change, logs, inverse, weights, gradient):
    """The gradient of a weighted sum of the three sums, by log2 θ.

    log_theta, change, logs, inverse: as ``sum_rows`` takes and writes them.
    weights: (3,), of the sums.
    gradient: written, (F, T).
    """
    rows, columns = log_theta.shape
    of_logs, of_variation = weights[1], weights[2]
    of_ones = weights[0] + weights[1]
    for row in range(first, last):
        above, below = max(row - 1, 0), min(row + 1, rows - 1)
        for column in range(columns):
            left, right = max(column - 1, 0), min(column + 1, columns - 1)
            here, own = log_theta[row, column], inverse[row, column]
            pull = (here - log_theta[row, left]) * (own + inverse[row, left])
            pull += (here - log_theta[row, right]) * (own + inverse[row, right])
            pull += (here - log_theta[above, column]) * (own + inverse[above, column])
            pull += (here - log_theta[below, column]) * (own + inverse[below, column])
            by_magnitude = of_ones + of_logs * logs[row, column]
            gradient[row, column] = by_magnitude * change[row, column] + of_variation * pull
